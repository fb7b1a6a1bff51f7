"""How staff and people log in: django-allauth with its second factors.

Staff log in by name, on the back office's pages (docs/decisions/0036-staff-logins.md). People sign up and log in by
e-mail, in the frontend API and on pages that ask it (docs/decisions/0040-logins-of-people.md): `ACCOUNT_ADAPTER` gives
each its own.
Its own file because it is long. What our own code reads of it is in settings.py.
"""

from typing import Any, Final

CODE_GOOD_FOR_S: Final = 900


def settings_of_the_library(*, debug: bool) -> dict[str, Any]:
    """The settings of allauth; on its own pages, which are staff's, nobody signs up, and e-mail is no way in."""
    return {
        "AUTHENTICATION_BACKENDS": ["allauth.account.auth_backends.AuthenticationBackend"],
        "ACCOUNT_ADAPTER": "onecard.api.auth.adapter.adapter_for",
        # Of allauth's own pages and its backend, which are staff's; people log in by e-mail in the API.
        "ACCOUNT_LOGIN_METHODS": {"username"},
        "ACCOUNT_SIGNUP_FIELDS": ["email*", "password1*"],
        "ACCOUNT_SIGNUP_ENABLED": False,
        **_codes_by_mail(),
        "ACCOUNT_CHANGE_EMAIL": True,
        "ACCOUNT_SESSION_REMEMBER": False,
        "ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE": True,
        "ACCOUNT_REAUTHENTICATION_REQUIRED": True,
        # Staff's adapter offers no password for this.
        "ACCOUNT_REAUTHENTICATION_METHODS": ("password", "mfa"),
        "ACCOUNT_FORMS": {"login": "onecard.second_factor.forms.StaffLoginForm"},
        # Counted before a password is hashed: for each address, and for each account from anywhere.
        "ACCOUNT_RATE_LIMITS": {
            "login": "30/m/ip",
            "login_failed": "10/m/ip,5/5m/key",
            "signup": "10/m/ip,200/d/ip",
            # Three guesses for each mailed code, so its length and these leave nobody a chance.
            "reset_password": "10/m/ip,3/m/key,20/d/key",
            "reset_password_from_key": "10/m/ip",
            "confirm_email": "1/10s/key,20/d/key",
            "change_password": "5/m/user",
            "reauthenticate": "10/m/user",
            "manage_email": "10/m/user",
        },
        "HEADLESS_ADAPTER": "onecard.api.auth.adapter.PersonInAnswers",
        "HEADLESS_CLIENTS": ("app", "browser"),
        "MFA_ADAPTER": "onecard.second_factor.adapters.SealedMFAAdapter",
        "MFA_FORMS": {
            "authenticate": "onecard.second_factor.forms.LoginCodeForm",
            "reauthenticate": "onecard.second_factor.forms.FreshCodeForm",
            "reauthenticate_webauthn": "onecard.second_factor.forms.FreshPasskeyForm",
        },
        "MFA_SUPPORTED_TYPES": ["totp", "webauthn", "recovery_codes"],
        "MFA_RECOVERY_CODES_SHOW_ONCE": True,
        "MFA_TOTP_ISSUER": "One Card",
        # One half minute early or late: phones' clocks differ.
        "MFA_TOTP_TOLERANCE": 1,
        "MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN": debug,
        "MFA_WEBAUTHN_USER_VERIFICATION": "preferred",
    }


def passwords() -> dict[str, Any]:
    """How passwords are kept, and which are refused."""
    refused = ("UserAttributeSimilarityValidator", "CommonPasswordValidator", "NumericPasswordValidator")
    library = "django.contrib.auth.password_validation"
    return {
        "PASSWORD_HASHERS": [
            "onecard.users.hashers.OneAtATimeArgon2PasswordHasher",
            "django.contrib.auth.hashers.PBKDF2PasswordHasher",
        ],
        "AUTH_PASSWORD_VALIDATORS": [
            {"NAME": f"{library}.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
            *({"NAME": f"{library}.{name}"} for name in refused),
        ],
    }


def _codes_by_mail() -> dict[str, Any]:
    """A mailed code of eight letters proves whose mailbox it is: at sign-up, for a new address, for a new password."""
    return {
        "ACCOUNT_EMAIL_VERIFICATION": "mandatory",
        "ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED": True,
        "ACCOUNT_EMAIL_VERIFICATION_BY_CODE_TIMEOUT": CODE_GOOD_FOR_S,
        "ACCOUNT_EMAIL_VERIFICATION_BY_CODE_MAX_ATTEMPTS": 3,
        "ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_RESEND": True,
        "ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED": True,
        "ACCOUNT_PASSWORD_RESET_BY_CODE_TIMEOUT": CODE_GOOD_FOR_S,
        "ACCOUNT_PASSWORD_RESET_BY_CODE_MAX_ATTEMPTS": 3,
        # A login that is under way may be finished as long as its mailed code.
        "ACCOUNT_LOGIN_TIMEOUT": CODE_GOOD_FOR_S,
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
