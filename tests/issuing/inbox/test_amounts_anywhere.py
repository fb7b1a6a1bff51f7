"""An amount of a message that nothing books is found wherever it stands, and its case says it in our own units."""

from decimal import Decimal
from typing import Any

import pytest

from issuing.handlers import dispatch
from issuing.inbox.unhandled_money import carries_amount
from issuing.models import IssuerEvent, VirtualCard
from tests.issuing.handlers.test_message_types import deliver_row
from tests.support import stripe_events
from tests.support.wallets import marqeta_card
from wallet.models import Case

pytestmark = pytest.mark.django_db
DEEP: dict[str, Any] = {"amount": 5}
for _ in range(400):
    DEEP = {"more": [DEEP]}


@pytest.fixture
def card() -> VirtualCard:
    return marqeta_card()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"amount": "45.00"}, "45.00 USD"),
        ({"amount": Decimal("4.5E+1")}, "45.00 USD"),
        ({"payment": {"amount": 45}}, "45.00 USD"),
        ({"parts": [{"transfer_amount": "12.50", "currency_code": "EUR"}]}, "12.50 EUR"),
        ({"transactionAmount": 45}, "45.00 USD"),
        ({"amount": {"value": "45.00", "currency": "KWD"}}, "45.000 KWD"),
        ({"details": {"total": 45, "currency": "JPY"}}, "45 JPY"),
        ({"amount": [45, 1]}, "0.00 USD"),
        ({"amount": True}, "0.00 USD"),
        ({"amount": "1,000.00"}, "0.00 USD"),
        ({"amount": -45}, "45.00 USD"),
        ({"amount": Decimal("1E+400")}, "0.00 USD"),
        ({"amount": "about ten"}, "0.00 USD"),
        ({"gpa": {"impacted_amount": "-45.00", "currency_code": "USD"}}, "45.00 USD"),
    ],
)
def test_new_type_with_an_amount_anywhere_opens_a_case(card: VirtualCard, body: dict[str, Any], said: str) -> None:
    event = deliver_row("brand.new.type", card, **({"amount": 0} | body))

    case = Case.objects.get(reference=f"issuerevent:{event.pk}")
    assert (event.status, case.kind, str(case.money)) == ("kept", "unhandled_money", said)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"amount": "0.00"},
        {"amount": "-0"},
        {"amount": Decimal("0E+2")},
        {"amount": None},
        {"amount": {"value": 0, "currency": "USD"}},
        {"amount_details": {"atm_fee": None, "cashback_amount": None}},
        {"spending_controls": {"spending_limits": [{"amount": 50000}]}},
        {"is_amount_controllable": True},
        {"state": "DECLINED", "amount": 45},
    ],
)
def test_new_type_that_moves_nothing_opens_no_case(card: VirtualCard, body: dict[str, Any]) -> None:
    assert deliver_row("brand.new.type", card, **({"amount": 0} | body)).status == "kept"

    assert not Case.objects.exists()


def test_amount_is_found_at_any_depth_in_bounded_work() -> None:
    assert carries_amount(DEEP)
    assert not carries_amount({"parts": [{"name": place} for place in range(100_000)]})


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"amount": 500000, "currency": "isk"}, "5,000 ISK"),
        ({"amount": 500000, "currency": "ugx"}, "5,000 UGX"),
        ({"amount": 50, "currency": "mga"}, "50.00 MGA"),
        ({"amount": 10120, "currency": "kwd"}, "10.120 KWD"),
        ({"amount": 500, "currency": "jpy"}, "500 JPY"),
        ({"amount": -500, "currency": "usd"}, "5.00 USD"),
        ({"net": {"amount_total": 500, "currency": "usd"}}, "5.00 USD"),
        ({"amount": 50.5, "currency": "isk"}, "0.00 USD"),
    ],
)
def test_case_of_a_new_stripe_type_has_the_amount_in_our_units(content: dict[str, Any], said: str) -> None:
    event = stripe_events.event("vault.movement.created", {"id": "vm_1", "object": "vault.movement"} | content)
    stripe_events.post(event)

    assert dispatch.handle(event_pk=IssuerEvent.objects.get(event_id=event["id"]).pk) == "kept"
    assert str(Case.objects.get().money) == said
