"""Logins: staff, and people who carry a card. Our own user model from the first migration, so that it can grow."""

from typing import Any

from django.contrib.auth.models import AbstractUser
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models.functions import Lower, Upper
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy


class User(AbstractUser):
    """A login. A person who carries a card also has a wallet.Cardholder, and is then never staff."""

    trusted_from = models.DateTimeField(
        null=True,
        editable=False,
        help_text=gettext_lazy(
            "From then on they may reveal card numbers and agree as the second person; empty: suspended."
        ),
    )
    session_version = models.PositiveIntegerField(
        default=0, editable=False, help_text=gettext_lazy("Every session that began under another number has ended.")
    )

    language = models.CharField(
        max_length=10, blank=True, editable=False, help_text=gettext_lazy("Of the back office; empty: the browser's.")
    )
    time_zone = models.CharField(
        max_length=64,
        blank=True,
        editable=False,
        help_text=gettext_lazy("Such as Europe/Berlin; empty: the browser's."),
    )

    class Meta(AbstractUser.Meta):
        permissions = [("assign_roles", "Can invite staff, choose their role, and remove a lost second factor")]
        # Staff search for a person by a part of their address (onecard/desk/people_search.py).
        indexes = [
            GinIndex(OpClass(Upper("email"), name="gin_trgm_ops"), name="login_email_words"),
            # Few are staff. Pages name those who may approve (onecard/second_factor/second_people.py).
            models.Index(
                fields=["trusted_from"], condition=models.Q(trusted_from__isnull=False), name="login_trusted_staff"
            ),
            # Forms name those who may work a case (wallet/casework/by_hand.py).
            models.Index(fields=["username"], condition=models.Q(is_staff=True), name="login_staff"),
        ]
        constraints = [
            # Staff may have their own address at a login of theirs too; people log in by it.
            models.UniqueConstraint(
                Lower("email"),
                condition=models.Q(is_staff=False, is_superuser=False) & ~models.Q(email=""),
                name="one_person_for_an_email",
                violation_error_message=gettext_lazy("Another person's login has this e-mail address."),
            )
        ]

    @property
    def refused_permissions(self) -> list[str]:
        """The permissions that were asked for and that this login lacks, oldest first, while this object lives."""
        found: list[str] = self.__dict__.setdefault("_refused_permissions", [])
        return found

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        """Returns as Django does, and remembers a refusal: the page about it says what was missing."""
        may = super().has_perm(perm, obj)
        if not may:
            self._remember(perm)
        return may

    def _remember(self, perm: str) -> None:
        """Who may not see is asked as well whether they may change; what they lack is the right to see."""
        seeing, changing = perm.replace(".change_", ".view_"), ".change_" in perm
        if not (changing and self.refused_permissions[-1:] == [seeing]):
            self.refused_permissions.append(perm)

    def _get_session_auth_hash(self, secret: Any = None) -> str:
        """Adds our session number: Django ends a session whose hash differs, as after a new password."""
        password, self.password = self.password, f"{self.password}:{self.session_version}"
        try:
            return super()._get_session_auth_hash(secret)  # type: ignore[misc, no-any-return]
        finally:
            self.password = password


class Invitation(models.Model):
    """A link with which one member of staff sets a password and a second factor, once, before it expires.

    The link holds this row's id under a signature, so the database alone does not reveal the link.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="invitations")
    invited_by = models.CharField(max_length=80, help_text="user:<id> or system:command")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user"],
                condition=models.Q(used_at=None, withdrawn_at=None),
                name="one_open_invitation_per_login",
            )
        ]

    def __str__(self) -> str:
        return _("Invitation %(pk)s of login %(user_id)s") % {"pk": self.pk, "user_id": self.user_id}
