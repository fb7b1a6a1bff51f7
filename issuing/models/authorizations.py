"""Purchases: the authorization over its rounds, our answers to them, and what they hold on the card's limits."""

import uuid
from collections.abc import Mapping
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Upper
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from issuing import states
from issuing.models.cards import Provider, VirtualCard
from issuing.models.inbox import IssuerEvent
from onecard.kit import display
from onecard.kit.fields import FreeJsonField, FreeTextField
from onecard.kit.money import MAX_AMOUNT_MINOR, Money
from wallet.models import FundingObligation
from wallet.references import Subject


class Authorization(models.Model):
    """A purchase at the issuer, over all its rounds (an increment asks again under the same id)."""

    provider = models.CharField(max_length=20, choices=Provider.choices)
    issuer_authorization_id = models.CharField(max_length=120)
    card = models.ForeignKey(
        VirtualCard, null=True, blank=True, on_delete=models.PROTECT, related_name="authorizations", db_index=False
    )
    status = models.CharField(max_length=20, choices=states.Authorization.choices)
    approved_minor = models.BigIntegerField(default=0, help_text=gettext_lazy("Sum of the approved rounds."))
    currency = models.CharField(max_length=3)
    mcc = models.CharField("MCC", max_length=4, blank=True)
    merchant_name = FreeTextField(max_length=120, blank=True)
    merchant_category = FreeTextField(max_length=120, blank=True)
    merchant_city = FreeTextField(max_length=80, blank=True)
    merchant_country = models.CharField(max_length=3, blank=True)
    merchant_network_id = models.CharField(max_length=64, blank=True)
    authorization_code = FreeTextField(max_length=20, blank=True)
    merchant_amount_minor = models.BigIntegerField(
        null=True,
        blank=True,
        help_text=gettext_lazy("In the merchant's own currency, as it was told last; empty for the same."),
    )
    merchant_currency = models.CharField(max_length=3, blank=True, db_default="")
    cash_minor = models.BigIntegerField(
        default=0, db_default=0, help_text=gettext_lazy("Cash handed out, a part of the amount.")
    )
    atm_fee_minor = models.BigIntegerField(
        default=0, db_default=0, help_text=gettext_lazy("The machine's fee, a part of the amount.")
    )
    declined_minor = models.BigIntegerField(
        default=0,
        db_default=0,
        editable=False,
        help_text=gettext_lazy("What was asked for, where the issuer declined by itself. It counts nowhere."),
    )
    issuer_reason = FreeTextField(
        max_length=40,
        blank=True,
        default="",
        db_default="",
        editable=False,
        help_text=gettext_lazy("The issuer's word for why it declined by itself."),
    )
    issuer_message = FreeTextField(
        max_length=200,
        blank=True,
        default="",
        db_default="",
        editable=False,
        help_text=gettext_lazy("What the issuer adds to its reason, in its own words."),
    )
    answer_failed = models.CharField(
        max_length=20,
        choices=states.AnswerFailure.choices,
        blank=True,
        default="",
        db_default="",
        editable=False,
        help_text=gettext_lazy(
            "Why the purchase did not get the answer that it should have had from us; empty for none."
        ),
    )
    stood_in = models.CharField(
        max_length=20,
        choices=states.StoodIn.choices,
        blank=True,
        default="",
        db_default="",
        editable=False,
        help_text=gettext_lazy("Who answered in the place of an ordinary decision of ours; empty for nobody."),
    )
    settle_due_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text=gettext_lazy("Closed at the issuer; until then a capture may still be on its way to us."),
    )
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        indexes = [
            # A card's purchases, newest first; it serves the foreign key as well.
            models.Index(fields=["card", "-id"], name="purchase_of_card"),
            models.Index(fields=["settle_due_at"], name="purchase_to_settle", condition=Q(settle_due_at__isnull=False)),
            # The list of staff: its order, its dates, and the words of its search.
            models.Index(fields=["created_at", "id"], name="purchase_in_time"),
            # A decision appends its words to a short list; the server sorts them in when the list is full, in kB.
            GinIndex(
                OpClass(Upper("merchant_name"), name="gin_trgm_ops"),
                name="purchase_merchant",
                fastupdate=True,
                gin_pending_list_limit=256,
            ),
            # Few: staff look at what got no answer of ours, by date.
            models.Index(fields=["created_at", "id"], name="purchase_unanswered", condition=~Q(answer_failed="")),
            models.Index(fields=["created_at", "id"], name="purchase_stood_in", condition=~Q(stood_in="")),
        ]
        constraints = [
            models.UniqueConstraint(fields=["provider", "issuer_authorization_id"], name="one_row_per_authorization"),
            models.CheckConstraint(
                condition=Q(approved_minor__gte=0, approved_minor__lte=MAX_AMOUNT_MINOR),
                name="authorization_amount_in_bounds",
            ),
        ]

    def __str__(self) -> str:
        name, minor = self.merchant_name or self.issuer_authorization_id, self.approved_minor or self.declined_minor
        return f"{name} {Money(minor, self.currency)}" if minor else name

    @property
    def reference(self) -> str:
        """What obligations, postings and cases call the purchase."""
        return Subject.PURCHASE.reference(self.pk)


class Decision(models.Model):
    """One answer to one request, with everything that it was made from. Added once, never changed."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    # A trigger checks these two for all rows of a statement at once (docs/decisions/0070).
    event = models.ForeignKey(
        IssuerEvent, on_delete=models.PROTECT, related_name="decisions", db_index=False, db_constraint=False
    )
    authorization = models.ForeignKey(
        Authorization, on_delete=models.PROTECT, related_name="decisions", db_index=False, db_constraint=False
    )
    obligation = models.OneToOneField(
        FundingObligation, null=True, blank=True, on_delete=models.PROTECT, related_name="decision"
    )
    corrects = models.OneToOneField(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="corrected_by",
        help_text=gettext_lazy("The earlier answer that this one takes back."),
    )
    round_key = models.CharField(
        max_length=80, help_text=gettext_lazy("The request's own state: tells an increment from a twin.")
    )
    approved = models.BooleanField()
    amount_minor = models.BigIntegerField()
    from_balance_minor = models.BigIntegerField(
        default=0,
        db_default=0,
        help_text=gettext_lazy("Paid from the card's own balance; a funding card pays the rest."),
    )
    currency = models.CharField(max_length=3)
    rule = models.CharField(
        max_length=40, blank=True, help_text=gettext_lazy("The rule of docs/routing.md that chose the card.")
    )
    decline_reason = models.CharField(max_length=40, blank=True)
    trace = FreeJsonField(help_text=gettext_lazy("Each candidate as it was seen, the rules' versions, and why."))
    timings_ms = models.JSONField(help_text=gettext_lazy("Milliseconds of each step, up to the commit."))
    response = models.BinaryField(help_text=gettext_lazy("The very bytes that were answered."))
    decided_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        constraints = [
            # Whole and not partial, so that they serve the foreign keys as well; a correction differs in `corrects`.
            models.UniqueConstraint(fields=["event", "corrects"], nulls_distinct=False, name="one_decision_per_event"),
            models.UniqueConstraint(
                fields=["authorization", "round_key", "corrects"], nulls_distinct=False, name="one_decision_per_round"
            ),
            models.CheckConstraint(condition=Q(approved=True) ^ ~Q(decline_reason=""), name="decline_has_a_reason"),
            models.CheckConstraint(
                condition=Q(amount_minor__gte=0, amount_minor__lte=MAX_AMOUNT_MINOR), name="decision_amount_in_bounds"
            ),
            models.CheckConstraint(
                condition=Q(from_balance_minor__gte=0, from_balance_minor__lte=F("amount_minor")),
                name="decision_balance_is_a_part",
            ),
        ]

    def __str__(self) -> str:
        return f"{_('Approved') if self.approved else _('Declined')} {self.money}"

    @property
    def money(self) -> Money:
        return Money(self.amount_minor, self.currency)

    @property
    def ranked_method_ids(self) -> list[int]:
        """The ids of the funding methods that could have paid, in the order in which the engine ranked them."""
        candidates = self.trace.get("candidates") if isinstance(self.trace, Mapping) else None
        return [each["method_id"] for each in (candidates if isinstance(candidates, list) else []) if _could_pay(each)]


class SpendWindow(models.Model):
    """What a card has spent in one of its days or months: a counter, raised and given back under its row's lock.

    A window keeps the end it was opened with, so that a change of time zone cannot reset a limit (money-safety I16).
    """

    class Kind(models.TextChoices):
        DAY = "day", gettext_lazy("Day")
        MONTH = "month", gettext_lazy("Month")

    card = models.ForeignKey(VirtualCard, on_delete=models.PROTECT, related_name="spend_windows", db_index=False)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    spent_minor = models.BigIntegerField(default=0)

    class Meta:
        ordering = ["-starts_at"]
        constraints = [
            models.UniqueConstraint(fields=["card", "kind", "starts_at"], name="one_window_per_start"),
            models.CheckConstraint(condition=Q(spent_minor__gte=0), name="spent_not_negative"),
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="window_has_length"),
        ]

    def __str__(self) -> str:
        return _("%(kind)s from %(day)s") % {"kind": self.get_kind_display(), "day": display.moment(self.starts_at)}


class Hold(models.Model):
    """What one approval takes from the card's limits, in the windows that it was counted in; it ends once.

    A hold without a decision is what the issuer approved without us: by itself, or before it asked us for more. One
    `of_capture` is what merchants took beyond all that was held; it counts in the windows of what was held.
    """

    # A trigger checks these four for all rows of a statement at once (docs/decisions/0070).
    decision = models.OneToOneField(
        Decision, null=True, blank=True, on_delete=models.PROTECT, related_name="hold", db_constraint=False
    )
    authorization = models.ForeignKey(
        Authorization, on_delete=models.PROTECT, related_name="holds", db_constraint=False
    )
    day = models.ForeignKey(
        SpendWindow, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    month = models.ForeignKey(
        SpendWindow, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    counter_ids = ArrayField(
        models.BigIntegerField(),
        default=list,
        db_default=[],
        blank=True,
        help_text=gettext_lazy("The counters of controls that it was counted in."),
    )
    purchase_count = models.SmallIntegerField(
        default=0,
        db_default=0,
        help_text=gettext_lazy("1 where those counters count it as a purchase; an increment only adds its amount."),
    )
    amount_minor = models.BigIntegerField()
    released_minor = models.BigIntegerField(
        default=0, db_default=0, help_text=gettext_lazy("Given back of it before its end.")
    )
    of_capture = models.BooleanField(
        default=False, db_default=False, help_text=gettext_lazy("Taken by merchants beyond what was held.")
    )
    is_headroom = models.BooleanField(
        default=False,
        db_default=False,
        help_text=gettext_lazy("Held beyond the amount, for a tip or fuel, until the first capture or the end."),
    )
    status = models.CharField(max_length=20, choices=states.Hold.choices, default=states.Hold.PLACED)
    placed_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="hold_amount_positive"),
            models.CheckConstraint(
                condition=Q(released_minor__gte=0, released_minor__lte=F("amount_minor")),
                name="hold_gives_back_its",
            ),
            models.CheckConstraint(
                condition=Q(of_capture=False) | Q(decision=None), name="what_a_capture_takes_is_no_decisions"
            ),
            models.CheckConstraint(
                condition=Q(is_headroom=False) | Q(of_capture=True), name="headroom_is_for_what_a_capture_takes"
            ),
        ]

    def __str__(self) -> str:
        return f"{Money(self.amount_minor, self.authorization.currency)} {self.get_status_display()}"


def _could_pay(candidate: Any) -> bool:
    """Returns whether a candidate of a trace could have paid. A trace may come from another release."""
    if not isinstance(candidate, Mapping) or candidate.get("left_out"):
        return False
    return isinstance(candidate.get("method_id"), int)
