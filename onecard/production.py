"""Refuses settings that must not meet real money, each with a sentence that names the variable and never its value.

DEBUG is the developer's switch. It is refused as soon as anything looks like production. With DEBUG off everything that
production needs must be set, and weak values are refused. Nothing here is about the network: `check --deploy` warns
of connections that are not encrypted (onecard/checks.py).
"""

import ipaddress
import itertools
import re
import string
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

Values = Mapping[str, Any]

LOOPBACK_HOSTS: Final = {"localhost", "127.0.0.1", "[::1]", "::1", "testserver"}
DEVELOPMENT_KEY: Final = "for-development-only"

# The webhook's secret is not among them: Marqeta's signature is optional, its Basic authentication is not.
MARQETA_CREDENTIALS: Final = (
    "MARQETA_BASE_URL",
    "MARQETA_APPLICATION_TOKEN",
    "MARQETA_ADMIN_ACCESS_TOKEN",
    "MARQETA_CARD_PRODUCT_TOKEN",
    "MARQETA_JIT_USERNAME",
    "MARQETA_JIT_PASSWORD",
    "MARQETA_WEBHOOK_USERNAME",
    "MARQETA_WEBHOOK_PASSWORD",
)
# How long these may be at most by Marqeta's rules (docs/issuers/marqeta.md, Gateway requests, Webhooks).
MARQETA_WORDS: Final = {
    "MARQETA_JIT_PASSWORD": 100,
    "MARQETA_WEBHOOK_PASSWORD": 50,
    "MARQETA_WEBHOOK_SECRET": 50,
}
# Each opens one door, so no two may be the same.
DOORS: Final = (
    "SECRET_KEY",
    "STRIPE_API_KEY",
    "MARQETA_APPLICATION_TOKEN",
    "MARQETA_ADMIN_ACCESS_TOKEN",
    *MARQETA_WORDS,
    "METRICS_TOKEN",
)
SECRET_KEY_LEAST, SECRET_KEY_LEAST_DIFFERENT = 32, 10
# Parts of texts that stand in for a secret until there is one; a random text has none of them.
TYPED_WORDS: Final = (
    DEVELOPMENT_KEY, "insecure", "changeme", "change-me", "change_me", "replace-me", "replace_me", "replaceme",
    "password", "example", "secret-key", "secret_key", "secretkey", "your-secret", "your_secret", "qwerty", "letmein",
)  # fmt: skip
STRIPE_KEY: Final = re.compile(r"(sk|rk)_(org_)?(live|test)_[A-Za-z0-9_-]+")
SIGNING_SECRET: Final = re.compile(r"whsec_[A-Za-z0-9+/=_-]{16,}")
TOKEN_LEAST: Final = 20
# Mail in a file, in memory or in the log reaches nobody.
MAIL_SERVERS: Final = ("smtp", "smtps", "smtp+tls", "smtp+ssl")
HOST_NAME: Final = re.compile(r"\.?([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
# Below these, anyone can register a name; a list of all such endings would change every week.
SHARED_SECOND_LEVELS: Final = {"ac", "co", "com", "edu", "gov", "net", "or", "org"}


def refuse_unsafe_production(values: Values) -> None:
    """Raises ImproperlyConfigured for the first setting that is unsafe or missing."""
    _check_hosts(values)
    if values["DEBUG"]:
        _refuse_debug_in_public(values)
        return
    _check_secret_key(str(values["SECRET_KEY"]))
    if not values["ALLOWED_HOSTS"]:
        raise ImproperlyConfigured("ALLOWED_HOSTS is not set; list the host names that this server answers to.")
    if "mock" in (values["ISSUER_PROVIDER"], values["ISSUER_BACKUP_PROVIDER"]):
        raise ImproperlyConfigured("The mock issuer is for development; set ISSUER_PROVIDER to stripe or marqeta.")
    _check_stripe(values)
    _check_marqeta(values)
    _check_staff_logins(values)
    if not values.get("CARD_DATA_KEYS"):
        raise ImproperlyConfigured(
            "CARD_DATA_KEYS is not set, so the evidence of people's disputes could not be sealed and none would be "
            "taken; set it to a key made by `openssl rand -base64 32`."
        )
    _check_stand_in(values)
    _check_public_url(values)
    _check_mail(str(values["EMAIL_URL"]))
    if values.get("WEBHOOKS_TO_LOOPBACK"):
        raise ImproperlyConfigured(
            "WEBHOOKS_TO_LOOPBACK is on, so people could have this machine's own services called; leave it out."
        )
    if values["METRICS_TOKEN"]:
        _check_token("METRICS_TOKEN", values["METRICS_TOKEN"])
    _refuse_one_secret_for_two_doors(values)


def is_live(values: Values) -> bool:
    """Whether the processor's key moves real money."""
    return "_live_" in str(values["STRIPE_API_KEY"])


def is_public(hosts: list[str]) -> bool:
    """Whether the server answers to a name by which others can reach it."""
    return any(host not in LOOPBACK_HOSTS for host in hosts)


def is_loopback(host: str) -> bool:
    """Whether a URL's host is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_hosts(values: Values) -> None:
    for host in values["ALLOWED_HOSTS"]:
        name = host.lower().strip(".")
        labels = name.split(".")
        is_ending = len(labels) == 1 or (len(labels) == 2 and labels[0] in SHARED_SECOND_LEVELS and len(labels[1]) == 2)
        if host == "*" or (host.startswith(".") and is_ending):
            raise ImproperlyConfigured(
                "ALLOWED_HOSTS would let in any host name; list the names that this server answers to."
            )
        if not HOST_NAME.fullmatch(host.lower()) and not _is_address(host):
            raise ImproperlyConfigured(
                "ALLOWED_HOSTS holds something that is no host name; list names such as cards.example.com, without a "
                "scheme, a port or a *."
            )


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True


def _check_secret_key(key: str) -> None:
    if not key:
        raise ImproperlyConfigured("SECRET_KEY is not set; give it a long random text that only this deployment knows.")
    if len(key) < SECRET_KEY_LEAST:
        raise ImproperlyConfigured(f"SECRET_KEY is shorter than {SECRET_KEY_LEAST} characters; {_MAKE_ONE}.")
    if not _looks_random(key, SECRET_KEY_LEAST_DIFFERENT):
        raise ImproperlyConfigured(f"SECRET_KEY can be guessed: it is a pattern or a known text; {_MAKE_ONE}.")


def _check_staff_logins(values: Values) -> None:
    if not values["SECOND_FACTOR_KEYS"]:
        raise ImproperlyConfigured(
            "SECOND_FACTOR_KEYS is not set, so the seeds of staff's second factors could not be sealed and nobody "
            "could log in; set it to a key made by `openssl rand -base64 32`."
        )
    if set(values["SECOND_FACTOR_KEYS"]) & set(values.get("CARD_DATA_KEYS", ())):
        raise ImproperlyConfigured("SECOND_FACTOR_KEYS and CARD_DATA_KEYS hold the same key; give each its own.")


def _check_stand_in(values: Values) -> None:
    if values.get("STAND_IN_POLICY") == "approve" and not values.get("STAND_IN_DIR"):
        raise ImproperlyConfigured(
            "STAND_IN_POLICY is approve, but STAND_IN_DIR is not set, so no approval could be kept and none would be "
            "given; set it to a folder on this machine's disk."
        )


def _check_public_url(values: Values) -> None:
    """Invitations, which make a login, are links to there."""
    parts = urlsplit(values.get("PUBLIC_URL", ""))
    if parts.scheme == "http" and (is_public(values["ALLOWED_HOSTS"]) or not is_loopback(parts.hostname or "")):
        raise ImproperlyConfigured(
            "PUBLIC_URL is not https, so invitations could be read on the way; write it with https://."
        )


def _check_mail(address: str) -> None:
    if urlsplit(address).scheme not in MAIL_SERVERS:
        raise ImproperlyConfigured(
            "EMAIL_URL is not set to a mail server, so nobody could verify an address or reset a password, and codes "
            "would stand in a log; set it like smtp+tls://mail.example.com:587."
        )


def _looks_random(text: str, least_different: int) -> bool:
    """No typed words, no few characters, no repetition of a part, no row of neighbours such as abcdefgh or 12345678."""
    if any(word in text.lower() for word in TYPED_WORDS):
        return False
    repeats = text in (text + text)[1:-1]
    neighbours = sum(abs(ord(one) - ord(next_one)) == 1 for one, next_one in itertools.pairwise(text))
    return len(set(text)) >= least_different and not repeats and neighbours < len(text) / 2


def _check_stripe(values: Values) -> None:
    secrets = values["STRIPE_WEBHOOK_SECRETS"]
    if values["ISSUER_PROVIDER"] == "stripe" and not secrets:
        raise ImproperlyConfigured(
            "STRIPE_WEBHOOK_SECRETS is empty, so anyone could forge an authorization; set it to the signing secret "
            "of each webhook endpoint, separated by commas."
        )
    for secret in secrets:
        if not SIGNING_SECRET.fullmatch(secret) or not _looks_random(secret, 8):
            raise ImproperlyConfigured(
                "STRIPE_WEBHOOK_SECRETS holds something that is no signing secret; copy each from its endpoint's page, "
                "where it starts with whsec_."
            )
    key = str(values["STRIPE_API_KEY"])
    if not key:
        raise ImproperlyConfigured(
            "STRIPE_API_KEY is not set, so no funding card could be charged; set the secret key."
        )
    if not STRIPE_KEY.fullmatch(key):
        raise ImproperlyConfigured(
            "STRIPE_API_KEY is no secret key; set one key that starts with sk_live_, sk_test_, rk_live_ or rk_test_, "
            "with nothing around it."
        )
    publishable = str(values.get("STRIPE_PUBLISHABLE_KEY", ""))
    if publishable and ("_live_" in publishable) != is_live(values):
        raise ImproperlyConfigured(
            "STRIPE_PUBLISHABLE_KEY is of test mode and STRIPE_API_KEY is live, or the reverse, so no card could be "
            "saved; set the two keys of one mode."
        )
    if urlsplit(values["STRIPE_API_BASE"]).path:
        raise ImproperlyConfigured(
            "STRIPE_API_BASE holds a path, and calls add their own; write the host alone, like https://api.stripe.com."
        )
    _check_api("STRIPE_API_BASE", values["STRIPE_API_BASE"], own="stripe.com", live=is_live(values))


def _check_api(name: str, address: str, *, own: str, live: bool) -> None:
    """Who is called with our credentials: over TLS, and with live ones only the service itself."""
    if not address:
        return
    parts, host = urlsplit(address), urlsplit(address).hostname or ""
    is_own = host == own or host.endswith(f".{own}")
    if live and (not is_own or "sandbox" in host):
        raise ImproperlyConfigured(
            f"{name} is not the address of a production API of {own} while STRIPE_API_KEY is a live key: it would be "
            "sent every credential. Leave it out, or set it to the real one."
        )
    if parts.scheme != "https" and (live or not is_loopback(host)):
        raise ImproperlyConfigured(f"{name} is not https, so our credentials could be read on the way; use https://.")


def _check_marqeta(values: Values) -> None:
    is_used = "marqeta" in (values["ISSUER_PROVIDER"], values["ISSUER_BACKUP_PROVIDER"])
    missing = [name for name in MARQETA_CREDENTIALS if not values[name]]
    if is_used and missing:
        raise ImproperlyConfigured(
            f"Marqeta issues cards here, but {', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set; "
            "take the values from the Marqeta program, its gateway funding source and its webhook."
        )
    _check_api("MARQETA_BASE_URL", values["MARQETA_BASE_URL"], own="marqeta.com", live=is_live(values))
    kinds = (string.ascii_uppercase, string.ascii_lowercase, string.digits, string.punctuation)
    for name, most in MARQETA_WORDS.items():
        word = str(values[name])
        if word and (not 20 <= len(word) <= most or not all(set(word) & set(kind) for kind in kinds)):
            raise ImproperlyConfigured(
                f"{name} must have 20 to {most} characters with upper case, lower case, a digit and a symbol, as "
                "Marqeta demands."
            )
        if word and not _looks_random(word, 8):
            raise ImproperlyConfigured(f"{name} can be guessed: it is a pattern or a known text; make a random one.")


def _check_token(name: str, token: str) -> None:
    if len(token) < TOKEN_LEAST or not _looks_random(token, 8):
        raise ImproperlyConfigured(f"{name} can be guessed; give it {TOKEN_LEAST} random characters or more.")


def _refuse_one_secret_for_two_doors(values: Values) -> None:
    for (one, mine), (other, theirs) in itertools.combinations(_secrets(values), 2):
        if mine == theirs:
            raise ImproperlyConfigured(f"{one} and {other} are the same secret; give each door one of its own.")


def _secrets(values: Values) -> Iterator[tuple[str, str]]:
    yield from ((name, str(values[name])) for name in DOORS if values[name])
    yield from (("STRIPE_WEBHOOK_SECRETS", secret) for secret in values["STRIPE_WEBHOOK_SECRETS"])


def _refuse_debug_in_public(values: Values) -> None:
    public = [host for host in values["ALLOWED_HOSTS"] if host not in LOOPBACK_HOSTS]
    if public:
        raise ImproperlyConfigured(
            f"DEBUG is on while ALLOWED_HOSTS names {public[0]}: DEBUG shows secrets to visitors. Set DEBUG=off, "
            "or leave only loopback names in ALLOWED_HOSTS."
        )
    if is_live(values):
        raise ImproperlyConfigured("DEBUG is on with a live STRIPE_API_KEY; set DEBUG=off or use a test key.")
    host = urlsplit(values["MARQETA_BASE_URL"]).hostname or ""
    if host.endswith("marqeta.com") and "sandbox" not in host:
        raise ImproperlyConfigured(
            "DEBUG is on while MARQETA_BASE_URL is a production program; set DEBUG=off or use Marqeta's sandbox."
        )


_MAKE_ONE: Final = "make one with `openssl rand -base64 48`"
