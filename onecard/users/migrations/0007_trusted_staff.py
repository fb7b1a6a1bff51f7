"""The few staff among the logins are found by an index: pages name those who may approve."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("users", "0006_roles"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="user",
            index=models.Index(
                condition=models.Q(("trusted_from__isnull", False)), fields=["trusted_from"], name="login_trusted_staff"
            ),
        ),
    ]
