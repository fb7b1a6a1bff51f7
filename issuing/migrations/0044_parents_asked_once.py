"""What decisions and holds name is checked once for each statement, and no longer row by row (docs/decisions/0070).

Installs frozen copies of functions and triggers; issuing/sql/ has the current text.
"""

from pathlib import Path

import django.db.models.deletion
from django.db import migrations, models

INSTALL = Path(__file__).with_name("sql") / "0044_parents_asked_once.sql"
REMOVE = """
DROP TRIGGER issuing_decision_has_parents ON issuing_decision;
DROP TRIGGER issuing_hold_has_parents ON issuing_hold;
DROP TRIGGER issuing_hold_keeps_parents ON issuing_hold;
DROP TRIGGER issuing_authorization_stays ON issuing_authorization;
DROP TRIGGER issuing_spendwindow_stays ON issuing_spendwindow;
DROP FUNCTION issuing_decisions_have_parents();
DROP FUNCTION issuing_holds_have_parents();
"""


class Migration(migrations.Migration):
    dependencies = [("issuing", "0043_history_from_the_journal")]
    operations = [
        # The triggers are there before the foreign keys go, in one transaction.
        migrations.RunSQL(INSTALL.read_text(encoding="utf-8"), REMOVE),
        migrations.AlterField(
            "decision",
            "authorization",
            models.ForeignKey(
                "issuing.authorization",
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="decisions",
            ),
        ),
        migrations.AlterField(
            "decision",
            "event",
            models.ForeignKey(
                "issuing.issuerevent",
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="decisions",
            ),
        ),
        migrations.AlterField(
            "hold",
            "authorization",
            models.ForeignKey(
                "issuing.authorization",
                db_constraint=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="holds",
            ),
        ),
        migrations.AlterField(
            "hold",
            "decision",
            models.OneToOneField(
                "issuing.decision",
                blank=True,
                null=True,
                db_constraint=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="hold",
            ),
        ),
        migrations.AlterField(
            "hold",
            "day",
            models.ForeignKey(
                "issuing.spendwindow",
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
            ),
        ),
        migrations.AlterField(
            "hold",
            "month",
            models.ForeignKey(
                "issuing.spendwindow",
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
            ),
        ),
    ]
