"""Every address with which people join and log in, for apps (`app`) and for pages (`browser`).

The addresses are allauth's own, whose documentation has more: https://docs.allauth.org/en/latest/headless/. Of its
operations only these are here: no phone numbers, no login by code alone, no tokens that cannot be ended.
"""

from typing import Any

from allauth.headless.constants import Client
from django.urls import URLPattern, include, path

from onecard.api.auth import views

VIEWS: dict[str, Any] = {
    "auth/signup": views.SignUp,
    "auth/email/verify": views.VerifyEmail,
    "auth/email/verify/resend": views.ResendCode,
    "auth/login": views.LogIn,
    "auth/2fa/authenticate": views.LoginCode,
    "auth/webauthn/authenticate": views.LoginPasskey,
    "auth/webauthn/login": views.PasskeyAlone,
    "auth/session": views.Session,
    "auth/sessions": views.Sessions,
    "auth/password/request": views.RequestReset,
    "auth/password/reset": views.Reset,
    "auth/reauthenticate": views.Reauthenticate,
    "auth/2fa/reauthenticate": views.FreshCode,
    "auth/webauthn/reauthenticate": views.FreshPasskey,
    "account/password/change": views.ChangePassword,
    "account/email": views.Email,
    "account/authenticators": views.Authenticators,
    "account/authenticators/totp": views.Totp,
    "account/authenticators/recovery-codes": views.RecoveryCodes,
    "account/authenticators/webauthn": views.Passkeys,
}


def _for(client: Client) -> list[URLPattern]:
    return [path(address, view.as_api_view(client=client)) for address, view in VIEWS.items()]


urlpatterns = [path(f"{client.value}/v1/", include(_for(client))) for client in Client]
