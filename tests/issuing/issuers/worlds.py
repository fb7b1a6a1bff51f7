"""An issuer under test, and what a test may do behind its back: count its cards, present one, make it misbehave."""

import datetime as dt
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

import stripe
from django.conf import settings
from django.test import override_settings

from issuing.issuers import mock
from issuing.issuers.base import Address, CardOrder, Issuer, IssuerTransaction, Limits, Person, Terms
from issuing.issuers.marqeta.client import MarqetaIssuer
from issuing.issuers.mock import MockIssuer
from issuing.issuers.stripe.client import StripeIssuer
from issuing.issuers.transaction_kinds import Kind
from onecard.kit import clock
from tests.sandbox.marqeta import settlement
from tests.sandbox.marqeta.authorizations import Presented
from tests.sandbox.running import RunningSandbox, running_sandbox
from tests.sandbox.settings import MarqetaSettings

Row = TypeVar("Row")

PROVIDERS = ("stripe", "marqeta", "mock")
# How long a client that meets failures waits for an answer: long enough that a busy machine gives one in time.
READ_TIMEOUT_S = 2.0
TOO_SLOW_S = READ_TIMEOUT_S + 0.4
HOME = Address("510 Townsend Street", "San Francisco", "CA", "94103", "US")
ADA = Person(
    "Ada",
    "Lovelace",
    "ada@example.com",
    HOME,
    "+14155550100",
    birth_date=dt.date(1990, 12, 10),
    terms=Terms(dt.datetime(2026, 1, 1, tzinfo=dt.UTC), "203.0.113.7"),
)
LIMITS = Limits(per_transaction_minor=20_000, daily_minor=50_000, monthly_minor=500_050)
LONG_AGO = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
PRODUCT = "demo-card-product"
_MERCHANT = {"mid": "m-1", "mcc": "5812", "name": "Bistro", "city": "Oakland", "state": "CA", "country_code": "USA"}


@dataclass(frozen=True, slots=True)
class World:
    """One issuer with its other side. `post` books money out of a card, or back when the amount is negative.

    `forget_cards` leaves an issuer that has made none; `printed` tells a card's number and code.
    """

    issuer: Issuer
    cards_made: Callable[[], int]
    post: Callable[[str, int], None]
    forget_cards: Callable[[], None]
    printed: Callable[[str], tuple[str, str]]
    sandbox: RunningSandbox | None = None
    card_path: str = ""

    def card_calls(self) -> list[Any]:
        """Every request to make a card that the issuer's server saw."""
        assert self.sandbox
        return self.sandbox.requests.find(method="POST", path=self.card_path)


def new_key() -> str:
    return str(uuid.uuid4())


def all_of(ask: Callable[[str], tuple[tuple[Row, ...], str]]) -> tuple[list[Row], int]:
    """Every row of a list, asked for page by page with the cursor of the page before, and how many pages it took."""
    rows, cursor, pages = [], "", 0
    while pages < 100:
        page, cursor = ask(cursor)
        rows, pages = [*rows, *page], pages + 1
        if not cursor:
            return rows, pages
    raise AssertionError("the list has no end")


def order_for(issuer: Issuer) -> CardOrder:
    """An order for a cardholder made just now."""
    return CardOrder(issuer.create_cardholder(ADA, key=new_key()), "visa", "USD", LIMITS)


@contextmanager
def sandbox_for_issuers() -> Iterator[RunningSandbox]:
    """A sandbox that sends nothing, with the settings of both issuers pointing at it."""
    program = MarqetaSettings()
    with (
        running_sandbox(webhook_url=None, api_key=settings.STRIPE_API_KEY, marqeta=program) as sandbox,
        override_settings(STRIPE_API_BASE=sandbox.url, **marqeta_settings(sandbox, program)),
    ):
        yield sandbox


def marqeta_settings(sandbox: RunningSandbox, program: MarqetaSettings) -> dict[str, str]:
    """What the product must be told to use the sandbox's Marqeta program."""
    return {
        "MARQETA_BASE_URL": f"{sandbox.url}/v3/",
        "MARQETA_APPLICATION_TOKEN": program.application_token,
        "MARQETA_ADMIN_ACCESS_TOKEN": program.admin_access_token,
        "MARQETA_CARD_PRODUCT_TOKEN": PRODUCT,
    }


def world_of(provider: str, sandbox: RunningSandbox, **given: Any) -> World:
    return {"stripe": _stripe_world, "marqeta": _marqeta_world, "mock": _mock_world}[provider](sandbox, given)


def _stripe_world(sandbox: RunningSandbox, given: dict[str, Any]) -> World:
    client = stripe.StripeClient(settings.STRIPE_API_KEY, base_addresses={"api": sandbox.url})
    before = len(sandbox.state.objects["issuing.card"])

    def post(card_id: str, amount_minor: int) -> None:
        helpers = client.v1.test_helpers.issuing.transactions
        make = helpers.create_unlinked_refund if amount_minor < 0 else helpers.create_force_capture
        make({"card": card_id, "amount": abs(amount_minor), "merchant_data": {"name": "Bistro"}})

    return World(
        StripeIssuer(**given),
        cards_made=lambda: len(sandbox.state.objects["issuing.card"]) - before,
        post=post,
        forget_cards=sandbox.state.objects["issuing.card"].clear,
        printed=sandbox.state.card_secrets.__getitem__,
        sandbox=sandbox,
        card_path="/v1/issuing/cards",
    )


def _marqeta_world(sandbox: RunningSandbox, given: dict[str, Any]) -> World:
    state = sandbox.marqeta.state
    before = len(state.things["card"])

    def post(card_id: str, amount_minor: int) -> None:
        amount = abs(Decimal(amount_minor)) / 100
        make = settlement.refund if amount_minor < 0 else settlement.force_post
        make(sandbox.marqeta, Presented(card_token=card_id, amount=amount, merchant=dict(_MERCHANT), pos={}))

    return World(
        MarqetaIssuer(**given),
        cards_made=lambda: len(state.things["card"]) - before,
        post=post,
        forget_cards=state.things["user"].clear,
        printed=state.card_secrets.__getitem__,
        sandbox=sandbox,
        card_path="/v3/cards",
    )


def _mock_world(_sandbox: RunningSandbox, given: dict[str, Any]) -> World:
    issuer = MockIssuer(page_size=given.get("page_size", 100))

    def post(card_id: str, amount_minor: int) -> None:
        kind = Kind.REFUND if amount_minor < 0 else Kind.CAPTURE
        row = IssuerTransaction(new_key(), card_id, "", kind.value, amount_minor, "USD", "Bistro", "5812", clock.now())
        issuer.transactions.append(row)

    def printed(card_id: str) -> tuple[str, str]:
        shown = mock.card_data(issuer.cards[card_id])
        return shown.number, shown.cvv

    return World(
        issuer,
        cards_made=lambda: len(issuer.cards),
        post=post,
        forget_cards=issuer.cards.clear,
        printed=printed,
    )
