"""The index of merchants' words takes new ones into a short list first: a decision no longer waits for the sorting."""

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import migrations
from django.db.models.functions import Upper

WORDS = OpClass(Upper("merchant_name"), name="gin_trgm_ops")


class Migration(migrations.Migration):
    dependencies = [("issuing", "0025_balance_refunds")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    "ALTER INDEX purchase_merchant SET (fastupdate = on, gin_pending_list_limit = 256)",
                    "ALTER INDEX purchase_merchant SET (fastupdate = off)",
                )
            ],
            state_operations=[
                migrations.RemoveIndex("authorization", "purchase_merchant"),
                migrations.AddIndex(
                    "authorization",
                    GinIndex(WORDS, name="purchase_merchant", fastupdate=True, gin_pending_list_limit=256),
                ),
            ],
        )
    ]
