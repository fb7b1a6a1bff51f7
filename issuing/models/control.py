"""What staff steer about issuers: read-only mode, the fallback, and who gets real cards."""

from django.conf import settings
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy

from issuing.models.cards import Provider
from onecard.kit.fields import FreeTextField


class IssuerControl(models.Model):
    """How an issuer may be used; a provider without a row is used freely."""

    provider = models.CharField(max_length=20, choices=Provider.choices)
    read_only = models.BooleanField(
        default=False, help_text=gettext_lazy("Cards are not made or changed; purchases, reading and webhooks go on.")
    )
    read_only_reason = FreeTextField(max_length=200, blank=True)
    read_only_until = models.DateTimeField(
        null=True, blank=True, help_text=gettext_lazy("Ends by itself then; empty: until somebody ends it.")
    )
    fallback_allowed = models.BooleanField(
        default=True, help_text=gettext_lazy("New cards may be made at ISSUER_BACKUP_PROVIDER while this one is down.")
    )
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["provider"]
        constraints = [
            models.UniqueConstraint(fields=["provider"], name="one_control_per_issuer"),
            models.CheckConstraint(
                condition=Q(read_only=False) | ~Q(read_only_reason=""), name="read_only_has_a_reason"
            ),
        ]

    def __str__(self) -> str:
        return self.get_provider_display()


class Rollout(models.Model):
    """A feature flag: on for a share of the users, always the same ones, and for those who are named."""

    class Feature(models.TextChoices):
        REAL_CARDS = "real_cards", gettext_lazy("Real cards instead of mock ones")

    feature = models.CharField(max_length=40, choices=Feature.choices)
    share_percent = models.PositiveSmallIntegerField(
        gettext_lazy("share of users, in percent"),
        default=0,
        validators=[MaxValueValidator(100)],
        help_text=gettext_lazy("Raising it keeps everybody who has it already."),
    )
    always_on_for = models.ManyToManyField(settings.AUTH_USER_MODEL, blank=True, related_name="+")
    always_off_for = models.ManyToManyField(
        settings.AUTH_USER_MODEL, blank=True, related_name="+", help_text=gettext_lazy("Off beats on.")
    )
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["feature"]
        constraints = [
            models.UniqueConstraint(fields=["feature"], name="one_rollout_per_feature"),
            models.CheckConstraint(condition=Q(share_percent__lte=100), name="share_is_a_percentage"),
        ]

    def __str__(self) -> str:
        return self.get_feature_display()
