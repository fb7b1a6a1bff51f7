"""What staff look for: purchases and transactions in time, and words of their merchants. Built under traffic."""

import django.contrib.postgres.indexes
import django.db.models.functions.text
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        # The extension for indexes of words.
        ("users", "0004_search_by_email"),
        ("issuing", "0017_limits_in_order_checked"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="authorization",
            index=models.Index(fields=["created_at", "id"], name="purchase_in_time"),
        ),
        AddIndexConcurrently(
            model_name="authorization",
            index=django.contrib.postgres.indexes.GinIndex(
                django.contrib.postgres.indexes.OpClass(
                    django.db.models.functions.text.Upper("merchant_name"), name="gin_trgm_ops"
                ),
                fastupdate=False,
                name="purchase_merchant",
            ),
        ),
        AddIndexConcurrently(
            model_name="cardtransaction",
            index=models.Index(fields=["occurred_at", "id"], name="transaction_in_time"),
        ),
        AddIndexConcurrently(
            model_name="cardtransaction",
            index=django.contrib.postgres.indexes.GinIndex(
                django.contrib.postgres.indexes.OpClass(
                    django.db.models.functions.text.Upper("merchant_name"), name="gin_trgm_ops"
                ),
                name="transaction_merchant",
            ),
        ),
        AddIndexConcurrently(
            model_name="rewardentry",
            index=models.Index(fields=["method", "-id"], name="reward_of_card"),
        ),
    ]
