"""What staff note about a person."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy

from onecard.kit.fields import FreeTextField
from wallet.models.wallets import Cardholder


class PersonNote(models.Model):
    """One note about a person: who wrote it, and when. It never changes, and the person does not see it."""

    cardholder = models.ForeignKey(Cardholder, on_delete=models.PROTECT, related_name="notes")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    text = FreeTextField(max_length=2000, lines=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        verbose_name = gettext_lazy("note about a person")
        verbose_name_plural = gettext_lazy("notes about people")

    def __str__(self) -> str:
        return self.text[:80]
