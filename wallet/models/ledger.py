"""The ledger's rows. A posting moves one amount between two accounts, so an unbalanced ledger cannot be written.

Triggers (wallet/sql/triggers) refuse to change or delete postings. Holds are not in the ledger: held money has not
moved yet.
"""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy

from onecard.kit.money import MAX_AMOUNT_MINOR, Money
from wallet.accounts import Account


class Posting(models.Model):
    """One movement: `debit` receives the amount and `credit` gives it (money-safety I1).

    The key makes a second posting of one movement impossible. `reference` names its purchase or card, so that a
    purchase's balance in an account can be checked.
    """

    class Kind(models.TextChoices):
        CHARGE = "charge", gettext_lazy("Funding card charged")
        CHARGE_REFUND = "charge_refund", gettext_lazy("Given back to the funding card")
        CAPTURE = "capture", gettext_lazy("Merchant paid")
        MERCHANT_REFUND = "merchant_refund", gettext_lazy("Merchant gave back")
        CHARGEBACK = "chargeback", gettext_lazy("Dispute won from the merchant")
        PROVISIONAL_CREDIT = "provisional_credit", gettext_lazy("Credited while a dispute is open")
        TOP_UP = "top_up", gettext_lazy("Put on a card")
        BALANCE_SPENT = "balance_spent", gettext_lazy("Paid from the card's balance")
        WRITE_OFF = "write_off", gettext_lazy("Written off")
        FEE = "fee", gettext_lazy("Processor's fee")
        PAYOUT_EXCHANGE = "payout_exchange", gettext_lazy("Exchanged by the processor")
        CARD_EXCHANGE = "card_exchange", gettext_lazy("Settled in another currency")
        GOODWILL = "goodwill", gettext_lazy("Given back at our cost")
        OUTSIDE = "outside", gettext_lazy("Settled outside")
        CARRIED = "carried", gettext_lazy("Carried to the next charge")
        CARRIED_PAID = "carried_paid", gettext_lazy("Paid with another charge")
        CARRIED_WRITTEN_OFF = "carried_written_off", gettext_lazy("Too small to be charged, written off")
        CHARGE_DISPUTED = "charge_disputed", gettext_lazy("Taken back by the funding card's bank")
        CHARGE_LOST = "charge_lost", gettext_lazy("Dispute of our charge lost")
        ISSUER_FUNDED = "issuer_funded", gettext_lazy("Sent from our bank to the issuer")
        PROCESSOR_FUNDED = "processor_funded", gettext_lazy("Sent from our bank to the processor")
        PAYOUT = "payout", gettext_lazy("Paid out by the processor")
        ISSUER_PAYOUT = "issuer_payout", gettext_lazy("Paid out by the issuer")
        PAYOUT_ARRIVED = "payout_arrived", gettext_lazy("Payout arrived at our bank")
        ISSUER_FEE = "issuer_fee", gettext_lazy("Issuer's fee")

    key = models.CharField(
        max_length=160, unique=True, help_text=gettext_lazy("The movement itself, such as charge:<uuid>.")
    )
    kind = models.CharField(max_length=30, choices=Kind.choices)
    debit = models.CharField(max_length=30, choices=Account.choices)
    credit = models.CharField(max_length=30, choices=Account.choices)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    reference = models.CharField(max_length=120, help_text=gettext_lazy("authorization:<id> or card:<id>"))
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["reference"], name="posting_of_reference"),
            # Few: the day's bound on write-offs counts them.
            models.Index(fields=["recorded_at"], name="posting_written_off", condition=Q(kind="carried_written_off")),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(amount_minor__gt=0, amount_minor__lte=MAX_AMOUNT_MINOR), name="posting_amount_in_bounds"
            ),
            models.CheckConstraint(condition=~Q(debit=F("credit")), name="posting_between_two_accounts"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.money}"

    @property
    def money(self) -> Money:
        return Money(self.amount_minor, self.currency)


class LedgerSum(models.Model):
    """The kept balance of an account in a currency: of its postings up to one of them (wallet/ledger/balances.py).

    All rows are of the same postings. `manage.py check_ledger` adds them up again.
    """

    account = models.CharField(max_length=30, choices=Account.choices)
    currency = models.CharField(max_length=3)
    balance_minor = models.BigIntegerField(default=0, help_text=gettext_lazy("Debits less credits."))
    through = models.BigIntegerField(default=0, help_text=gettext_lazy("The key of the last posting in it."))

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "currency"], name="one_sum_per_account")]

    def __str__(self) -> str:
        return f"{self.account} {self.currency}: {self.balance_minor} through posting {self.through}"
