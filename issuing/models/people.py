"""Corrected profiles that an issuer still has to get."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from issuing import states
from issuing.models.cards import IssuerAccount
from onecard.kit.fields import FreeTextField
from wallet.references import Subject


class ProfileUpdate(models.Model):
    """A person's profile on its way to an issuer that knows them: one row for each account, made by the database.

    Each change of the profile or e-mail address, from whichever door, raises `version` in the same commit
    (issuing/sql/profile_changed.sql). The row is done once the profile of that version was taken.
    """

    account = models.OneToOneField(IssuerAccount, on_delete=models.PROTECT, related_name="profile_update")
    version = models.BigIntegerField(default=1, editable=False)
    status = models.CharField(
        max_length=20, choices=states.ProfileUpdate.choices, default=states.ProfileUpdate.INTENDED
    )
    failure_code = FreeTextField(max_length=80, blank=True)
    failure_message = FreeTextField(max_length=300, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    claimed_until = models.DateTimeField(null=True, blank=True)
    next_attempt_at = models.DateTimeField(
        null=True, blank=True, help_text=gettext_lazy("Empty also while the person's identity has to be checked first.")
    )
    asked_at = models.DateTimeField(help_text=gettext_lazy("When this version of the profile was saved."))
    updated_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(
                fields=["next_attempt_at"],
                name="profile_update_due",
                condition=Q(status__in=states.OPEN_PROFILE_UPDATE),
            ),
        ]

    def __str__(self) -> str:
        return _("Profile of %(account)s") % {"account": self.account}

    @property
    def reference(self) -> str:
        """What cases call it."""
        return Subject.PROFILE_UPDATE.reference(self.pk)
