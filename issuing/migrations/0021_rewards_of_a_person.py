from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("issuing", "0020_unanswered_purchases")]
    operations = [
        migrations.AddIndex(
            model_name="rewardentry",
            index=models.Index(fields=["method", "local_month"], name="reward_of_method"),
        ),
    ]
