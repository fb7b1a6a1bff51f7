"""What the frontend API keeps of its own: answered requests by idempotency key, and mails with codes on their way."""

import uuid

from django.conf import settings
from django.db import models
from rest_framework.utils.encoders import JSONEncoder


class IdempotentRequest(models.Model):
    """One POST of one person under their key. A repeat gets the stored answer; kept for 24 hours."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False)
    key = models.CharField(max_length=255)
    request_id = models.UUIDField(default=uuid.uuid4, editable=False, help_text="What the domain calls know it by.")
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of method, path and body.")
    leased_until = models.DateTimeField(null=True, help_text="Somebody works on it until then.")
    status_code = models.PositiveSmallIntegerField(null=True, help_text="Empty until it was answered.")
    answer = models.JSONField(null=True, encoder=JSONEncoder)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="one_request_per_key")]
        # The sweep deletes what is older than a day.
        indexes = [models.Index(fields=["created_at"], name="idempotent_request_by_age")]

    def __str__(self) -> str:
        return f"{self.key} of login {self.user_id}"


class LoginMail(models.Model):
    """A mail to somebody who signs up, logs in or resets their password; deleted when it was sent.

    The code in it is sealed.
    """

    class Kind(models.TextChoices):
        VERIFY = "verify", "Code that proves an address"
        RESET = "reset", "Code to set a new password"
        ALREADY_A_LOGIN = "already_a_login", "Sign-up with an address that has a login"
        NO_LOGIN = "no_login", "Reset for an address that has no login"

    kind = models.CharField(max_length=20, choices=Kind)
    to = models.EmailField()
    sealed_code = models.TextField(blank=True)
    claimed_at = models.DateTimeField(null=True, help_text="A worker sends it since then.")
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"
