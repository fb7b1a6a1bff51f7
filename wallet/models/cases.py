"""Cases: what needs a person."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy

from onecard.kit.fields import FreeTextField
from onecard.kit.money import Money
from wallet.models.funding import FundingObligation


class Case(models.Model):
    """Something that needs a person: what happened, the money at stake, and whether it is settled."""

    class Kind(models.TextChoices):
        FUNDING_DECLINED = "funding_declined", gettext_lazy("Funding card declined after approval")
        FUNDING_NEEDS_CARDHOLDER = "funding_needs_cardholder", gettext_lazy("Cardholder must confirm the charge")
        FUNDING_REFUSED = "funding_refused", gettext_lazy("Processor refused the request")
        FUNDING_UNKNOWN = "funding_unknown", gettext_lazy("Outcome of the charge is unknown")
        CHARGED_WITHOUT_PURCHASE = "charged_without_purchase", gettext_lazy("Charged, but the purchase did not happen")
        TWO_CHARGES = "two_charges", gettext_lazy("Processor reports a second successful charge")
        APPROVED_WITHOUT_US = "approved_without_us", gettext_lazy("Issuer approved by itself, nobody was charged")
        CARD_DIFFERS = "card_differs", gettext_lazy("Card differs from what its issuer says")
        CARD_CHANGE_FAILING = "card_change_failing", gettext_lazy("A card change keeps failing at its issuer")
        PROFILE_NOT_TAKEN = "profile_not_taken", gettext_lazy("An issuer does not take a corrected profile")
        CARD_REMOVAL_FAILING = "card_removal_failing", gettext_lazy("A removed funding card stays at the processor")
        TRANSACTION_DIFFERS = "transaction_differs", gettext_lazy("Transaction differs from what its issuer says")
        RECEIVABLE = "receivable", gettext_lazy("No funding card paid; the cardholder owes it")
        REFUND_FAILED = "refund_failed", gettext_lazy("Money could not be given back")
        REFUND_UNKNOWN = "refund_unknown", gettext_lazy("Outcome of the refund is unknown")
        REFUND_UNLINKED = "refund_unlinked", gettext_lazy("A refund that names no purchase")
        RECONCILIATION = "reconciliation", gettext_lazy("The books of two sides differ")
        DISPUTE = "dispute", gettext_lazy("A purchase is disputed")
        DISPUTE_REQUESTED = "dispute_requested", gettext_lazy("A cardholder wants to dispute a purchase")
        DISPUTE_DUE = "dispute_due", gettext_lazy("A dispute must be submitted soon")
        DISPUTE_NOT_SENT = "dispute_not_sent", gettext_lazy("A dispute could not be submitted to its issuer")
        CURRENCY_DIFFERS = "currency_differs", gettext_lazy("Settled in another currency, at an unknown rate")
        CREDIT_LEFT = "credit_left", gettext_lazy("A merchant gave back more than it took")
        EVENT_CONTRADICTION = "event_contradiction", gettext_lazy("An event contradicts what we know")
        UNHANDLED_MONEY = "unhandled_money", gettext_lazy("A message moves money in a way that is not handled")
        EVENT_UNAPPLIED = "event_unapplied", gettext_lazy("A message could not be applied")
        ACCOUNT_REFUSED = "account_refused", gettext_lazy("The processor refuses our account, not a card")
        CHARGE_DISPUTED = "charge_disputed", gettext_lazy("A funding card's bank disputes our charge")
        CHARGE_WARNING = "charge_warning", gettext_lazy("A funding card's bank suspects fraud")
        BY_HAND = "by_hand", gettext_lazy("Opened by staff")
        TRANSFER_FAILED = "transfer_failed", gettext_lazy("Our own money did not arrive, or was taken back")
        ANSWERS_FAILING = "answers_failing", gettext_lazy("Our answers to an issuer fail")
        SUSPECTED_FRAUD = "suspected_fraud", gettext_lazy("Purchases with a card look like fraud")

    class Proposal(models.TextChoices):
        WRITE_OFF = "write_off", gettext_lazy("Write off")
        OUTSIDE = "outside", gettext_lazy("Book as settled outside")

    class Outcome(models.TextChoices):
        FRAUD = "fraud", gettext_lazy("It was fraud")
        FALSE_POSITIVE = "false_positive", gettext_lazy("It was no fraud")

    class Status(models.TextChoices):
        OPEN = "open", gettext_lazy("Open")
        RESOLVED = "resolved", gettext_lazy("Resolved")

    kind = models.CharField(max_length=40, choices=Kind.choices)
    status = models.CharField(max_length=20, choices=Status.choices, default=Status.OPEN)
    reference = models.CharField(
        max_length=120, help_text=gettext_lazy("What it is about: obligation:<id> or authorization:<id>")
    )
    obligation = models.ForeignKey(
        FundingObligation, null=True, blank=True, on_delete=models.PROTECT, related_name="cases"
    )
    summary = FreeTextField(max_length=300)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="cases"
    )
    resolution = FreeTextField(
        max_length=300, blank=True, db_default="", help_text=gettext_lazy("How it ended, in a sentence.")
    )
    outcome = models.CharField(
        max_length=20,
        choices=Outcome.choices,
        blank=True,
        db_default="",
        editable=False,
        help_text=gettext_lazy("Of a suspicion of fraud: what it turned out to be."),
    )
    proposal = models.CharField(
        max_length=20,
        choices=Proposal.choices,
        blank=True,
        db_default="",
        help_text=gettext_lazy("A second person has to agree."),
    )
    proposed_minor = models.BigIntegerField(
        null=True, blank=True, help_text=gettext_lazy("How much was proposed: nobody agrees to another amount.")
    )
    proposed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
    )
    agreed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    due_on = models.DateField(
        null=True, blank=True, help_text=gettext_lazy("By when it is to be done, as whoever opened it by hand said.")
    )
    opened_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True, blank=True)
    about_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text=gettext_lazy("When it happened, by whoever lists it: there it is looked for again."),
    )

    class Meta:
        ordering = ["-id"]
        permissions = [
            ("agree_write_off", "Can agree, as the second person, to money given up or settled outside"),
            ("judge_suspicion", "Can say whether a suspicion of fraud was right"),
        ]
        # All cases of a purchase; the constraint below finds only an open one.
        indexes = [models.Index(fields=["reference"], name="case_of_reference")]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "reference"], condition=Q(status="open"), name="one_open_case_of_a_kind"
            ),
            models.CheckConstraint(
                condition=Q(agreed_by=None) | Q(proposed_by__isnull=False) & ~Q(agreed_by=F("proposed_by")),
                name="agreed_by_two_people",
            ),
            models.CheckConstraint(
                condition=Q(outcome="") | Q(kind="suspected_fraud", status="resolved"),
                name="only_suspicions_have_an_outcome",
            ),
            models.CheckConstraint(
                condition=Q(proposed_by=None, proposal="") | Q(proposed_by__isnull=False) & ~Q(proposal=""),
                name="who_proposes_says_what",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.money}"

    @property
    def money(self) -> Money:
        return Money(self.amount_minor, self.currency)


class CaseNote(models.Model):
    """What somebody found out or did about a case. Notes are added and never changed."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="notes")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    text = FreeTextField(max_length=2000, lines=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.text[:80]
