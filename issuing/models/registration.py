"""Where an issuer shall call us, and what it last showed of that."""

from django.db import models

from issuing.models.cards import Provider
from onecard.kit.fields import FreeTextField


class IssuerRegistration(models.Model):
    """How we are registered at an issuer, as it said at `checked_at`; the page asks no issuer, it shows this row.

    A later failure to ask stands beside it, and does not make what was found then any newer.
    """

    provider = models.CharField(max_length=20, choices=Provider.choices)
    address = models.CharField(
        max_length=200, blank=True, help_text="Where the issuer reaches us, by connect_issuer; empty: PUBLIC_URL."
    )
    findings = models.JSONField(default=list, help_text="Part, code and values of each thing that was looked at.")
    checked_at = models.DateTimeField(null=True, help_text="When the issuer answered last.")
    problem = FreeTextField(max_length=300, blank=True, help_text="Why it could not be asked at problem_at.")
    problem_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["provider"], name="one_registration_per_issuer")]

    def __str__(self) -> str:
        return self.get_provider_display()
