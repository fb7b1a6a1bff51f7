"""What django-allauth asks us: which events the trail stores, whom to notify, and how seeds are stored.

Staff log in on pages (StaffAccountAdapter), people through the frontend API (onecard/api/auth/adapter.py).
"""

import ipaddress
from typing import Any, ClassVar

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.internal import httpkit, ratelimit
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured, PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from onecard.kit.transactions import transaction
from onecard.second_factor import seeds, trail_of_logins, trust
from onecard.users.models import User

# allauth's names of events, and ours.
EVENTS = {
    "mfa/email/totp_activated": "second_factor.enrolled",
    "mfa/email/totp_deactivated": "second_factor.removed",
    "mfa/email/webauthn_added": "second_factor.passkey_added",
    "mfa/email/webauthn_removed": "second_factor.passkey_removed",
    "mfa/email/recovery_codes_generated": "second_factor.recovery_codes",
}
# One entry for a lock-out, not one for each refused attempt.
RECORDED_AGAIN_AFTER_S = 300


class LoginAdapter(DefaultAccountAdapter):
    """What logins of staff and of people share: attempts are counted before hashing, and the trail has them."""

    # The credential by which a login is found, and who it may belong to.
    name_field: ClassVar = "username"
    realm: ClassVar[trail_of_logins.Realm] = "staff"

    @sensitive_variables("credentials")
    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """allauth counts attempts by address and account here, before any password is hashed."""
        try:
            super().pre_authenticate(request, **credentials)
        except ValidationError:
            name, address = self._name_in(credentials), self.address_of(request)
            if cache.add(f"locked-out:{trail_of_logins.short_hash(name)}:{address}", 1, timeout=RECORDED_AGAIN_AFTER_S):
                trail_of_logins.locked_out(name=name, address=address, realm=self.realm)
            raise

    @sensitive_variables("credentials")
    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        self.failed(request, name=self._name_in(credentials), why="password")

    def failed(self, request: HttpRequest, *, name: str, why: str) -> None:
        """Records a failed attempt from this request's address."""
        trail_of_logins.failed(name=name, address=self.address_of(request), why=why, realm=self.realm)

    @sensitive_variables("password")
    def set_password(self, user: User, password: str) -> None:
        trust.set_password(User.objects.get(pk=user.pk), password, action=f"{self.realm}.password_changed")
        user.refresh_from_db(fields=["password"])

    def send_notification_mail(self, template_prefix: str, user: User, *_args: Any, **_more: Any) -> None:
        """allauth reports each change of second factors here; it goes to the trail and to the outbox."""
        event = EVENTS.get(template_prefix)
        if event is not None:
            with transaction():
                trust.note(User.objects.get(pk=user.pk), event)

    def logout(self, request: HttpRequest) -> None:
        user = request.user
        super().logout(request)
        if isinstance(user, User):
            trail_of_logins.logged_out(user, address=self.address_of(request))

    def address_of(self, request: HttpRequest) -> str:
        """Returns the address by which attempts are counted: for IPv6 its network, which one person may own."""
        return str(ratelimit.get_ip(request))

    def get_client_ip(self, request: HttpRequest) -> str:
        """Returns what the trusted proxies report, else the peer; an unreadable header counts as no address.

        An IPv4 address may come as an IPv6 one (::ffff:…), whose network all IPv4 addresses share.
        """
        try:
            said = httpkit.get_client_ip(request)
        except ImproperlyConfigured:
            said = None
        found = ipaddress.ip_address(said or request.META["REMOTE_ADDR"])
        return str(getattr(found, "ipv4_mapped", None) or found)

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """Uses the account alone: allauth adds the Host header, and an attacker may send any port in it."""
        return f"{self.realm}:{trail_of_logins.short_hash(self._name_in(credentials))}"

    def _name_in(self, credentials: dict[str, Any]) -> str:
        return str(credentials.get(self.name_field, ""))


class StaffAccountAdapter(LoginAdapter):
    """Logins of staff, by name, on the back office's pages. Nobody can sign up."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_login_stages(self) -> list[str]:
        """Asks for a second factor and nothing else; only people verify an e-mail address."""
        return ["allauth.mfa.stages.AuthenticateStage"]

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        """Offers a fresh code or a passkey; only people may give their password instead, and only in the API."""
        types = {each.type for each in Authenticator.objects.filter(user_id=user.pk)}
        code = {"id": "mfa_reauthenticate", "description": _("Use a code"), "url": reverse("mfa_reauthenticate")}
        key = {
            "id": "mfa_reauthenticate:webauthn",
            "description": _("Use a passkey"),
            "url": reverse("mfa_reauthenticate_webauthn"),
        }
        return [code] * bool(types - {Authenticator.Type.WEBAUTHN}) + [key] * (Authenticator.Type.WEBAUTHN in types)

    def login(self, request: HttpRequest, user: User) -> None:
        """Begins a session; raises PermissionDenied for a person, whose login may have begun in the API."""
        if not (user.is_staff or user.is_superuser):
            raise PermissionDenied(_("This login is not staff's."))
        super().login(request, user)

    def post_login(self, request: HttpRequest, user: User, **more: Any) -> HttpResponse:
        trail_of_logins.logged_in(user, address=self.address_of(request))
        answer: HttpResponse = super().post_login(request, user, **more)
        return answer


class SealedMFAAdapter(DefaultMFAAdapter):
    """Seals seeds for their owner. The authenticator app can be replaced but not switched off."""

    @sensitive_variables()
    def encrypt(self, text: str) -> str:
        return seeds.seal_seed(text)

    @sensitive_variables()
    def decrypt(self, encrypted_text: str) -> str:
        return seeds.open_seed(encrypted_text)

    def get_totp_label(self, user: Any) -> str:
        return str(user.get_username() if user.is_staff or user.is_superuser else user.email)

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        return bool(authenticator.type == Authenticator.Type.WEBAUTHN)
