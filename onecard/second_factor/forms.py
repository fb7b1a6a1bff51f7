"""The login forms of staff. allauth counts and checks; these decide who may log in and record it."""

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.forms import LoginForm
from allauth.core import context
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.webauthn.forms import ReauthenticateWebAuthnForm
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_variables

from onecard.kit.confirmation_pages import CodeField
from onecard.second_factor import devices, trail_of_logins
from onecard.second_factor.errors import SecondFactorError
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


class FreshCodeForm(ReauthenticateForm):
    """Asks a member of staff again who they are: by a code of their app. A recovery code is only for logging in."""

    code = CodeField(label=gettext_lazy("The six digits that your authenticator shows now"))

    @sensitive_variables()
    def clean_code(self) -> str:
        code = str(self.cleaned_data["code"])
        try:
            self.authenticator = devices.confirm(self.user, code)
        except SecondFactorError as error:
            raise ValidationError(error.message) from None
        return code

    def save(self) -> None:
        super().save()
        trail_of_logins.confirmed_again(self.user, by="code")


class FreshPasskeyForm(ReauthenticateWebAuthnForm):
    """Asks a member of staff again who they are, by a passkey."""

    def clean_credential(self) -> Any:
        found = super().clean_credential()
        trail_of_logins.confirmed_again(self.user, by="passkey")
        return found
