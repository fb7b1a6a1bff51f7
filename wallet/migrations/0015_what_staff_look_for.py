"""What staff look for: the charges of a card and of some days, and what a person owed. Built while the product runs."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("wallet", "0014_cases_by_hand"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="fundingcharge",
            index=models.Index(fields=["method", "-id"], name="charge_of_card"),
        ),
        AddIndexConcurrently(
            model_name="fundingcharge",
            index=models.Index(fields=["created_at", "id"], name="charge_in_time"),
        ),
        AddIndexConcurrently(
            model_name="fundingobligation",
            index=models.Index(fields=["cardholder", "-id"], name="obligation_of_person"),
        ),
    ]
