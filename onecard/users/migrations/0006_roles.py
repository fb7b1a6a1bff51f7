"""The right to choose roles. Groups named like the product's roles keep their members and powers under another name.

The roles themselves are made and given their permissions after all migrations (onecard/users/roles.py), because only
then do all permissions exist.
"""

from typing import Any

from django.db import migrations

WORDS = "Can invite staff, choose their role, and remove a lost second factor"
NAMES = ("support", "operations", "risk", "finance", "auditor", "administrator")


def make_room(apps: Any, _schema_editor: Any) -> None:
    for group in apps.get_model("auth", "Group").objects.filter(name__in=NAMES):
        group.name = f"{group.name} (before roles)"
        group.save(update_fields=["name"])


def make_groups(apps: Any, _schema_editor: Any) -> None:
    groups = apps.get_model("auth", "Group").objects
    for name in NAMES:
        groups.create(name=name)


class Migration(migrations.Migration):
    dependencies = [("auth", "0012_alter_user_first_name_max_length"), ("users", "0005_language_and_time_zone")]

    operations = [
        migrations.AlterModelOptions(
            name="user",
            options={
                "permissions": [
                    ("assign_roles", "Can invite staff, choose their role, and remove a lost second factor")
                ],
                "verbose_name": "user",
                "verbose_name_plural": "users",
            },
        ),
        migrations.RunPython(make_room, migrations.RunPython.noop),
        migrations.RunPython(make_groups, migrations.RunPython.noop),
    ]
