"""A public id for each person, the indexes by which staff find them, and notes about them."""

import uuid
from pathlib import Path

import django.contrib.postgres.functions
import django.db.models.deletion
from django.conf import settings
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import migrations, models
from django.db.models.functions.text import Reverse, Upper

INSTALL = Path(__file__).with_name("sql") / "0012_people_found_and_noted.sql"
REMOVE = "DROP TRIGGER wallet_personnote_stays ON wallet_personnote;"


class Migration(migrations.Migration):
    dependencies = [
        ("wallet", "0011_cards_disabled_by_their_date"),
        ("users", "0004_search_by_email"),
        ("audit", "0002_functions_and_triggers"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        # The database gives existing rows an id of their own each.
        migrations.AddField(
            model_name="cardholder",
            name="public_id",
            field=models.UUIDField(
                db_default=django.contrib.postgres.functions.RandomUUID(),
                default=uuid.uuid4,
                editable=False,
                unique=True,
            ),
        ),
        migrations.AddIndex(
            model_name="cardholder",
            index=GinIndex(OpClass(Upper("name"), name="gin_trgm_ops"), name="wallet_name_words"),
        ),
        migrations.AddIndex(
            model_name="cardholder",
            index=GinIndex(OpClass(Upper("legal_last_name"), name="gin_trgm_ops"), name="wallet_last_name_words"),
        ),
        migrations.AddIndex(
            model_name="cardholder",
            index=models.Index(OpClass(Reverse("phone"), name="text_pattern_ops"), name="wallet_phone_end"),
        ),
        migrations.AddIndex(
            model_name="fundingmethod",
            index=models.Index(fields=["last_four"], name="method_last_four"),
        ),
        migrations.CreateModel(
            name="PersonNote",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("text", models.CharField(max_length=2000)),
                ("created_at", models.DateTimeField()),
                (
                    "author",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "cardholder",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="notes", to="wallet.cardholder"
                    ),
                ),
            ],
            options={
                "verbose_name": "note about a person",
                "verbose_name_plural": "notes about people",
                "ordering": ["-id"],
            },
        ),
        migrations.RunSQL(INSTALL.read_text(encoding="utf-8"), REMOVE),
    ]
