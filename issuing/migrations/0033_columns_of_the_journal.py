"""The journal keeps what follows from a decision in columns, so that nothing parses one document again and again.

Installs frozen copies of the functions that write and read it; issuing/sql/ has the current text.
"""

from pathlib import Path

from django.db import migrations, models

INSTALL = Path(__file__).with_name("sql") / "0033_columns_of_the_journal.sql"
ADD = """
ALTER TABLE issuing_journal
    ADD COLUMN object_id varchar(120), ADD COLUMN original_mac varchar(64), ADD COLUMN public_id uuid,
    ADD COLUMN amount_minor bigint, ADD COLUMN from_balance_minor bigint, ADD COLUMN currency varchar(3),
    ADD COLUMN merchant_name varchar(120), ADD COLUMN rule varchar(40), ADD COLUMN decline_reason varchar(40),
    ADD COLUMN policy varchar(40), ADD COLUMN method_id bigint, ADD COLUMN obligation_public_id uuid,
    ADD COLUMN charge_public_id uuid, ADD COLUMN idempotency_key varchar(120), ADD COLUMN day_id bigint,
    ADD COLUMN month_id bigint, ADD COLUMN trace jsonb, ADD COLUMN timings_ms jsonb;
"""
# What waits to be written out is kept, and nobody answers while this runs.
FILL = """
UPDATE issuing_journal j SET
    object_id = old.facts->>'authorization_id', original_mac = coalesce(p.original_mac, ''), public_id = p.public_id,
    amount_minor = p.amount_minor, from_balance_minor = coalesce(p.from_balance_minor, 0), currency = p.currency,
    merchant_name = p.merchant_name, rule = coalesce(p.rule, ''), decline_reason = p.decline_reason,
    policy = coalesce(p.policy, ''), method_id = p.method_id, obligation_public_id = p.obligation_public_id,
    charge_public_id = p.charge_public_id, idempotency_key = coalesce(p.idempotency_key, ''), day_id = p.day_id,
    month_id = p.month_id, trace = p.trace, timings_ms = p.timings_ms
FROM issuing_journal old, jsonb_to_record(old.facts) AS p (
    original_mac text, public_id uuid, amount_minor bigint, from_balance_minor bigint, currency text,
    merchant_name text, rule text, decline_reason text, policy text, method_id bigint, obligation_public_id uuid,
    charge_public_id uuid, idempotency_key text, day_id bigint, month_id bigint, trace jsonb, timings_ms jsonb)
WHERE old.id = j.id;
"""
REQUIRE = """
ALTER TABLE issuing_journal
    ALTER COLUMN object_id SET NOT NULL, ALTER COLUMN original_mac SET NOT NULL, ALTER COLUMN public_id SET NOT NULL,
    ALTER COLUMN amount_minor SET NOT NULL, ALTER COLUMN from_balance_minor SET NOT NULL,
    ALTER COLUMN currency SET NOT NULL, ALTER COLUMN merchant_name SET NOT NULL, ALTER COLUMN rule SET NOT NULL,
    ALTER COLUMN decline_reason SET NOT NULL, ALTER COLUMN policy SET NOT NULL,
    ALTER COLUMN idempotency_key SET NOT NULL, ALTER COLUMN trace SET NOT NULL, ALTER COLUMN timings_ms SET NOT NULL,
    DROP COLUMN facts;
"""
FIELDS = {
    "object_id": models.CharField(max_length=120, help_text="The purchase's name at the issuer."),
    "original_mac": models.CharField(max_length=64, default="", help_text="As IssuerEvent keeps it."),
    "public_id": models.UUIDField(help_text="Of the decision."),
    "amount_minor": models.BigIntegerField(),
    "from_balance_minor": models.BigIntegerField(default=0),
    "currency": models.CharField(max_length=3),
    "merchant_name": models.CharField(blank=True, max_length=120),
    "rule": models.CharField(max_length=40, default=""),
    "decline_reason": models.CharField(max_length=40, default=""),
    "policy": models.CharField(max_length=40, default=""),
    "method_id": models.BigIntegerField(null=True),
    "obligation_public_id": models.UUIDField(null=True),
    "charge_public_id": models.UUIDField(null=True),
    "idempotency_key": models.CharField(max_length=120, default=""),
    "day_id": models.BigIntegerField(null=True),
    "month_id": models.BigIntegerField(null=True),
    "trace": models.JSONField(help_text="As Decision keeps it."),
    "timings_ms": models.JSONField(help_text="As Decision keeps them."),
}
# Not every PostgreSQL is built with lz4.
COMPRESS = """
DO $$ BEGIN
    ALTER TABLE issuing_journal ALTER COLUMN trace SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN
    RAISE NOTICE 'PostgreSQL has no lz4 here; it compresses as it does by default.';
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("issuing", "0032_stand_in")]
    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(ADD),
                migrations.RunSQL(FILL),
                migrations.RunSQL(REQUIRE),
                migrations.RunSQL(COMPRESS),
                # A process of the release before gets an error and decides each in a thread, by the single function.
                migrations.RunSQL("DROP FUNCTION issuing_record_decisions(jsonb, bytea[])"),
                migrations.RunSQL(INSTALL.read_text(encoding="utf-8")),
            ],
            state_operations=[
                migrations.RemoveField("journalentry", "facts"),
                *(migrations.AddField("journalentry", name, field) for name, field in FIELDS.items()),
            ],
        ),
    ]
