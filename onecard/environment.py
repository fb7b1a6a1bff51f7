"""Typed readers of the environment: a wrong value stops the start with a sentence that names the variable.

Variables and their defaults are bound by the product specification, section 5; README holds the table for people.
"""

import base64
import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

from onecard.kit.money import MoneyError, currency_exponent

LOOPBACK_HOSTS = {"localhost", "127.0.0.1", "[::1]", "::1", "testserver"}

# The webhook's secret is not among them: Marqeta's signature is optional, its Basic authentication is not.
MARQETA_CREDENTIALS = (
    "MARQETA_BASE_URL",
    "MARQETA_APPLICATION_TOKEN",
    "MARQETA_ADMIN_ACCESS_TOKEN",
    "MARQETA_CARD_PRODUCT_TOKEN",
    "MARQETA_JIT_USERNAME",
    "MARQETA_JIT_PASSWORD",
    "MARQETA_WEBHOOK_USERNAME",
    "MARQETA_WEBHOOK_PASSWORD",
)

env = environ.Env()

DATABASE_OPTIONS = {
    # Nothing waits for ever (money-safety T14); the decision's path sets tighter limits of its own.
    "options": "-c lock_timeout=5s -c statement_timeout=60s -c idle_in_transaction_session_timeout=60s",
    # PostgreSQL plans a statement once for a connection: a quarter more purchases (docs/decisions/0024).
    "server_side_binding": True,
    "prepare_threshold": 5,
    "connect_timeout": 2,
    "application_name": "onecard",
}


def read_stack_file(default: Path) -> None:
    """Takes what a running development stack wrote down for values that the environment does not give.

    `make run` and `make demo` write the file, so that a second terminal reaches the same database. The variable
    ONECARD_STACK_FILE moves it; set to nothing, no file is read.
    """
    location = os.environ.get("ONECARD_STACK_FILE", str(default))
    if location and Path(location).is_file():
        environ.Env.read_env(location)


def flag(name: str, *, default: bool) -> bool:
    """A yes or no: 1/0, true/false, yes/no, on/off."""
    text = os.environ.get(name, "").strip().lower()
    if text in ("1", "true", "yes", "on"):
        return True
    if text in ("0", "false", "no", "off"):
        return False
    if text == "":
        return default
    raise ImproperlyConfigured(f"{name} is {text!r}; set it to on or off.")


def number(name: str, *, default: int, least: int, most: int) -> int:
    """A whole number within bounds, both included."""
    text = os.environ.get(name, "").strip() or str(default)
    if not text.isdecimal() or not least <= int(text) <= most:
        raise ImproperlyConfigured(f"{name} is {text!r}; set it to a whole number from {least} to {most}.")
    return int(text)


def hours(name: str, *, default: str) -> tuple[int, ...]:
    """A comma list of whole hours, each later than the one before, up to 30 days; empty: none at all."""
    found = words(name, default=default)
    if all(word.isdecimal() and len(word) <= 3 and 1 <= int(word) <= 720 for word in found):
        numbers = tuple(int(word) for word in found)
        if list(numbers) == sorted(set(numbers)):
            return numbers
    raise ImproperlyConfigured(
        f"{name} is {','.join(found)!r}; set it to hours from 1 to 720, each more than the one before, like 1,6,24."
    )


def choice(name: str, *, default: str, among: tuple[str, ...]) -> str:
    """One word of a fixed list; an empty default makes the variable optional."""
    text = os.environ.get(name, "").strip().lower() or default
    if text and text not in among:
        raise ImproperlyConfigured(f"{name} is {text!r}; set it to one of: {', '.join(among)}.")
    return text


def currency(name: str, *, default: str) -> str:
    """An ISO 4217 code of a currency that has minor units, in either case."""
    text = os.environ.get(name, "").strip().upper() or default
    try:
        currency_exponent(text)
    except MoneyError as error:
        raise ImproperlyConfigured(f"{name}: {error.message}; set it to a code such as USD.") from None
    return text


def mail(name: str, *, default: str) -> dict[str, Any]:
    """A mail server's URL as Django's settings EMAIL_*."""
    try:
        settings: dict[str, Any] = env.email_url(name, default=default)
    except (ImproperlyConfigured, ValueError):
        raise ImproperlyConfigured(f"{name} is no mail server; set it like smtp+tls://user:pass@host:587.") from None
    return settings


def words(name: str, *, default: str = "") -> list[str]:
    """A comma list without its empty members."""
    return [word.strip() for word in os.environ.get(name, default).split(",") if word.strip()]


def prefixed(name: str, *, prefix: str) -> str:
    """An optional id that begins with the prefix."""
    text = os.environ.get(name, "").strip()
    if text and not (text.startswith(prefix) and text.isascii() and text.isprintable()):
        raise ImproperlyConfigured(f"{name} is {text!r}; set it to an id that begins with {prefix}, or to nothing.")
    return text


def url(name: str, *, default: str, schemes: tuple[str, ...]) -> str:
    """A URL of one of the schemes, with a host; an empty default makes the variable optional."""
    text = os.environ.get(name, "").strip() or default
    if text and (urlsplit(text).scheme not in schemes or not urlsplit(text).path + urlsplit(text).netloc):
        raise ImproperlyConfigured(f"{name} must be a URL that starts with {' or '.join(s + '://' for s in schemes)}.")
    return text


def secret_keys(name: str, *, required_because: str = "") -> tuple[bytes, ...]:
    """A comma list of keys of 32 random bytes in base64; what is wrong is told by its place, never by its value."""
    keys = tuple(_secret_key(name, place, text) for place, text in enumerate(words(name), start=1))
    if len(set(keys)) != len(keys):
        raise ImproperlyConfigured(f"{name} holds the same key twice; give each key once.")
    if required_because and not keys:
        raise ImproperlyConfigured(
            f"{name} is not set while {required_because}; set it to a key made by `openssl rand -base64 32`."
        )
    return keys


def _secret_key(name: str, place: int, text: str) -> bytes:
    try:
        key = base64.b64decode(text.replace("-", "+").replace("_", "/"), validate=True)
    except ValueError:
        key = b""
    # 32 random bytes have about 30 different values; so few means zeros or a pattern that somebody typed.
    if len(key) != 32 or len(set(key)) < 12:
        raise ImproperlyConfigured(
            f"Key {place} of {name} is not 32 random bytes in base64; make one with `openssl rand -base64 32`."
        )
    return key


def database() -> dict[str, object]:
    """Django's settings of the one database; only PostgreSQL is supported (one dialect, one set of locks)."""
    text = url("DATABASE_URL", default="", schemes=("postgres", "postgresql"))
    if not text:
        raise ImproperlyConfigured(
            "DATABASE_URL is not set; give it as postgres://user:password@host:5432/name, or use `make run`, "
            "which starts a private PostgreSQL and sets it."
        )
    parsed = dict(env.db_url_config(text))
    parsed["ENGINE"] = "onecard.kit.postgresql"
    # What the URL asks for, such as sslmode, stands beside our own options and not under them.
    parsed["OPTIONS"] = {**DATABASE_OPTIONS, **parsed.get("OPTIONS", {})}
    return parsed


def refuse_unsafe_production(values: dict[str, object]) -> None:
    """Raises ImproperlyConfigured for a setting that must not meet real money.

    DEBUG is the developer's switch. It is refused as soon as anything looks like production: a live key or a host
    that others can reach. With DEBUG off everything below must be set.
    """
    if values["DEBUG"]:
        _refuse_debug_in_public(values)
        return
    if not values["SECRET_KEY"]:
        raise ImproperlyConfigured("SECRET_KEY is not set; give it a long random text that only this deployment knows.")
    if len(str(values["SECRET_KEY"])) < 32:
        raise ImproperlyConfigured("SECRET_KEY is shorter than 32 characters; give it a long random text.")
    if not values["ALLOWED_HOSTS"]:
        raise ImproperlyConfigured("ALLOWED_HOSTS is not set; list the host names that this server answers to.")
    if "mock" in (values["ISSUER_PROVIDER"], values["ISSUER_BACKUP_PROVIDER"]):
        raise ImproperlyConfigured("The mock issuer is for development; set ISSUER_PROVIDER to stripe or marqeta.")
    if values["ISSUER_PROVIDER"] == "stripe" and not values["STRIPE_WEBHOOK_SECRETS"]:
        raise ImproperlyConfigured(
            "STRIPE_WEBHOOK_SECRETS is empty, so anyone could forge an authorization; set it to the signing secret "
            "of each webhook endpoint, separated by commas."
        )
    _require_marqeta(values)
    if not values["STRIPE_API_KEY"]:
        raise ImproperlyConfigured(
            "STRIPE_API_KEY is not set, so no funding card could be charged; set the secret key."
        )


def _require_marqeta(values: dict[str, object]) -> None:
    is_used = "marqeta" in (values["ISSUER_PROVIDER"], values["ISSUER_BACKUP_PROVIDER"])
    missing = [name for name in MARQETA_CREDENTIALS if not values[name]]
    if is_used and missing:
        raise ImproperlyConfigured(
            f"Marqeta issues cards here, but {', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set; "
            "take the values from the Marqeta program, its gateway funding source and its webhook."
        )


def _refuse_debug_in_public(values: dict[str, object]) -> None:
    public = [host for host in values["ALLOWED_HOSTS"] if host not in LOOPBACK_HOSTS]  # type: ignore[attr-defined]
    if public:
        raise ImproperlyConfigured(
            f"DEBUG is on while ALLOWED_HOSTS names {public[0]}: DEBUG shows secrets to visitors. Set DEBUG=off, "
            "or leave only loopback names in ALLOWED_HOSTS."
        )
    if "_live_" in str(values["STRIPE_API_KEY"]):
        raise ImproperlyConfigured("DEBUG is on with a live STRIPE_API_KEY; set DEBUG=off or use a test key.")
