from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("issuing", "0004_limit_numbers"),
    ]

    operations = [
        migrations.AddField(
            model_name="issueraccount",
            name="identity_reported_at",
            field=models.DateTimeField(blank=True, help_text="An older report changes nothing.", null=True),
        ),
        migrations.AddField(
            model_name="issueraccount",
            name="identity_standing",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="What the issuer reported of the identity last.",
                max_length=20,
            ),
        ),
    ]
