"""Our processor accounts with their fees, and the row that stands for any account."""

from pathlib import Path

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models

INSTALL = Path(__file__).with_name("sql") / "0021_processor_accounts.sql"
REMOVE = """
DROP TRIGGER wallet_processorfee_version ON wallet_processorfee;
DROP TRIGGER wallet_processoraccount_version ON wallet_processoraccount;
"""
# It says nothing yet, so MERCHANT_MCC_PASSED_THROUGH holds as before.
ANY_ACCOUNT = "INSERT INTO wallet_processoraccount (provider, account_id, updated_at) VALUES ('stripe', '', now());"


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0002_functions_and_triggers"),
        ("wallet", "0020_what_a_person_earns"),
    ]

    operations = [
        migrations.CreateModel(
            name="ProcessorAccount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("provider", models.CharField(choices=[("stripe", "Stripe")], default="stripe", max_length=20)),
                (
                    "account_id",
                    models.CharField(
                        blank=True,
                        db_default="",
                        default="",
                        help_text="Its id at the processor, acct_…; empty: any account without a row of its own.",
                        max_length=64,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^acct_[A-Za-z0-9]+$", "An account's id begins with acct_."
                            )
                        ],
                        verbose_name="account",
                    ),
                ),
                (
                    "passes_mcc",
                    models.BooleanField(
                        blank=True,
                        help_text="Empty: as MERCHANT_MCC_PASSED_THROUGH says.",
                        null=True,
                        verbose_name="passes the merchant's category through",
                    ),
                ),
                ("version", models.BigIntegerField(db_default=1, default=1, editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True)),
            ],
            options={
                "verbose_name": "processor account",
                "verbose_name_plural": "processor accounts",
                "ordering": ["provider", "account_id"],
                "constraints": [
                    models.UniqueConstraint(fields=("provider", "account_id"), name="one_row_per_processor_account")
                ],
            },
        ),
        migrations.CreateModel(
            name="ProcessorFee",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "network",
                    models.CharField(
                        choices=[
                            ("visa", "Visa"),
                            ("mastercard", "Mastercard"),
                            ("amex", "American Express"),
                            ("discover", "Discover"),
                        ],
                        max_length=20,
                    ),
                ),
                (
                    "fee_bp",
                    models.PositiveIntegerField(
                        help_text="Hundredths of a percent: 290 is 2.9 %.",
                        validators=[django.core.validators.MaxValueValidator(2000)],
                        verbose_name="fee in basis points",
                    ),
                ),
                ("version", models.BigIntegerField(db_default=1, default=1, editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "account",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="fees",
                        to="wallet.processoraccount",
                    ),
                ),
            ],
            options={
                "verbose_name": "processor fee",
                "verbose_name_plural": "processor fees",
                "ordering": ["account", "network"],
                "constraints": [
                    models.UniqueConstraint(fields=("account", "network"), name="one_fee_per_network"),
                    models.CheckConstraint(
                        condition=models.Q(("fee_bp__gte", 0), ("fee_bp__lte", 2000)), name="processor_fee_in_bounds"
                    ),
                ],
            },
        ),
        migrations.RunSQL(INSTALL.read_text(encoding="utf-8"), REMOVE),
        migrations.RunSQL(ANY_ACCOUNT, migrations.RunSQL.noop),
    ]
