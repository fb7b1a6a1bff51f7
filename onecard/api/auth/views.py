"""The operations with which people join: allauth's headless views, for people only, with problem details as errors."""

import json
from typing import Any, Final

from allauth.account.adapter import get_adapter
from allauth.account.internal.stagekit import unstash_login
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.headless.account import views as account
from allauth.headless.base.response import AuthenticationResponse
from allauth.headless.mfa import views as mfa
from allauth.headless.usersessions import views as usersessions
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed

from onecard.api import throttles
from onecard.api.auth import devices, inputs, refusals
from onecard.kit.transactions import transaction
from onecard.users import people
from onecard.users.models import User

METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
NOT_A_PERSON: Final = "This login is staff's. Staff use the back office."
UNREADABLE: Final = "The body is not readable: send a JSON object in UTF-8."


class ForPeople:
    """Goes before a view of allauth's: refuses staff, reads the body with care, and turns refusals into problems."""

    # The methods that this view has here; allauth's views have some that nobody needs or that tell too much.
    methods: tuple[str, ...] = METHODS

    def dispatch(self, request: HttpRequest, *args: Any, **more: Any) -> HttpResponse:
        try:
            return refusals.as_problem(request, self._answer(request, *args, **more))
        except ImmediateHttpResponse as error:
            return refusals.as_problem(request, error.response)
        except PermissionDenied as error:
            return refusals.problem(request, 403, "not_a_person", str(error) or NOT_A_PERSON)
        except _UnreadableError:
            return refusals.problem(request, 400, "parse_error", UNREADABLE)

    def _answer(self, request: HttpRequest, *args: Any, **more: Any) -> HttpResponse:
        allowed = [each for each in self.methods if hasattr(self, each.lower())]
        if request.method not in allowed:
            return HttpResponseNotAllowed(allowed)
        if throttles.is_over("joining", get_adapter().address_of(request)):
            return HttpResponse(status=429)
        who = _who(request)
        if who is not None and not people.is_person(who):
            raise PermissionDenied(NOT_A_PERSON)
        answer: HttpResponse = super().dispatch(request, *args, **more)  # type: ignore[misc]
        return answer

    def _parse_json(self, request: HttpRequest) -> dict[str, Any] | None:
        if request.method == "GET" or not request.body:
            return None
        try:
            found = json.loads(request.body.decode())
            # Text that is no UTF-8 would fail in the database, or in the hash of a password.
            json.dumps(found, ensure_ascii=False).encode()
        except (ValueError, RecursionError):
            raise _UnreadableError from None
        if not isinstance(found, dict):
            raise _UnreadableError
        return found


class _UnreadableError(Exception):
    """The body is no JSON object."""


class Session(ForPeople, account.SessionView):
    """Who is logged in, and what is under way; DELETE logs out."""


class SignUp(ForPeople, account.SignupView):
    input_class = {"POST": inputs.SignUp}

    def post(self, request: HttpRequest, *args: Any, **more: Any) -> HttpResponse:
        try:
            answer: HttpResponse = super().post(request, *args, **more)
        except ImmediateHttpResponse:
            # Too many codes went to this address; a new address looks the same.
            answer = AuthenticationResponse(request)
        return answer


class LogIn(ForPeople, account.LoginView):
    input_class = inputs.LogIn


class VerifyEmail(ForPeople, account.VerifyEmailView):
    methods = ("POST",)
    input_class = inputs.VerifyEmail

    def handle_invalid_input(self, input: Any) -> Any:  # noqa: A002
        get_adapter().failed(self.request, name=self.process.email, why="verification_code")
        return super().handle_invalid_input(input)


class ResendCode(ForPeople, account.ResendEmailVerificationCodeView):
    pass


class RequestReset(ForPeople, account.RequestPasswordResetView):
    input_class = inputs.RequestReset


class Reset(ForPeople, account.ResetPasswordView):
    # Reading would not count wrong codes for an address without a login, and so tell which have one.
    methods = ("POST",)
    input_class = inputs.Reset

    def handle_invalid_input(self, input: Any) -> Any:  # noqa: A002
        if "key" in input.errors:
            get_adapter().failed(self.request, name=self.process.state["email"], why="reset_code")
        return super().handle_invalid_input(input)


class ChangePassword(ForPeople, account.ChangePasswordView):
    input_class = inputs.ChangePassword


class Email(ForPeople, account.ManageEmailView):
    """One's address; POST begins a change, which a code from the new mailbox finishes."""

    methods = ("GET", "POST")


class Reauthenticate(ForPeople, account.ReauthenticateView):
    input_class = inputs.ReauthenticateByPassword


class LoginCode(ForPeople, mfa.AuthenticateView):
    input_class = inputs.LoginCode


class FreshCode(ForPeople, mfa.ReauthenticateView):
    input_class = inputs.FreshCode


class LoginPasskey(ForPeople, mfa.AuthenticateWebAuthnView):
    input_class = {"POST": inputs.LoginPasskey}


class FreshPasskey(ForPeople, mfa.ReauthenticateWebAuthnView):
    input_class = {"POST": inputs.FreshPasskey}


class PasskeyAlone(ForPeople, mfa.LoginWebAuthnView):
    input_class = {"POST": inputs.PasskeyAlone}


class Authenticators(ForPeople, mfa.AuthenticatorsView):
    pass


class Totp(ForPeople, mfa.ManageTOTPView):
    pass


class RecoveryCodes(ForPeople, mfa.ManageRecoveryCodesView):
    pass


class Passkeys(ForPeople, mfa.ManageWebAuthnView):
    input_class = {**mfa.ManageWebAuthnView.input_class, "POST": inputs.AddPasskey}


class Sessions(ForPeople, usersessions.SessionsView):
    """Where one is logged in; DELETE ends some sessions, or all."""

    input_class = {"DELETE": inputs.EndSessions}

    def delete(self, request: HttpRequest, *args: Any, **more: Any) -> HttpResponse:
        user, chosen = _logged_in(request), self.input.cleaned_data
        if not chosen["all"]:
            how_many = len(chosen["sessions"])
            with transaction():
                left: HttpResponse = super().delete(request, *args, **more)
                devices.record_end(user, which=str(how_many))
            return left
        get_adapter().logout(request)
        devices.end_all(user)
        answer: HttpResponse = AuthenticationResponse(request)
        return answer


def _logged_in(request: HttpRequest) -> User:
    """Returns the row of who is logged in: a request's own user changes as soon as they are not."""
    return User.objects.get(pk=request.user.pk or 0)


def _who(request: HttpRequest) -> User | None:
    """Returns who is logged in, or has begun to."""
    if isinstance(request.user, User) and request.user.is_authenticated:
        return request.user
    login = unstash_login(request, peek=True)
    return login.user if login is not None else None
