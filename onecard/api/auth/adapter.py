"""What django-allauth asks us about people: they sign up and log in by e-mail, in the frontend API only.

Staff's half is in onecard/second_factor/adapters.py, which every page of the back office uses.
"""

from typing import Any, ClassVar

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from allauth.core import context
from allauth.core.internal import httpkit
from allauth.headless.adapter import DefaultHeadlessAdapter
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.views.decorators.debug import sensitive_variables

from audit import trail
from onecard.api.auth import devices, mails
from onecard.kit.transactions import transaction
from onecard.second_factor import trail_of_logins, trust
from onecard.second_factor.adapters import LoginAdapter, StaffAccountAdapter
from onecard.users import people
from onecard.users.models import User

NOT_A_PERSON = "This login is staff's. Staff use the back office."


def adapter_for(request: HttpRequest | None = None) -> LoginAdapter:
    """Returns who answers for this request: people for the frontend API's own addresses, otherwise staff."""
    asked = request or context.request
    is_headless = asked is not None and httpkit.is_headless_request(asked)
    return PersonAdapter(request) if is_headless else StaffAccountAdapter(request)


class PersonAdapter(LoginAdapter):
    """Logins of people, by e-mail address; nothing here opens a session for staff."""

    name_field: ClassVar = "email"
    realm: ClassVar[trail_of_logins.Realm] = "person"
    error_messages: ClassVar = {
        **DefaultAccountAdapter.error_messages,
        "second_factor_needed": "You have a second factor: give a code of it, or use your passkey.",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return True

    def clean_email(self, email: str) -> str:
        return people.normal_email(email)

    @sensitive_variables("credentials")
    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        """Returns the person whose address and password these are; attempts are counted before hashing."""
        self.pre_authenticate(request, **credentials)
        user = people.with_password(str(credentials["email"]), str(credentials["password"]))
        if user is None:
            self.authentication_failed(request, **credentials)
        else:
            self._rollback_login_failed_rl_usage()
        return user

    @sensitive_variables("password")
    def reauthenticate(self, user: User, password: str) -> bool:
        found = self.authenticate(context.request, email=user.email, password=password)
        return found is not None and found.pk == user.pk

    def save_user(self, request: HttpRequest, user: User, form: Any, commit: bool = True) -> User:  # noqa: FBT001, FBT002
        saved: User = super().save_user(request, user, form, commit=commit)
        trail.record(
            actor=f"user:{saved.pk}", action="person.signed_up", subject=saved, address=self.address_of(request)
        )
        return saved

    def populate_username(self, request: HttpRequest, user: User) -> None:
        user.username = people.new_username()

    def confirm_email(self, request: HttpRequest, email_address: EmailAddress) -> bool:
        with transaction():
            is_confirmed: bool = super().confirm_email(request, email_address)
            if is_confirmed:
                person = User.objects.get(pk=email_address.user_id)
                trail.record(actor=f"user:{person.pk}", action="person.email_verified", subject=person)
        return is_confirmed

    def pre_login(self, request: HttpRequest, user: User, **more: Any) -> HttpResponse | None:
        _refuse_staff(user)
        answer: HttpResponse | None = super().pre_login(request, user, **more)
        return answer

    def login(self, request: HttpRequest, user: User) -> None:
        """Begins a session; raises PermissionDenied for staff, whose login may have begun in the back office."""
        _refuse_staff(user)
        super().login(request, user)

    def post_login(self, request: HttpRequest, user: User, **more: Any) -> HttpResponse:
        devices.begin(request, user, address=self.address_of(request))
        answer: HttpResponse = super().post_login(request, user, **more)
        return answer

    def logout(self, request: HttpRequest) -> None:
        devices.unlist(request)
        super().logout(request)

    @sensitive_variables("password")
    def set_password(self, user: User, password: str) -> None:
        _refuse_staff(user)
        super().set_password(user, password)

    def send_notification_mail(self, template_prefix: str, user: User, *args: Any, **more: Any) -> None:
        """Adds the change of an address to those that staff's logins know of."""
        if template_prefix != "account/email/email_changed":
            super().send_notification_mail(template_prefix, user, *args, **more)
            return
        with transaction():
            person = User.objects.get(pk=user.pk)
            trust.note(person, "person.email_changed", earlier_email=str(more["context"]["from_email"]))

    @sensitive_variables("context")
    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Hands a mail to the outbox; allauth would send it during the request."""
        mails.put(kind=mails.KINDS[template_prefix], to=email, code=str(context.get("code", "")))

    def send_account_already_exists_mail(self, email: str) -> None:
        self.send_mail("account/email/account_already_exists", email, {})

    def respond_user_inactive(self, request: HttpRequest, user: User) -> HttpResponse:
        """Ends the attempt; the API's own answer takes this one's place."""
        return HttpResponse(status=403)

    def respond_email_verification_sent(self, request: HttpRequest, user: User | None) -> HttpResponse:
        """Waits for the code; the API's own answer takes this one's place."""
        return HttpResponse(status=401)


class PersonInAnswers(DefaultHeadlessAdapter):
    """What the API's answers say of a person."""

    def serialize_user(self, user: User) -> dict[str, Any]:
        return {"email": user.email, "has_usable_password": user.has_usable_password()}

    def get_frontend_url(self, urlname: str, **_more: Any) -> str | None:
        """allauth asks for addresses of pages to put in mails; ours name none."""
        return str(settings.PUBLIC_URL)


def _refuse_staff(user: User) -> None:
    if not people.is_person(user):
        raise PermissionDenied(NOT_A_PERSON)
