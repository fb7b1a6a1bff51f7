"""How staff log in: django-allauth with its second factors (docs/decisions/0036-staff-logins.md).

Its own file because it is long. What our own code reads of it is in settings.py.
"""

from typing import Any


def settings_of_the_library(*, debug: bool) -> dict[str, Any]:
    """The settings of allauth; nobody signs up, and e-mail is no way in."""
    return {
        "AUTHENTICATION_BACKENDS": ["allauth.account.auth_backends.AuthenticationBackend"],
        "ACCOUNT_ADAPTER": "onecard.second_factor.adapters.StaffAccountAdapter",
        "ACCOUNT_LOGIN_METHODS": {"username"},
        "ACCOUNT_SIGNUP_FIELDS": ["username*", "password1*"],
        "ACCOUNT_SIGNUP_ENABLED": False,
        "ACCOUNT_EMAIL_VERIFICATION": "none",
        "ACCOUNT_SESSION_REMEMBER": False,
        "ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE": True,
        "ACCOUNT_REAUTHENTICATION_METHODS": ("mfa",),
        "ACCOUNT_FORMS": {"login": "onecard.second_factor.forms.StaffLoginForm"},
        # Counted before a password is hashed: for each address, and for each account from anywhere.
        "ACCOUNT_RATE_LIMITS": {"login": "30/m/ip", "login_failed": "10/m/ip,5/5m/key"},
        "MFA_ADAPTER": "onecard.second_factor.adapters.SealedMFAAdapter",
        "MFA_FORMS": {
            "authenticate": "onecard.second_factor.forms.LoginCodeForm",
            "reauthenticate": "onecard.second_factor.forms.FreshCodeForm",
        },
        "MFA_SUPPORTED_TYPES": ["totp", "webauthn", "recovery_codes"],
        "MFA_RECOVERY_CODES_SHOW_ONCE": True,
        "MFA_TOTP_ISSUER": "One Card",
        # One half minute early or late: phones' clocks differ.
        "MFA_TOTP_TOLERANCE": 1,
        "MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN": debug,
        "MFA_WEBAUTHN_USER_VERIFICATION": "preferred",
    }


def caches(redis_url: str) -> dict[str, Any]:
    """Redis, shared by all processes; the database while Redis is away."""
    return {
        "default": {
            "BACKEND": "onecard.kit.cache.SharedCache",
            "LOCATION": redis_url,
            "KEY_PREFIX": "onecard:cache",
            "OPTIONS": {
                "serializer": "onecard.kit.cache.JsonValues",
                "socket_timeout": 1,
                "socket_connect_timeout": 1,
            },
        },
        "while_redis_is_away": {
            "BACKEND": "django.core.cache.backends.db.DatabaseCache",
            "LOCATION": "onecard_cache",
        },
    }
