"""Typed readers of the environment: a wrong value stops the start with a sentence that names the variable.

docs/environment.md has the variables with their defaults and meanings.
"""

import base64
import os
import re
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

from onecard.environment_urls import checked_url, passwords_of
from onecard.kit.money import MoneyError, currency_exponent
from onecard.kit.redaction import protect

HTTP = ("https", "http")
REDIS = ("redis", "rediss", "unix")
BROKERS = ("redis", "rediss", "redis+socket")
QUOTES = ("'", '"')

DATABASE_OPTIONS = {
    # Nothing waits for ever (money-safety T14); the decision's path sets tighter limits of its own.
    "options": "-c lock_timeout=5s -c statement_timeout=60s -c idle_in_transaction_session_timeout=60s",
    # PostgreSQL plans a statement once for a connection: a quarter more purchases (docs/decisions/0024).
    "server_side_binding": True,
    "prepare_threshold": 5,
    "connect_timeout": 2,
    "application_name": "onecard",
}
# Whether a pooler stands between us and the database, and what it keeps for one client (docs/deployment.md).
POOLERS = ("auto", "off", "transaction")


def secret(name: str, *, blanks: bool = False) -> str:
    """A secret as the service sees it: white space around it is cut, and what no secret holds is refused.

    A line end from a file, quotes from an env file or a letter that looks like another would make every call fail with
    the secret in its error. `blanks` allows blanks within.
    """
    text = os.environ.get(name, "").strip()
    _refuse_odd_characters(name, text, blanks=blanks)
    protect([text])
    return text


def secrets(name: str) -> list[str]:
    """A comma list of secrets."""
    found = words(name)
    for place, text in enumerate(found, start=1):
        _refuse_odd_characters(f"Entry {place} of {name}", text)
    protect(found)
    return found


def text(name: str, *, default: str = "") -> str:
    """A word that may be shown, such as a user name or a version; raises as `secret` does."""
    found = os.environ.get(name, "").strip() or default
    _refuse_odd_characters(name, found)
    return found


def _refuse_odd_characters(name: str, text: str, *, blanks: bool = False) -> None:
    if len(text) > 1 and text[0] in QUOTES and text[0] == text[-1]:
        raise ImproperlyConfigured(f"{name} is in quotes; write the value without them.")
    if not text.isascii() or not text.isprintable() or (" " in text and not blanks):
        raise ImproperlyConfigured(
            f"{name} holds a line end, a blank or a character that is not plain ASCII; copy it again, in one line."
        )


def flag(name: str, *, default: bool) -> bool:
    """A yes or no: 1/0, true/false, yes/no, on/off."""
    text = os.environ.get(name, "").strip().lower()
    if text in ("1", "true", "yes", "on"):
        return True
    if text in ("0", "false", "no", "off"):
        return False
    if text == "":
        return default
    raise ImproperlyConfigured(f"{name} is neither on nor off; set it to on or off.")


def number(name: str, *, default: int, least: int, most: int) -> int:
    """A whole number within bounds, both included."""
    text = os.environ.get(name, "").strip() or str(default)
    if not (text.isascii() and text.isdecimal() and len(text) < 10) or not least <= int(text) <= most:
        raise ImproperlyConfigured(f"{name} must be a whole number from {least} to {most}.")
    return int(text)


def folder(name: str) -> str:
    """An optional folder, by its whole path."""
    text = os.environ.get(name, "").strip()
    if text and not Path(text).is_absolute():
        raise ImproperlyConfigured(f"{name} must be a whole path, such as /var/lib/onecard/stand-in.")
    return text


def hours(name: str, *, default: str) -> tuple[int, ...]:
    """A comma list of whole hours, each later than the one before, up to 30 days; empty: none at all."""
    found = words(name, default=default)
    if all(word.isdecimal() and len(word) <= 3 and 1 <= int(word) <= 720 for word in found):
        numbers = tuple(int(word) for word in found)
        if list(numbers) == sorted(set(numbers)):
            return numbers
    raise ImproperlyConfigured(
        f"{name} must be a comma list of hours from 1 to 720, each more than the one before, like 1,6,24."
    )


def ceilings(name: str, *, default: str) -> tuple[int, int, int]:
    """Three whole numbers above zero, none smaller than the one before it: for one purchase, a day and a month."""
    given = words(name, default=default)
    if len(given) != 3 or not all(each.isascii() and each.isdigit() and len(each) <= 13 for each in given):
        raise ImproperlyConfigured(f"{name} must be three whole numbers, such as {default}.")
    purchase, day, month = map(int, given)
    if not 0 < purchase <= day <= month:
        raise ImproperlyConfigured(f"{name} must be above zero and not fall: for one purchase, a day and a month.")
    return purchase, day, month


def choice(name: str, *, default: str, among: tuple[str, ...]) -> str:
    """One word of a fixed list; an empty default makes the variable optional."""
    text = os.environ.get(name, "").strip().lower() or default
    if text and text not in among:
        raise ImproperlyConfigured(f"{name} must be one of: {', '.join(among)}.")
    return text


def currency(name: str, *, default: str) -> str:
    """An ISO 4217 code of a currency that has minor units, in either case."""
    text = os.environ.get(name, "").strip().upper() or default
    try:
        currency_exponent(text)
    except MoneyError:
        raise ImproperlyConfigured(f"{name} is no ISO 4217 currency with minor units, such as USD.") from None
    return text


def amounts(name: str) -> dict[str, int]:
    """A comma list of currencies with minor units, such as USD:500000,EUR:250000; empty: none."""
    found: dict[str, int] = {}
    for place, word in enumerate(words(name), start=1):
        code, _, minor = word.partition(":")
        try:
            currency_exponent(code.upper())
        except MoneyError:
            minor = ""
        if not (minor.isascii() and minor.isdigit() and len(minor) <= 13) or code.upper() in found:
            raise ImproperlyConfigured(
                f"Entry {place} of {name} is no currency with its minor units, or comes twice; write it like "
                "USD:500000,EUR:250000."
            )
        found[code.upper()] = int(minor)
    return found


def mail_url(name: str, *, default: str) -> str:
    """A mail server's URL."""
    return url(name, default=default, schemes=tuple(environ.Env.EMAIL_SCHEMES))


def mail_at(address: str) -> dict[str, Any]:
    """A mail server's URL as Django's settings EMAIL_*."""
    settings: dict[str, Any] = environ.Env.email_url_config(address)
    return settings


def words(name: str, *, default: str = "") -> list[str]:
    """A comma list without its empty members."""
    return [word.strip() for word in os.environ.get(name, default).split(",") if word.strip()]


def addresses(name: str) -> list[str]:
    """A comma list of mail addresses; one that is none would stop every mail."""
    found = words(name)
    for place, text in enumerate(found, start=1):
        if not re.fullmatch(r"[!-~]+@[A-Za-z0-9.\[\]:-]+", text):
            raise ImproperlyConfigured(f"Entry {place} of {name} is no mail address; write it like ops@example.com.")
    return found


def prefixed(name: str, *, prefix: str) -> str:
    """An optional id that begins with the prefix."""
    text = os.environ.get(name, "").strip()
    if text and not (text.startswith(prefix) and text.isascii() and text.isprintable()):
        raise ImproperlyConfigured(f"{name} is wrong; set it to an id that begins with {prefix}, or to nothing.")
    return text


def url(name: str, *, default: str, schemes: tuple[str, ...]) -> str:
    """A URL of one of the schemes; an empty default makes the variable optional. No message shows its password."""
    address = os.environ.get(name, "").strip() or default
    if address:
        protect(passwords_of(checked_url(name, address, schemes=schemes)))
    return address


def project_address(name: str) -> str:
    """The address of a project at Sentry, which begins with the project's key."""
    address = os.environ.get(name, "").strip()
    found = re.fullmatch(r"https?://([A-Za-z0-9]{6,64})@[A-Za-z0-9.-]+(:\d{1,5})?/([\w-]+/)*\d+", address)
    if address and found is None:
        raise ImproperlyConfigured(f"{name} is no address of a project; copy it from Sentry: https://key@host/number.")
    protect([found[1]] if found else [])
    return address


def secret_keys(name: str, *, required_because: str = "") -> tuple[bytes, ...]:
    """A comma list of keys of 32 random bytes in base64; an error names a key by its place, never by its value."""
    protect(words(name))
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


def signing_secrets(name: str, *, required_because: str = "") -> list[str]:
    """A comma list of secrets that sign webhooks: whsec_ and at least 24 random bytes in base64."""
    found = secrets(name)
    for place, text in enumerate(found, start=1):
        if not _is_signing_secret(text):
            raise ImproperlyConfigured(
                f"Entry {place} of {name} does not sign: write whsec_ and what `openssl rand -base64 32` prints."
            )
    if required_because and not found:
        raise ImproperlyConfigured(
            f"{name} is not set while {required_because}; write whsec_ and what `openssl rand -base64 32` prints."
        )
    return found


def _is_signing_secret(text: str) -> bool:
    try:
        key = base64.b64decode(text.removeprefix("whsec_"), validate=True)
    except ValueError:
        return False
    return text.startswith("whsec_") and len(key) >= 24


def database() -> dict[str, object]:
    """Django's settings of the one database; only PostgreSQL is supported (one dialect, one set of locks)."""
    address = url("DATABASE_URL", default="", schemes=("postgres", "postgresql"))
    if not address:
        raise ImproperlyConfigured(
            "DATABASE_URL is not set; give it as postgres://user:password@host:5432/name, or use `make run`, "
            "which starts a private PostgreSQL and sets it."
        )
    return _database_at(address)


def direct_database() -> dict[str, object] | None:
    """The same database without the pooler in between, for work that needs a session of its own; None: not given."""
    address = url("DATABASE_DIRECT_URL", default="", schemes=("postgres", "postgresql"))
    return _database_at(address) if address else None


def _database_at(address: str) -> dict[str, object]:
    parsed = dict(environ.Env.db_url_config(address))
    protect([str(parsed["PASSWORD"])])
    parsed["ENGINE"] = "onecard.kit.postgresql"
    # What the URL asks for, such as sslmode, stands beside our own options and not under them.
    pooler = {"pooler": choice("DATABASE_POOLER", default="auto", among=POOLERS)}
    parsed["OPTIONS"] = {**DATABASE_OPTIONS, **pooler, **parsed.get("OPTIONS", {})}
    return parsed
