"""What people send to sign up, log in and change their login. Right and wrong addresses look and last the same.

allauth's own inputs check the rest: lengths, codes, passwords by AUTH_PASSWORD_VALIDATORS.
"""

from typing import Any, Final

from allauth.account.adapter import get_adapter
from allauth.account.models import Login
from allauth.core import context
from allauth.headless.account import inputs as account
from allauth.headless.internal.restkit import inputs
from allauth.headless.mfa import inputs as mfa
from allauth.headless.usersessions.inputs import SelectSessionsInput
from allauth.mfa.adapter import get_adapter as get_mfa_adapter
from allauth.mfa.models import Authenticator
from cryptography.exceptions import InvalidSignature
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.views.decorators.debug import sensitive_variables

from onecard.kit.transactions import transaction
from onecard.second_factor import devices
from onecard.second_factor.forms import RecordsWrongCodes
from onecard.users import people
from onecard.users.models import User


class SignUp(account.SignupInput):
    """An address and a password. An address that has a login gets a mail in place of a second one."""

    def validate_unique_email(self, value: str) -> str:
        self.account_already_exists = people.with_email(value).exists()
        return value

    @sensitive_variables()
    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean()
        email, password = cleaned.get("email"), cleaned.get("password")
        if email and password:
            try:
                get_adapter().clean_password(password, user=User(email=email))
            except ValidationError as error:
                self.add_error("password", error)
        return cleaned

    def try_save(self, request: Any) -> tuple[User | None, Any]:
        if self.account_already_exists:
            people.hash_in_vain(self.cleaned_data["password"])
        else:
            try:
                with transaction():
                    return self.save(request), None
            except IntegrityError:
                # Somebody signed up with it at the same moment.
                self.account_already_exists = True
        user, answer = super().try_save(request)
        return user, answer


class LogIn(inputs.Input):
    """An address and its password."""

    email = inputs.EmailField()
    password = inputs.CharField()

    @sensitive_variables()
    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean()
        if self.errors:
            return cleaned
        email = people.normal_email(cleaned["email"])
        user = get_adapter().authenticate(context.request, email=email, password=cleaned["password"])
        if user is None:
            raise get_adapter().validation_error("email_password_mismatch")
        self.login = Login(user=user, email=user.email.lower())
        if account.flows.login.is_login_rate_limited(context.request, self.login):
            raise get_adapter().validation_error("too_many_login_attempts")
        return cleaned


class VerifyEmail(account.VerifyEmailInput):
    """The code that was mailed to prove an address."""

    def clean_key(self) -> str:
        if self.process.user is None or self.process.state.get("account_already_exists"):
            raise get_adapter().validation_error("incorrect_code")
        key = str(super().clean_key())
        if people.with_email(self.process.email).exclude(pk=self.process.user.pk).exists():
            raise get_adapter().validation_error("email_taken")
        return key


class RequestReset(account.RequestPasswordResetInput):
    """The address whose password is forgotten. Only people reset theirs; staff ask for an invitation."""

    def clean_email(self) -> str:
        email = people.normal_email(self.cleaned_data["email"])
        self.users = list(people.with_email(email).filter(is_active=True))
        return email


class Reset(account.ResetPasswordInput):
    """The mailed code and a new password, which is looked at only if the code is right."""

    @sensitive_variables()
    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = self.cleaned_data if self.errors else super().clean()
        return cleaned


class ChangePassword(account.ChangePasswordInput):
    """The present password, which is counted and recorded as at a login, and a new one."""

    @sensitive_variables()
    def clean_current_password(self) -> str:
        password = str(self.cleaned_data["current_password"])
        if password and not get_adapter().reauthenticate(self.user, password):
            raise get_adapter().validation_error("enter_current_password")
        return password


class ReauthenticateByPassword(account.ReauthenticateInput):
    """The password again; who has a second factor gives that instead, so that a password alone does not remove it."""

    @sensitive_variables()
    def clean_password(self) -> str:
        if devices.has_any(self.user):
            raise get_adapter().validation_error("second_factor_needed")
        return str(super().clean_password())


class LoginCode(RecordsWrongCodes, mfa.AuthenticateInput):
    """A code of the app, or a recovery code, as the second step of a login."""


class FreshCode(RecordsWrongCodes, mfa.ReauthenticateInput):
    """A code before something that needs one."""


# What the library raises for something that is no passkey's answer; it has no error of its own for it.
NOT_A_PASSKEY: Final = (AttributeError, IndexError, KeyError, TypeError, ValueError, InvalidSignature)


class AddPasskey(mfa.AddWebAuthnInput):
    """A new passkey, as the browser or the phone has made it."""

    name = inputs.CharField(required=False, max_length=100)

    def clean_credential(self) -> dict[str, Any]:
        """Refuses what is no object: allauth takes a 0 for a credential, and never asks whether it is one."""
        found = self.cleaned_data["credential"]
        extensions = found.get("clientExtensionResults", {}) if isinstance(found, dict) else None
        if isinstance(extensions, dict) and isinstance(extensions.get("credProps", {}), dict):
            return dict(found)
        raise get_mfa_adapter().validation_error("incorrect_code")

    def clean(self) -> dict[str, Any]:
        try:
            cleaned: dict[str, Any] = super().clean()
        except NOT_A_PASSKEY:
            raise get_mfa_adapter().validation_error("incorrect_code") from None
        return cleaned


class _Passkey:
    """Shared by the inputs with a passkey: the trail records wrong ones."""

    def clean_credential(self) -> Authenticator:
        try:
            return self._found()
        except ValidationError:
            user: User | None = self.user  # type: ignore[attr-defined]
            get_adapter().failed(context.request, name=user.email if user else "", why="passkey")
            raise

    def _found(self) -> Authenticator:
        try:
            found: Authenticator = super().clean_credential()  # type: ignore[misc]
        except NOT_A_PASSKEY:
            raise get_mfa_adapter().validation_error("incorrect_code") from None
        if people.is_person(found.user):
            return found
        raise get_mfa_adapter().validation_error("incorrect_code")


class LoginPasskey(_Passkey, mfa.AuthenticateWebAuthnInput):
    """A passkey as the second step of a login."""


class FreshPasskey(_Passkey, mfa.ReauthenticateWebAuthnInput):
    """A passkey before something that needs one."""


class PasskeyAlone(_Passkey, mfa.LoginWebAuthnInput):
    """A passkey instead of a password."""


class EndSessions(SelectSessionsInput):
    """The ids of one's own sessions that end, or `all`."""

    all = inputs.BooleanField(required=False)

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.fields["sessions"].required = not self.data.get("all")
