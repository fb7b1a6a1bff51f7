"""What tests do with an issuer behind real HTTP: order a card, let workers try, count what was made."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

from issuing.cards import changes as card_changes
from issuing.cards import service as cards
from issuing.issuers.base import Limits
from issuing.issuers.guard.breaker import close_breaker
from issuing.issuers.marqeta.client import MarqetaIssuer
from issuing.issuers.stripe.client import StripeIssuer
from issuing.models import CardChange, VirtualCard
from onecard.kit import clock
from tests.sandbox.running import RunningSandbox
from tests.support.factories import CardholderFactory

ISSUERS: dict[str, Callable[..., Any]] = {"stripe": StripeIssuer, "marqeta": MarqetaIssuer}
MAKING = {"stripe": "/v1/issuing/cards", "marqeta": "/v3/cards"}
MOVING = {"stripe": "/v1/issuing/cards/*", "marqeta": "/v3/cardtransitions"}
LIMITS = Limits(per_transaction_minor=10_000, daily_minor=20_000, monthly_minor=30_000)
# For what is the same whichever issuer it is.
ONE_ISSUER = pytest.mark.parametrize("provider", ["stripe"], indirect=True)
ME = "user:1"


def new_card(provider: str) -> VirtualCard:
    holder = CardholderFactory(
        name="Ada Lovelace",
        phone="+14155550100",
        address_line1="510 Townsend Street",
        address_city="San Francisco",
        address_state="CA",
        address_postal_code="94103",
        address_country="US",
    )
    return cards.create_virtual_card(
        cardholder=holder, card_type="visa", limits=LIMITS, requested_by=ME, provider=provider
    )


def attempts(count: int, provider: str) -> None:
    """As if the sweeper came by so often, each time with the waiting time over and the breaker closed."""
    for _ in range(count):
        close_breaker(provider)
        make_due()
        card_changes.sweep()


def make_due() -> None:
    past = clock.now() - dt.timedelta(hours=2)
    CardChange.objects.filter(next_attempt_at__isnull=False).update(next_attempt_at=past)


def made(provider: str, served: RunningSandbox) -> int:
    """How many cards the issuer has made."""
    if provider == "stripe":
        return len(served.state.objects["issuing.card"])
    return len(served.marqeta.state.things["card"])


def status_of(change: CardChange) -> str:
    change.refresh_from_db()
    return change.status
