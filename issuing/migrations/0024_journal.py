"""The journal of decisions; installs frozen copies of its functions. issuing/sql/ has the current text."""

from pathlib import Path

from django.db import migrations, models

INSTALL = Path(__file__).with_name("sql") / "0024_journal.sql"
# Bodies and traces are compressed within the row, since a second table for long values costs each decision more.
STORE = """
ALTER TABLE issuing_journal SET (
    toast_tuple_target = 8160, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
"""
# A body is compressed once, in the journal, and copied as it is. Not every PostgreSQL is built with lz4.
COMPRESS = """
DO $$ BEGIN
    ALTER TABLE issuing_journal ALTER COLUMN body SET COMPRESSION lz4, ALTER COLUMN facts SET COMPRESSION lz4;
    ALTER TABLE issuing_issuerevent ALTER COLUMN body SET COMPRESSION lz4;
    ALTER TABLE issuing_decision ALTER COLUMN trace SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN
    RAISE NOTICE 'PostgreSQL has no lz4 here; it compresses as it does by default.';
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("issuing", "0023_reconciliations_by_command"),
    ]
    operations = [
        migrations.CreateModel(
            name="JournalEntry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "provider",
                    models.CharField(
                        choices=[("stripe", "Stripe Issuing"), ("marqeta", "Marqeta"), ("mock", "Mock (development)")],
                        max_length=20,
                    ),
                ),
                ("event_id", models.CharField(max_length=120)),
                ("event_type", models.CharField(max_length=120)),
                ("fingerprint", models.CharField(max_length=64)),
                ("authorization_id", models.BigIntegerField()),
                ("card_id", models.BigIntegerField(null=True)),
                ("round_key", models.CharField(max_length=80)),
                ("approved", models.BooleanField()),
                ("response", models.BinaryField(help_text="The very bytes that were answered.")),
                ("facts", models.JSONField(help_text="The proposal as the committing statement accepted it.")),
                ("body", models.BinaryField(help_text="The request's raw bytes, with card numbers covered.")),
                ("decided_at", models.DateTimeField()),
            ],
            options={
                "db_table": "issuing_journal",
                "indexes": [models.Index(fields=["card_id"], name="journal_of_card")],
                "constraints": [
                    models.UniqueConstraint(fields=("provider", "event_id"), name="one_journal_entry_per_event"),
                    models.UniqueConstraint(
                        fields=("authorization_id", "round_key"), name="one_journal_entry_per_round"
                    ),
                ],
            },
        ),
        migrations.RunSQL(STORE, migrations.RunSQL.noop),
        migrations.RunSQL(COMPRESS, migrations.RunSQL.noop),
        migrations.RunSQL(INSTALL.read_text(encoding="utf-8"), migrations.RunSQL.noop),
    ]
