"""The login forms of staff. allauth counts and checks; these decide who may log in and record it."""

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.forms import LoginForm
from allauth.core import context
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_variables

from onecard.second_factor import devices, trail_of_logins
from onecard.second_factor.seeds import seeds_of
from onecard.users.models import User

NO_SECOND_FACTOR = gettext_lazy("Your login is not set up yet. Ask an administrator for an invitation.")


class StaffLoginForm(LoginForm):
    """Name and password of staff with a second factor; with DEBUG also of staff without one."""

    @sensitive_variables()
    def clean(self) -> Any:
        cleaned = super().clean()
        if self.user is not None and not self.errors:
            why = why_not_let_in(self.user)
            if why:
                adapter = get_adapter()
                trail_of_logins.failed(
                    name=self.user.get_username(), address=adapter.address_of(context.request), why=why
                )
                is_known_to_lack_it = why == "no_second_factor"
                raise (
                    ValidationError(NO_SECOND_FACTOR)
                    if is_known_to_lack_it
                    else adapter.validation_error("username_password_mismatch")
                )
        return cleaned


def why_not_let_in(user: User) -> str:
    """Returns why a person with the right password may not continue to the second step, or ""."""
    if not user.is_active:
        return "inactive"
    if not (user.is_staff or user.is_superuser):
        return "not_staff"
    return "" if devices.has_device(user) or settings.DEBUG else "no_second_factor"


class RecordsWrongCodes:
    """Shared by the forms with a code: seeds open for the person who logs in, and the trail records wrong codes."""

    @sensitive_variables()
    def clean_code(self) -> str:
        user: User = self.user  # type: ignore[attr-defined]
        try:
            with seeds_of(user):
                return str(super().clean_code())  # type: ignore[misc]
        except ValidationError:
            adapter = get_adapter()
            adapter.failed(context.request, name=getattr(user, adapter.name_field), why="code")
            raise


class LoginCodeForm(RecordsWrongCodes, AuthenticateForm):
    """The second step of a login."""


class FreshCodeForm(RecordsWrongCodes, ReauthenticateForm):
    """Asks a logged-in person for a code before passkeys or recovery codes are changed."""
