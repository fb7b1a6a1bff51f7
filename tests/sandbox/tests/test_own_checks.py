"""What Stripe declines before it asks: no request event, the reason in the history."""

from collections.abc import Callable
from typing import Any

import pytest
import stripe

from tests.sandbox.running import RunningSandbox
from tests.sandbox.stripe.controls import window_of
from tests.sandbox.tests.conftest import CARD
from tests.sandbox.tests.receiver import Receiver, decline

pytestmark = pytest.mark.only_in_proofs

CREATED = "issuing_authorization.created"
REQUEST = "issuing_authorization.request"
HOLDER = "ich_1S769RQLFtcEJSwHDemoUser"


def assert_declined_unasked(receiver: Receiver, authorization: Any, reason: str, *, asked: int = 0) -> None:
    assert (authorization.approved, authorization.status) == (False, "closed")
    assert authorization.request_history[-1].reason == reason
    announced = [event["data"]["object"] for event in receiver.wait_for(CREATED, asked + 1)]
    assert [thing["approved"] for thing in announced if thing["id"] == authorization.id] == [False]
    assert len(receiver.of_type(REQUEST)) == asked


@pytest.mark.parametrize(
    ("card", "holder", "reason"),
    [
        ({"status": "inactive"}, {}, "card_inactive"),
        ({"status": "canceled"}, {}, "card_canceled"),
        ({}, {"status": "inactive"}, "cardholder_inactive"),
        ({}, {"individual": {"first_name": "Demo"}}, "cardholder_verification_required"),
        ({"spending_controls": {"blocked_categories": ["book_stores"]}}, {}, "spending_controls"),
        ({"spending_controls": {"allowed_categories": ["hardware_stores"]}}, {}, "spending_controls"),
        ({"spending_controls": {"blocked_merchant_countries": ["FR"]}}, {}, "spending_controls"),
        ({"spending_controls": {"allowed_card_presences": ["present"]}}, {}, "spending_controls"),
        ({}, {"spending_controls": {"blocked_categories": ["book_stores"]}}, "spending_controls"),
    ],
)
def test_reasons(
    receiver: Receiver,
    client: stripe.StripeClient,
    purchase: Callable[..., Any],
    card: dict[str, Any],
    holder: dict[str, Any],
    reason: str,
) -> None:
    if card:
        client.v1.issuing.cards.update(CARD, card)  # type: ignore[arg-type]
    if holder:
        client.v1.issuing.cardholders.update(HOLDER, holder)  # type: ignore[arg-type]
    authorization = purchase(merchant_data={"category": "book_stores", "country": "FR"})
    assert_declined_unasked(receiver, authorization, reason)


def test_daily_limit_counts_what_is_held(
    receiver: Receiver, client: stripe.StripeClient, purchase: Callable[..., Any]
) -> None:
    helper = client.v1.test_helpers.issuing.authorizations
    first = purchase(amount=30_000)
    assert_declined_unasked(receiver, purchase(amount=20_001), "spending_controls", asked=1)
    assert purchase(amount=20_000).approved
    helper.reverse(first.id, {"reverse_amount": 10_000})
    assert purchase(amount=10_000).approved
    helper.expire(first.id)
    assert purchase(amount=20_000).approved
    assert not purchase(amount=1).approved


def test_declined_purchase_uses_up_no_limit(receiver: Receiver, purchase: Callable[..., Any]) -> None:
    receiver.decide = lambda _event: decline()
    purchase(amount=50_000)
    assert purchase(amount=50_000).request_history[0].reason == "webhook_declined"


def test_limit_of_some_categories(
    receiver: Receiver, client: stripe.StripeClient, purchase: Callable[..., Any]
) -> None:
    limits = [
        {"amount": 1000, "interval": "monthly", "categories": ["book_stores", "hardware_stores"]},
        {"amount": 900, "interval": "per_authorization"},
    ]
    client.v1.issuing.cards.update(CARD, {"spending_controls": {"spending_limits": limits}})  # type: ignore[typeddict-item]
    assert purchase(amount=600, merchant_data={"category": "book_stores"}).approved
    assert not purchase(amount=600, merchant_data={"category": "hardware_stores"}).approved
    assert purchase(amount=600, merchant_data={"category": "veterinary_services"}).approved
    assert not purchase(amount=901, merchant_data={"category": "veterinary_services"}).approved


def test_ceiling_stands_above_every_limit(client: stripe.StripeClient, purchase: Callable[..., Any]) -> None:
    client.v1.issuing.cards.update(CARD, {"spending_controls": {"spending_limits": ""}})  # type: ignore[typeddict-item]
    assert purchase(amount=1_000_000).approved
    assert purchase(amount=1_000_001).request_history[0].reason == "spending_controls"


def test_issuing_balance_is_the_last_word(
    receiver: Receiver, sandbox: RunningSandbox, client: stripe.StripeClient, purchase: Callable[..., Any]
) -> None:
    sandbox.state.issuing_balance = 5000
    first = purchase(amount=4000)
    assert_declined_unasked(receiver, purchase(amount=1001), "insufficient_funds", asked=1)
    client.v1.test_helpers.issuing.authorizations.capture(first.id, {"capture_amount": 3000})
    assert (sandbox.state.issuing_balance, sandbox.state.available_balance) == (2000, 2000)
    assert purchase(amount=2000).approved


def test_increment_is_checked_too(
    receiver: Receiver, client: stripe.StripeClient, purchase: Callable[..., Any]
) -> None:
    first = purchase(amount=2000)
    client.v1.issuing.cards.update(CARD, {"status": "inactive"})
    second = client.v1.test_helpers.issuing.authorizations.increment(first.id, {"increment_amount": 500})
    assert (second.status, second.amount) == ("pending", 2000)
    assert second.request_history[-1].reason == "card_inactive"
    assert len(receiver.of_type(REQUEST)) == 1


@pytest.mark.parametrize(
    ("interval", "window"),
    [
        ("daily", "2026-11-01"),
        ("weekly", "2026-11-01"),
        ("monthly", "2026-11"),
        ("yearly", "2026"),
        ("all_time", ""),
    ],
)
def test_windows_begin_at_midnight_utc(interval: str, window: str) -> None:
    sunday_23_59_utc = 1_793_577_540
    assert window_of(interval, sunday_23_59_utc) == window
