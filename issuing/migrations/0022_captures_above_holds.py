"""Holds of captures above what was held. Whoever changes issuing_record_decision next begins with RECORD."""

from importlib import import_module

from django.db import migrations, models

# What merchants took beyond a hold is held by itself, and is not what the issuer says stands.
BEFORE = str(import_module("issuing.migrations.0019_masked_bodies").RECORD)
STANDS = "FROM issuing_hold WHERE authorization_id = v_authorization.id AND status = 'placed';"
RECORD = BEFORE.replace(STANDS, STANDS.replace("'placed';", "'placed' AND NOT of_capture;"))
assert RECORD != BEFORE  # noqa: S101  (it was found)


class Migration(migrations.Migration):
    dependencies = [
        ("issuing", "0021_contradicting_movements"),
    ]

    operations = [
        migrations.AddField(
            model_name="hold",
            name="of_capture",
            field=models.BooleanField(
                db_default=False, default=False, help_text="Taken by merchants beyond what was held."
            ),
        ),
        migrations.AddConstraint(
            model_name="hold",
            constraint=models.CheckConstraint(
                condition=models.Q(("of_capture", False), ("decision", None), _connector="OR"),
                name="what_a_capture_takes_is_no_decisions",
            ),
        ),
        migrations.RunSQL(RECORD, BEFORE),
    ]
