"""A cardholder's own rules: what comes before the optimiser of strategy value (routing/value/personal_rules.py)."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from onecard.kit.money import MAX_AMOUNT_MINOR
from wallet.models import Cardholder, FundingMethod


class PersonalRule(models.Model):
    """One rule about one card. A condition that is empty covers every purchase; all that are set must hold."""

    class Action(models.TextChoices):
        NEVER = "never_this_card", _("Never this card")
        USE = "use_this_card", _("This card")
        TARGET = "reach_a_spend_target", _("This card until its target is spent")

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    cardholder = models.ForeignKey(Cardholder, on_delete=models.CASCADE, related_name="rules", db_index=False)
    position = models.PositiveSmallIntegerField(_("place"), help_text=_("The smaller one is looked at first."))
    action = models.CharField(_("what to do"), max_length=30, choices=Action.choices)
    method = models.ForeignKey(
        FundingMethod, on_delete=models.CASCADE, related_name="rules", db_index=False, verbose_name=_("card")
    )
    merchants = ArrayField(
        models.CharField(max_length=120),
        default=list,
        blank=True,
        verbose_name=_("merchants"),
        help_text=_("Beginnings of merchants' names."),
    )
    above_minor = models.BigIntegerField(
        _("above"), null=True, blank=True, validators=[MinValueValidator(0)], help_text=_("In minor units.")
    )
    is_foreign = models.BooleanField(_("abroad"), null=True, blank=True)
    counts_from = models.DateField(_("first day"), null=True, blank=True)
    until = models.DateField(_("last day"), null=True, blank=True)
    target_minor = models.BigIntegerField(
        _("target"), default=0, help_text=_("What is to be spent on the card, in minor units.")
    )
    version = models.BigIntegerField(default=1, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["cardholder", "position", "id"]
        verbose_name = _("personal rule")
        verbose_name_plural = _("personal rules")
        indexes = [models.Index(fields=["cardholder", "position"], name="rules_of_person")]
        constraints = [
            models.CheckConstraint(
                condition=Q(action="reach_a_spend_target", target_minor__gt=0, target_minor__lte=MAX_AMOUNT_MINOR)
                & Q(counts_from__isnull=False, until__isnull=False)
                | ~Q(action="reach_a_spend_target") & Q(target_minor=0),
                name="rule_target_is_whole",
            ),
            models.CheckConstraint(
                condition=Q(above_minor__isnull=True) | Q(above_minor__gte=0, above_minor__lte=MAX_AMOUNT_MINOR),
                name="rule_amount_in_bounds",
            ),
            models.CheckConstraint(
                condition=Q(counts_from__isnull=True) | Q(until__isnull=True) | Q(counts_from__lte=F("until")),
                name="rule_dates_in_order",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.position}: {self.get_action_display()} ({self.method})"
