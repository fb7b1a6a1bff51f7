"""What `manage.py check --deploy` warns of beyond Django's own list: it may start so, and should not stay so."""

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Tags, register

from onecard import production

ENCRYPTED = ("require", "verify-ca", "verify-full")


@register(Tags.security, deploy=True)
def check_connections(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Secrets and money over connections that others can read, and keys of the wrong mode."""
    return [*_database(), *_brokers(), *_mail(), *_keys(), *_stand_in()]


def _database() -> Iterator[CheckMessage]:
    place: dict[str, Any] = settings.DATABASES["default"]
    hosts = [host for host in str(place.get("HOST") or "").split(",") if host]
    is_foreign = any(not host.startswith("/") and not production.is_loopback(host) for host in hosts)
    if is_foreign and place.get("OPTIONS", {}).get("sslmode") not in ENCRYPTED:
        yield checks.Warning(
            "DATABASE_URL names another machine without encryption: passwords and card data can be read on the way.",
            hint="Add ?sslmode=verify-full (or require) to it.",
            id="onecard.W001",
        )


def _brokers() -> Iterator[CheckMessage]:
    for name in ("REDIS_URL", "CELERY_BROKER_URL"):
        parts = urlsplit(getattr(settings, name))
        host = parts.hostname or ""
        if parts.scheme not in ("redis", "rediss") or production.is_loopback(host):
            continue
        if not (parts.password or parse_qs(parts.query).get("password")):
            yield checks.Warning(
                f"{name} names another machine without a password: anyone who reaches it can put tasks in the queue.",
                hint="Set requirepass there, and give redis://:password@host.",
                id="onecard.W002",
            )
        elif parts.scheme == "redis":
            yield checks.Warning(
                f"{name} names another machine without encryption: its password can be read on the way.",
                hint="Use rediss://.",
                id="onecard.W003",
            )


def _mail() -> Iterator[CheckMessage]:
    parts = urlsplit(settings.EMAIL_URL)
    if parts.scheme == "smtp" and not production.is_loopback(parts.hostname or ""):
        yield checks.Warning(
            "EMAIL_URL names another machine without encryption: codes for people's logins can be read on the way.",
            hint="Use smtp+tls:// or smtp+ssl://.",
            id="onecard.W006",
        )
    if settings.SERVER_EMAIL.endswith("@localhost"):
        yield checks.Warning(
            "SERVER_EMAIL is an address of this machine: other mail servers refuse codes from it.",
            hint="Set it to an address of your domain, such as cards@example.com.",
            id="onecard.W007",
        )


def _keys() -> Iterator[CheckMessage]:
    host = urlsplit(settings.MARQETA_BASE_URL).hostname or ""
    is_program = host.endswith(".marqeta.com") and "sandbox" not in host
    if "_test_" in settings.STRIPE_API_KEY:
        yield checks.Warning(
            "STRIPE_API_KEY is a key of test mode: no funding card is charged.",
            hint="That is right for a staging system only.",
            id="onecard.W004",
        )
        if is_program:
            yield checks.Warning(
                "MARQETA_BASE_URL is a production program while STRIPE_API_KEY is a test key: real purchases would be "
                "approved and never paid.",
                hint="Use both in test, or both for real.",
                id="onecard.W005",
            )


def _stand_in() -> Iterator[CheckMessage]:
    if not settings.STAND_IN_DIR and settings.ONECARD_ROLE != "desk":
        yield checks.Warning(
            "STAND_IN_DIR is not set: purchases that are declined while the database does not answer leave no record.",
            hint="Set it to a folder on this machine's disk, such as /var/lib/onecard/stand-in.",
            id="onecard.W008",
        )
