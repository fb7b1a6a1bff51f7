"""What a decision owes names its purchase, so that charges, captures and refunds of one purchase meet in the ledger.

The statement that commits a decision is that of 0003, with one more column.
"""

from importlib import import_module

from django.db import migrations

BEFORE = str(import_module("issuing.migrations.0003_record_decision").RECORD).replace(
    "CREATE FUNCTION issuing_record_decision", "CREATE OR REPLACE FUNCTION issuing_record_decision"
)
AFTER = BEFORE.replace(
    "(public_id, cardholder_id, reference, description, amount_minor, currency, status, created_at,",
    "(public_id, cardholder_id, reference, purchase, description, amount_minor, currency, status, created_at,",
).replace(
    "v_card.cardholder_id, 'decision:' || (p->>'public_id'),",
    "v_card.cardholder_id, 'decision:' || (p->>'public_id'),\n"
    "                    'authorization:' || v_authorization_id,",
)
assert AFTER.count("purchase,") == BEFORE.count("purchase,") + 1, "the statement of 0003 has another shape"  # noqa: S101
assert AFTER.count("'authorization:' ||") == 1, "the statement of 0003 has another shape"  # noqa: S101

BACKFILL = """
UPDATE wallet_fundingobligation AS o SET purchase = 'authorization:' || d.authorization_id
    FROM issuing_decision AS d WHERE d.obligation_id = o.id AND o.purchase = '';
UPDATE wallet_fundingobligation AS o SET purchase = 'card:' || f.card_id
    FROM issuing_cardfunding AS f WHERE f.obligation_id = o.id AND o.purchase = '';
"""


class Migration(migrations.Migration):
    dependencies = [("issuing", "0007_replacements"), ("wallet", "0007_postings_stay")]

    operations = [
        migrations.RunSQL(AFTER, BEFORE),
        migrations.RunSQL(BACKFILL, migrations.RunSQL.noop),
    ]
