"""A card's limits are in order: one purchase at most a day, a day at most a month.

Where they were not, the higher one is lowered to the lower one that held anyway, so no purchase is decided otherwise.
The constraint is checked against the older rows in the next migration, which locks nobody out.
"""

from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models
from django.db.models import F, Q

LOWER = """
UPDATE issuing_virtualcard
   SET daily_limit_minor = least(daily_limit_minor, monthly_limit_minor),
       per_transaction_limit_minor = least(per_transaction_limit_minor, daily_limit_minor, monthly_limit_minor)
 WHERE per_transaction_limit_minor > daily_limit_minor OR daily_limit_minor > monthly_limit_minor;
"""


class Migration(migrations.Migration):
    dependencies = [("issuing", "0015_hourly_sums")]
    operations = [
        migrations.RunSQL(LOWER, migrations.RunSQL.noop),
        AddConstraintNotValid(
            model_name="virtualcard",
            constraint=models.CheckConstraint(
                condition=Q(per_transaction_limit_minor__lte=F("daily_limit_minor"))
                & Q(daily_limit_minor__lte=F("monthly_limit_minor")),
                name="card_limits_in_order",
            ),
        ),
    ]
