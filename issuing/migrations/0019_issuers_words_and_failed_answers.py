"""Why the issuer declined, in its own words, and the answers of ours that failed. Adding them rewrites no row."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("issuing", "0018_what_staff_look_for"),
    ]

    operations = [
        migrations.AddField(
            model_name="authorization",
            name="answer_failed",
            field=models.CharField(
                blank=True,
                choices=[
                    ("timeout", "The issuer got no answer of ours in time"),
                    ("error", "The issuer could not use our answer"),
                    ("late", "We could not decide in time"),
                    ("unrecorded", "We declined, and no decision is on record"),
                ],
                db_default="",
                default="",
                editable=False,
                help_text="Why the purchase did not get the answer that it should have had from us; empty for none.",
                max_length=20,
            ),
        ),
        migrations.AddField(
            model_name="authorization",
            name="issuer_message",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                editable=False,
                help_text="What the issuer adds to its reason, in its own words.",
                max_length=200,
            ),
        ),
    ]
