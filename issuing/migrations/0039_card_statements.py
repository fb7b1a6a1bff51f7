"""Statements of funding cards."""

import uuid

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("issuing", "0038_controls_at_less_cost"),
        ("routing", "0005_likelihood_to_pay"),
        ("wallet", "0021_processor_accounts"),
    ]

    operations = [
        migrations.CreateModel(
            name="CardStatement",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("sha256", models.CharField(max_length=64)),
                ("currency", models.CharField(max_length=3)),
                ("first_on", models.DateField(verbose_name="first day")),
                ("last_on", models.DateField(verbose_name="last day")),
                (
                    "line_count",
                    models.PositiveIntegerField(help_text="Those that no earlier file had.", verbose_name="lines"),
                ),
                ("repeated_count", models.PositiveIntegerField(default=0, verbose_name="lines of earlier files")),
                ("imported_by", models.CharField(max_length=80)),
                ("imported_at", models.DateTimeField()),
                (
                    "draft",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        help_text="The draft of its corrections.",
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="routing.rankingdraft",
                    ),
                ),
                (
                    "method",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="statements",
                        to="wallet.fundingmethod",
                        verbose_name="funding card",
                    ),
                ),
            ],
            options={
                "verbose_name": "card statement",
                "verbose_name_plural": "card statements",
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="StatementLine",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("posted_on", models.DateField(verbose_name="date")),
                ("amount_minor", models.BigIntegerField(verbose_name="amount")),
                ("units_micro", models.BigIntegerField(verbose_name="reward in millionths")),
                ("occurrence", models.PositiveSmallIntegerField(default=1)),
                (
                    "charge",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="statement_line",
                        to="wallet.fundingcharge",
                    ),
                ),
                (
                    "method",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="wallet.fundingmethod",
                    ),
                ),
                (
                    "refund",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="statement_line",
                        to="wallet.fundingrefund",
                    ),
                ),
                (
                    "statement",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="lines",
                        to="issuing.cardstatement",
                    ),
                ),
            ],
            options={
                "verbose_name": "statement line",
                "verbose_name_plural": "statement lines",
                "ordering": ["posted_on", "id"],
            },
        ),
        migrations.AddConstraint(
            model_name="cardstatement",
            constraint=models.UniqueConstraint(fields=("method", "sha256"), name="one_statement_per_file"),
        ),
        migrations.AddConstraint(
            model_name="cardstatement",
            constraint=models.CheckConstraint(
                condition=models.Q(("first_on__lte", models.F("last_on"))), name="statement_days_in_order"
            ),
        ),
        migrations.AddConstraint(
            model_name="statementline",
            constraint=models.UniqueConstraint(
                fields=("method", "posted_on", "amount_minor", "units_micro", "occurrence"),
                name="one_statement_line_each",
            ),
        ),
        migrations.AddConstraint(
            model_name="statementline",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("amount_minor__gte", -10000000000000),
                    ("amount_minor__lte", 10000000000000),
                    ("units_micro__gte", -1000000000000000000),
                    ("units_micro__lte", 1000000000000000000),
                ),
                name="statement_line_in_bounds",
            ),
        ),
        migrations.AddConstraint(
            model_name="statementline",
            constraint=models.CheckConstraint(
                condition=models.Q(("charge__isnull", True), ("refund__isnull", True), _connector="OR"),
                name="statement_line_has_one_match",
            ),
        ),
    ]
