"""Old names of time zones, such as US/Central, become the present ones. A name that is none stays, and is warned of."""

from typing import Any

from django.db import migrations

from onecard.kit.time_zones import canonical


def rename(apps: Any, _schema_editor: Any) -> None:
    holders = apps.get_model("wallet", "Cardholder").objects
    for key, name in holders.order_by().values_list("pk", "time_zone").iterator():
        if canonical(name) != name:
            holders.filter(pk=key).update(time_zone=canonical(name))


class Migration(migrations.Migration):
    dependencies = [("wallet", "0020_logins_of_wallets_are_fixed")]
    operations = [migrations.RunPython(rename, migrations.RunPython.noop)]
