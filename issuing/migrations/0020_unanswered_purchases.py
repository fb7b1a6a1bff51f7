"""Finds the few purchases that got no answer of ours, by date. Built under traffic."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("issuing", "0019_issuers_words_and_failed_answers")]

    operations = [
        AddIndexConcurrently(
            model_name="authorization",
            index=models.Index(
                fields=["created_at", "id"], name="purchase_unanswered", condition=~models.Q(answer_failed="")
            ),
        )
    ]
