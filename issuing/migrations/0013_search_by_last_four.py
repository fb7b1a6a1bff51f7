from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("issuing", "0012_evidence_for_the_issuer")]
    operations = [
        migrations.AddIndex(
            model_name="virtualcard",
            index=models.Index(fields=["last_four"], name="card_last_four"),
        ),
    ]
