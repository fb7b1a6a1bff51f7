"""Who answered a purchase in the place of an ordinary decision, and the index of those few. Built under traffic.

Installs a frozen copy of the committing statement; issuing/sql/ has the current text. Each step may be repeated.
"""

from pathlib import Path

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

INSTALL = Path(__file__).with_name("sql") / "0032_stand_in.sql"
ADD = "ALTER TABLE issuing_authorization ADD COLUMN IF NOT EXISTS stood_in varchar(20) DEFAULT '' NOT NULL"
REMOVE = "ALTER TABLE issuing_authorization DROP COLUMN IF EXISTS stood_in"


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("issuing", "0031_issuer_registrations")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(ADD, REMOVE)],
            state_operations=[
                migrations.AddField(
                    model_name="authorization",
                    name="stood_in",
                    field=models.CharField(
                        blank=True,
                        choices=[
                            ("one_card", "One Card, without its database"),
                            ("issuer", "The issuer, in our place"),
                            ("network", "The card network, in the issuer's place"),
                        ],
                        db_default="",
                        default="",
                        editable=False,
                        help_text="Who answered in the place of an ordinary decision of ours; empty for nobody.",
                        max_length=20,
                    ),
                )
            ],
        ),
        # The text before does the same for every other decision, so nothing goes back to it.
        migrations.RunSQL(INSTALL.read_text(encoding="utf-8"), migrations.RunSQL.noop),
        AddIndexConcurrently(
            model_name="authorization",
            index=models.Index(fields=["created_at", "id"], name="purchase_stood_in", condition=~models.Q(stood_in="")),
        ),
    ]
