"""Controls: rules for purchases with their versions, what they counted, where they took effect, and passes beside them.

A change of a version in force raises the version of what it is for: the book of programme-wide controls, the card or
the wallet (issuing/sql/triggers). So no decision is committed that was made from other controls.
"""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from issuing import states
from issuing.models.authorizations import Decision
from issuing.models.cards import VirtualCard
from onecard.kit.fields import FreeJsonField, FreeTextField
from onecard.kit.money import MAX_AMOUNT_MINOR
from wallet.models import Cardholder, Case


class ControlBook(models.Model):
    """One row: the version of all programme-wide controls in force, raised by triggers."""

    version = models.BigIntegerField(default=1)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="one_book_of_controls")]

    def __str__(self) -> str:
        return f"{self.version}"


class Control(models.Model):
    """A rule for purchases of the programme, of one cardholder or of one card; what it does is in its versions."""

    class Scope(models.TextChoices):
        PROGRAMME = "programme", _("All cards")
        CARDHOLDER = "cardholder", _("One cardholder")
        CARD = "card", _("One card")

    class Origin(models.TextChoices):
        """Who made it. A cardholder's own control needs no second person."""

        STAFF = "staff", _("Staff")
        HOLDER = "holder", _("Its cardholder")
        PRODUCT = "product", _("The product")

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = FreeTextField(_("name"), max_length=120)
    scope = models.CharField(_("applies to"), max_length=12, choices=Scope.choices, default=Scope.PROGRAMME)
    origin = models.CharField(_("made by"), max_length=10, choices=Origin.choices, default=Origin.STAFF, editable=False)
    cardholder = models.ForeignKey(
        Cardholder, null=True, blank=True, on_delete=models.PROTECT, related_name="controls", db_index=False
    )
    card = models.ForeignKey(
        VirtualCard, null=True, blank=True, on_delete=models.PROTECT, related_name="controls", db_index=False
    )
    excluded_card_ids = ArrayField(models.BigIntegerField(), default=list, blank=True)
    excluded_cardholder_ids = ArrayField(models.BigIntegerField(), default=list, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        permissions = [("publish_control", "Can put a control into force that somebody else wrote")]
        indexes = [
            models.Index(fields=["card"], name="control_of_card"),
            models.Index(fields=["cardholder"], name="control_of_cardholder"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(scope="programme", cardholder__isnull=True, card__isnull=True)
                | Q(scope="cardholder", cardholder__isnull=False, card__isnull=True)
                | Q(scope="card", cardholder__isnull=True, card__isnull=False),
                name="control_scope_names_its_subject",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ControlVersion(models.Model):
    """What a control does from one publication to the next. Its definition changes only while it is a draft."""

    control = models.ForeignKey(Control, on_delete=models.PROTECT, related_name="versions", db_index=False)
    number = models.PositiveIntegerField()
    state = models.CharField(
        max_length=10, choices=states.ControlState.choices, default=states.ControlState.DRAFT, editable=False
    )
    definition = FreeJsonField(help_text=_("Conditions, velocity and action (docs/controls.md)."))
    reason_code = models.CharField(max_length=40, help_text=_("Of the declines, as reports and the API name it."))
    sentence = FreeTextField(max_length=200, help_text=_("What the cardholder reads when a purchase is declined."))
    author = models.CharField(max_length=80, editable=False)
    publisher = models.CharField(max_length=80, blank=True, default="", editable=False)
    is_own = models.BooleanField(
        default=False, editable=False, help_text=_("Written for the writer's own card, or shipped with the product.")
    )
    continues = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        editable=False,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        help_text=_("The version whose counters it goes on from, since it counts the same."),
    )
    allows_pass = models.BooleanField(
        default=False,
        db_default=False,
        help_text=_("The cardholder may answer “it was me”, and one retry passes."),
    )
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    shadowed_at = models.DateTimeField(null=True, blank=True)
    activated_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["control", "number"], name="one_control_version_per_number"),
            models.UniqueConstraint(
                fields=["control"], condition=Q(state="active"), name="one_active_version_per_control"
            ),
            models.UniqueConstraint(
                fields=["control"], condition=Q(state="shadow"), name="one_shadow_version_per_control"
            ),
            models.CheckConstraint(
                condition=Q(activated_at__isnull=True) | ~Q(publisher=""), name="an_active_control_has_a_publisher"
            ),
            models.CheckConstraint(
                condition=Q(is_own=True) | Q(publisher="") | ~Q(publisher=F("author")),
                name="control_published_by_another",
            ),
            models.CheckConstraint(condition=~Q(reason_code=""), name="control_has_a_reason_code"),
        ]

    def __str__(self) -> str:
        return f"{self.control} v{self.number}"


class VelocityCounter(models.Model):
    """What one subject spent and how often, in one window of one version; raised and given back under its row's lock.

    `subject_id` is the key of the card or cardholder, or 0 for the programme. A trailing window has one row without an
    end: its lock; the purchases themselves are VelocityEntry.
    """

    version = models.ForeignKey(ControlVersion, on_delete=models.PROTECT, related_name="counters", db_index=False)
    subject_id = models.BigIntegerField()
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    spent_minor = models.BigIntegerField(default=0, db_default=0)
    count = models.BigIntegerField(default=0, db_default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["version", "subject_id", "starts_at"], name="one_counter_per_start"),
            models.CheckConstraint(condition=Q(spent_minor__gte=0, count__gte=0), name="counted_not_negative"),
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="counter_has_length"),
        ]

    def __str__(self) -> str:
        return f"{self.version_id}/{self.subject_id}"


class VelocityEntry(models.Model):
    """One approval that counts in a trailing window, as far as it was not given back. Swept when no window holds it."""

    # Without a constraint: a decision writes it under the lock of its counter, and each check costs.
    counter = models.ForeignKey(
        VelocityCounter, on_delete=models.CASCADE, related_name="entries", db_index=False, db_constraint=False
    )
    authorization_id = models.BigIntegerField()
    counted_at = models.DateTimeField()
    amount_minor = models.BigIntegerField()
    count = models.SmallIntegerField(default=1, db_default=1)

    class Meta:
        indexes = [
            models.Index(
                fields=["counter", "counted_at"], include=["amount_minor", "count"], name="velocity_entries_in_time"
            ),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(amount_minor__gte=0, count__gte=0), name="entry_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.counter_id} {self.counted_at}"


class ControlHit(models.Model):
    """A version took its action on a decision, or would have, in shadow. Written out with the decision.

    What it flags belongs to a case of suspected fraud, and the case's outcome says whether it was right.
    """

    version = models.ForeignKey(ControlVersion, on_delete=models.PROTECT, related_name="hits", db_index=False)
    decision = models.ForeignKey(Decision, on_delete=models.PROTECT, related_name="control_hits")
    action = models.CharField(max_length=20)
    in_shadow = models.BooleanField()
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    hit_at = models.DateTimeField()
    case = models.ForeignKey(
        Case, null=True, blank=True, on_delete=models.PROTECT, related_name="control_hits", db_index=False
    )

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["version", "hit_at"], name="hits_of_a_version")]

    def __str__(self) -> str:
        return f"{self.version} {self.action}"


class ControlPass(models.Model):
    """A cardholder's "it was me": until a moment, one retry of a declined purchase passes the control once."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    control = models.ForeignKey(Control, on_delete=models.PROTECT, related_name="passes", db_index=False)
    card = models.ForeignKey(VirtualCard, on_delete=models.PROTECT, related_name="control_passes", db_index=False)
    decision = models.OneToOneField(Decision, on_delete=models.PROTECT, related_name="control_pass")
    merchant_network_id = models.CharField(max_length=64, blank=True)
    merchant_name = FreeTextField(max_length=120, blank=True)
    most_minor = models.BigIntegerField()
    until = models.DateTimeField()
    created_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)
    used_by = models.UUIDField(null=True, blank=True, help_text=_("The decision that it let pass."))

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["card", "until"], name="open_passes", condition=Q(used_at__isnull=True)),
            models.Index(fields=["card", "created_at"], name="passes_of_card"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(most_minor__gte=0, most_minor__lte=MAX_AMOUNT_MINOR), name="pass_amount_in_bounds"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.control} {self.until}"
