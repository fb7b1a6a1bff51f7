import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("wallet", "0005_public_ids_of_funding_methods"),
    ]

    operations = [
        migrations.CreateModel(
            name="CardDetachment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("processor_method_id", models.CharField(help_text="pm_…", max_length=64)),
                ("requested_by", models.CharField(max_length=120)),
                (
                    "status",
                    models.CharField(
                        choices=[("intended", "Intended"), ("sending", "Being sent"), ("done", "Detached")],
                        default="intended",
                        max_length=20,
                    ),
                ),
                ("failure_message", models.CharField(blank=True, max_length=300)),
                ("attempts", models.PositiveIntegerField(default=0)),
                (
                    "claimed_until",
                    models.DateTimeField(blank=True, help_text="A worker is on it until then.", null=True),
                ),
                ("next_attempt_at", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField()),
                ("updated_at", models.DateTimeField()),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="CardSetup",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("request_id", models.UUIDField(editable=False)),
                (
                    "status",
                    models.CharField(
                        choices=[("open", "Open"), ("completed", "Card saved"), ("refused", "Card refused")],
                        default="open",
                        max_length=20,
                    ),
                ),
                ("processor_setup_id", models.CharField(blank=True, help_text="seti_…", max_length=64, null=True)),
                ("refusal_code", models.CharField(blank=True, max_length=40)),
                (
                    "refusal",
                    models.CharField(
                        blank=True, help_text="Why the card was not taken, for the person.", max_length=300
                    ),
                ),
                ("failure_message", models.CharField(blank=True, max_length=300)),
                ("attempts", models.PositiveIntegerField(default=0)),
                (
                    "claimed_until",
                    models.DateTimeField(blank=True, help_text="A worker is on it until then.", null=True),
                ),
                ("next_attempt_at", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField()),
                ("updated_at", models.DateTimeField()),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.AddField(
            model_name="cardholder",
            name="customer_request_id",
            field=models.UUIDField(
                blank=True, editable=False, help_text="The idempotency key under which the customer is made.", null=True
            ),
        ),
        migrations.AddField(
            model_name="fundingmethod",
            name="country",
            field=models.CharField(blank=True, db_default="", help_text="Of its bank, two letters", max_length=2),
        ),
        migrations.AddField(
            model_name="fundingmethod",
            name="fingerprint",
            field=models.CharField(
                blank=True,
                db_default="",
                help_text="Of its number, by the processor: equal for equal numbers",
                max_length=64,
            ),
        ),
        migrations.AddField(
            model_name="fundingmethod",
            name="funding_type",
            field=models.CharField(
                choices=[("credit", "Credit"), ("debit", "Debit"), ("prepaid", "Prepaid"), ("unknown", "Unknown")],
                db_default="unknown",
                default="unknown",
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="fundingmethod",
            name="renewed_at",
            field=models.DateTimeField(
                blank=True, editable=False, help_text="When its bank last sent a new number or date.", null=True
            ),
        ),
        migrations.AlterField(
            model_name="case",
            name="kind",
            field=models.CharField(
                choices=[
                    ("funding_declined", "Funding card declined after approval"),
                    ("funding_needs_cardholder", "Cardholder must confirm the charge"),
                    ("funding_refused", "Processor refused the request"),
                    ("funding_unknown", "Outcome of the charge is unknown"),
                    ("charged_without_purchase", "Charged, but the purchase did not happen"),
                    ("two_charges", "Processor reports a second successful charge"),
                    ("approved_without_us", "Issuer approved by itself, nobody was charged"),
                    ("card_differs", "Card differs from what its issuer says"),
                    ("card_change_failing", "A card change keeps failing at its issuer"),
                    ("card_removal_failing", "A removed funding card stays at the processor"),
                    ("transaction_differs", "Transaction differs from what its issuer says"),
                    ("receivable", "No funding card paid; the cardholder owes it"),
                    ("refund_failed", "Money could not be given back"),
                    ("refund_unknown", "Outcome of the refund is unknown"),
                    ("refund_unlinked", "A refund that names no purchase"),
                    ("reconciliation", "The books of two sides differ"),
                    ("dispute", "A purchase is disputed"),
                    ("currency_differs", "Settled in another currency, at an unknown rate"),
                    ("credit_left", "A merchant gave back more than it took"),
                    ("event_contradiction", "An event contradicts what we know"),
                    ("unhandled_money", "A message moves money in a way that is not handled"),
                    ("event_unapplied", "A message could not be applied"),
                    ("account_refused", "The processor refuses our account, not a card"),
                    ("charge_disputed", "A funding card's bank disputes our charge"),
                    ("charge_warning", "A funding card's bank suspects fraud"),
                ],
                max_length=40,
            ),
        ),
        migrations.AddConstraint(
            model_name="fundingmethod",
            constraint=models.UniqueConstraint(
                condition=models.Q(
                    models.Q(("status", "detached"), _negated=True), models.Q(("fingerprint", ""), _negated=True)
                ),
                fields=("cardholder", "fingerprint"),
                name="one_method_per_number",
            ),
        ),
        migrations.AddField(
            model_name="carddetachment",
            name="cardholder",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="wallet.cardholder"
            ),
        ),
        migrations.AddField(
            model_name="carddetachment",
            name="method",
            field=models.OneToOneField(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="detachment",
                to="wallet.fundingmethod",
            ),
        ),
        migrations.AddField(
            model_name="cardsetup",
            name="cardholder",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="card_setups",
                to="wallet.cardholder",
            ),
        ),
        migrations.AddField(
            model_name="cardsetup",
            name="method",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="setups",
                to="wallet.fundingmethod",
            ),
        ),
        migrations.AddIndex(
            model_name="carddetachment",
            index=models.Index(
                condition=models.Q(("status__in", ("intended", "sending"))),
                fields=["next_attempt_at"],
                name="detachment_due",
            ),
        ),
        migrations.AddConstraint(
            model_name="carddetachment",
            constraint=models.UniqueConstraint(fields=("processor_method_id",), name="one_detachment_per_processor_id"),
        ),
        migrations.AddIndex(
            model_name="cardsetup",
            index=models.Index(
                condition=models.Q(("status", "open")), fields=["next_attempt_at"], name="card_setup_due"
            ),
        ),
        migrations.AddConstraint(
            model_name="cardsetup",
            constraint=models.UniqueConstraint(fields=("request_id",), name="one_setup_per_request"),
        ),
        migrations.AddConstraint(
            model_name="cardsetup",
            constraint=models.UniqueConstraint(fields=("processor_setup_id",), name="one_setup_per_processor_id"),
        ),
        migrations.AddConstraint(
            model_name="cardsetup",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("method__isnull", False), ("status", "completed")),
                    models.Q(models.Q(("status", "completed"), _negated=True), ("method__isnull", True)),
                    _connector="OR",
                ),
                name="setup_completed_with_its_card",
            ),
        ),
    ]
