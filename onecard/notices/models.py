"""What a person hears of: the notices, and how they chose to hear of each kind."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from onecard.kit.fields import FreeTextField
from onecard.kit.sentences import in_a_sentence
from onecard.notices.kinds import Channel, Kind


class Notice(models.Model):
    """One thing that a person hears of, written in the transaction of its cause, once for each cause."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False)
    kind = models.CharField(max_length=30, choices=Kind)
    cause = models.CharField(
        max_length=160, unique=True, help_text=gettext_lazy("What made it true, such as decision:<uuid>.")
    )
    title = models.CharField(max_length=80)
    text = FreeTextField(max_length=500)
    reference = models.CharField(
        max_length=120, blank=True, help_text=gettext_lazy("Such as purchase:<id>, as the API names it.")
    )
    is_shown = models.BooleanField(
        default=True, help_text=gettext_lazy("False where the person wants none of its kind.")
    )
    created_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["user", "id"], name="notices_of_person", condition=Q(is_shown=True)),
            models.Index(fields=["user", "id"], name="notices_unread", condition=Q(is_shown=True, read_at=None)),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.public_id}"


class Choice(models.Model):
    """How a person wants to hear of one kind; without a row, the default holds (onecard/notices/kinds.py)."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False)
    kind = models.CharField(max_length=30, choices=Kind)
    channel = models.CharField(max_length=10, choices=Channel)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "kind"], name="one_choice_per_kind")]

    def __str__(self) -> str:
        return f"{self.kind}: {self.channel}"


class Cursor(models.Model):
    """Up to where a sweep has looked: every row with a smaller id has its notice, or needs none."""

    name = models.CharField(max_length=40, primary_key=True)
    position = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.name} at {self.position}"


class NoticeMail(models.Model):
    """The one mail of a notice; attempts go on until the mail server takes it (onecard/notices/mails.py)."""

    class Status(models.TextChoices):
        INTENDED = "intended", gettext_lazy("Waits")
        SENDING = "sending", gettext_lazy("Being sent")
        SENT = "sent", gettext_lazy("Sent")
        GIVEN_UP = "given_up", gettext_lazy("Given up")

    notice = models.OneToOneField(Notice, on_delete=models.CASCADE, related_name="mail")
    status = models.CharField(max_length=20, choices=Status, default=Status.INTENDED)
    failure_message = FreeTextField(max_length=300, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    claimed_until = models.DateTimeField(null=True, help_text=gettext_lazy("A worker sends it until then."))
    next_attempt_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(
                fields=["next_attempt_at"], name="notice_mail_due", condition=Q(status__in=["intended", "sending"])
            )
        ]

    def __str__(self) -> str:
        return _("Mail of %(notice_id)s, %(status)s") % {
            "notice_id": self.notice_id,
            "status": in_a_sentence(self.get_status_display()),
        }
