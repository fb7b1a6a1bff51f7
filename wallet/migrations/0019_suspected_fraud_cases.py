"""Cases about suspected fraud, and what each turned out to be."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("wallet", "0018_own_money"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="case",
            options={
                "ordering": ["-id"],
                "permissions": [
                    ("agree_write_off", "Can agree, as the second person, to money given up or settled outside"),
                    ("judge_suspicion", "Can say whether a suspicion of fraud was right"),
                ],
            },
        ),
        migrations.AddField(
            model_name="case",
            name="outcome",
            field=models.CharField(
                blank=True,
                choices=[("fraud", "It was fraud"), ("false_positive", "It was no fraud")],
                db_default="",
                editable=False,
                help_text="Of a suspicion of fraud: what it turned out to be.",
                max_length=20,
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
                    ("profile_not_taken", "An issuer does not take a corrected profile"),
                    ("card_removal_failing", "A removed funding card stays at the processor"),
                    ("transaction_differs", "Transaction differs from what its issuer says"),
                    ("receivable", "No funding card paid; the cardholder owes it"),
                    ("refund_failed", "Money could not be given back"),
                    ("refund_unknown", "Outcome of the refund is unknown"),
                    ("refund_unlinked", "A refund that names no purchase"),
                    ("reconciliation", "The books of two sides differ"),
                    ("dispute", "A purchase is disputed"),
                    ("dispute_requested", "A cardholder wants to dispute a purchase"),
                    ("dispute_due", "A dispute must be submitted soon"),
                    ("dispute_not_sent", "A dispute could not be submitted to its issuer"),
                    ("currency_differs", "Settled in another currency, at an unknown rate"),
                    ("credit_left", "A merchant gave back more than it took"),
                    ("event_contradiction", "An event contradicts what we know"),
                    ("unhandled_money", "A message moves money in a way that is not handled"),
                    ("event_unapplied", "A message could not be applied"),
                    ("account_refused", "The processor refuses our account, not a card"),
                    ("charge_disputed", "A funding card's bank disputes our charge"),
                    ("charge_warning", "A funding card's bank suspects fraud"),
                    ("by_hand", "Opened by staff"),
                    ("transfer_failed", "Our own money did not arrive, or was taken back"),
                    ("answers_failing", "Our answers to an issuer fail"),
                    ("suspected_fraud", "Purchases with a card look like fraud"),
                ],
                max_length=40,
            ),
        ),
        migrations.AddConstraint(
            model_name="case",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("outcome", ""), models.Q(("kind", "suspected_fraud"), ("status", "resolved")), _connector="OR"
                ),
                name="only_suspicions_have_an_outcome",
            ),
        ),
    ]
