"""Our addresses at which an issuer calls us, made of one base address, which is checked first."""

from typing import Final
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

from issuing.issuers.registration import Doors
from issuing.models import IssuerRegistration, Provider
from onecard.integrations.addresses import is_loopback, is_public
from onecard.kit.errors import OneCardError

# The paths of onecard/urls.py, which serves them; a test compares.
STRIPE, STRIPE_OLD = "/api/webhooks/stripe-issuing", "/stripe-webhook"
MARQETA, MARQETA_GATEWAY = "/api/webhooks/marqeta", "/api/webhooks/marqeta/jit"
SIGN_OF_LIFE: Final = "/health/live"
LONGEST: Final = 200
# Names that no resolver outside knows.
OWN_NAMES: Final = (".localhost", ".local", ".internal", ".home.arpa", ".test", ".invalid")


class AddressRefusedError(OneCardError):
    """No issuer could or should call us at this address."""

    code = "address_refused"


def doors_of(provider: str, address: str) -> Doors:
    """Returns our addresses for the issuer below a base address."""
    if provider == Provider.MARQETA:
        return Doors(events=f"{address}{MARQETA}", decisions=f"{address}{MARQETA_GATEWAY}")
    return Doors(events=f"{address}{STRIPE}", decisions=f"{address}{STRIPE}", also_events=(f"{address}{STRIPE_OLD}",))


def address_of(provider: str) -> str:
    """Returns the base address that was given to connect_issuer last, and PUBLIC_URL before the first time."""
    kept = IssuerRegistration.objects.filter(provider=provider).values_list("address", flat=True).first()
    return kept or str(settings.PUBLIC_URL)


def checked_address(text: str, *, provider: str) -> str:
    """Returns the base address without a slash at its end; raises AddressRefusedError with what is wrong with it."""
    parts, shown = _split(text), text.strip()[:LONGEST]
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise AddressRefusedError(f"{shown} is no web address; write it like https://card.example.com.")
    if parts.username or parts.password:
        raise AddressRefusedError("The address holds a user name or password; write it without them.")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise AddressRefusedError(f"{shown} is more than a host; leave out the path, since the product adds its own.")
    if len(parts.netloc) > LONGEST - len("https://"):
        raise AddressRefusedError(f"The address is longer than {LONGEST} letters; give the server a shorter name.")
    if parts.scheme != "https" and not settings.DEBUG:
        raise AddressRefusedError(f"{shown} is not https, so others could read what the issuer sends; use https.")
    if _is_inside(parts.hostname) and not _is_sandbox(provider):
        raise AddressRefusedError(
            f"{shown} can be reached from this machine or network only, and the issuer is outside: give the public "
            "address, such as that of a tunnel."
        )
    return f"{parts.scheme}://{parts.netloc}"


def _split(text: str) -> SplitResult:
    try:
        parts = urlsplit(text.strip())
        # It raises for a port that is none.
        parts.port  # noqa: B018
    except ValueError:
        raise AddressRefusedError(
            f"{text.strip()[:LONGEST]} is no web address; write it like https://card.example.com."
        ) from None
    return parts


def _is_inside(host: str) -> bool:
    is_number = ":" in host or host.replace(".", "").isdigit()
    is_name = "." in host and not host.endswith(OWN_NAMES)
    return not is_public(host) if is_number else not is_name


def _is_sandbox(provider: str) -> bool:
    """Returns whether the issuer itself runs on this machine, as our sandbox does."""
    api = settings.MARQETA_BASE_URL if provider == Provider.MARQETA else settings.STRIPE_API_BASE
    host = urlsplit(api).hostname or ""
    return host == "localhost" or is_loopback(host)
