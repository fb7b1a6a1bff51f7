"""What Stripe's issuing objects count in other units than ours, in each of the readers and in what is sent."""

from typing import Any

import pytest

from issuing.handlers import stripe_disputes
from issuing.issuers.base import Limits
from issuing.issuers.messages import MalformedEventError
from issuing.issuers.side_amounts import of_stripe
from issuing.issuers.stripe import objects as stripe_objects
from issuing.issuers.stripe.events import parse_authorization_request, parse_authorization_update, parse_envelope
from tests.issuing.clearing.postings import posted
from tests.support import stripe_events


def envelope(event: dict[str, Any]) -> Any:
    import json

    return parse_envelope(json.dumps(event).encode())


def question(**changes: Any) -> Any:
    event = stripe_events.authorization_request(card="ic_1", amount=5000, currency="isk", **changes)
    return parse_authorization_request("stripe", envelope(event))


def test_question_in_krona_asks_for_whole_krona() -> None:
    asked = question()
    assert (asked.amount_minor, asked.currency) == (50, "ISK")


def test_what_stands_before_a_question_is_in_our_units_too() -> None:
    assert question(approved_before=12000).approved_before_minor == 120


def test_fraction_of_a_krona_is_no_question() -> None:
    event = stripe_events.authorization_request(card="ic_1", amount=5050, currency="isk")
    with pytest.raises(MalformedEventError):
        parse_authorization_request("stripe", envelope(event))


def test_an_authorization_update_in_shillings_is_read() -> None:
    asked = stripe_events.authorization_request(card="ic_1", amount=70000, currency="ugx")
    history = [{"approved": False, "amount": 30000, "reason": "webhook_declined"}]
    news = parse_authorization_update(
        "stripe", envelope(stripe_events.authorization_update(asked, request_history=history))
    )
    assert (news.amount_minor, [each.amount_minor for each in news.declined_rounds]) == (700, [300])


def test_posting_in_krona_is_booked_in_whole_krona() -> None:
    asked = stripe_events.authorization_request(card="ic_1", amount=5000, currency="isk")
    row = posted(asked, amount=-5000, currency="isk")["data"]["object"]
    assert stripe_objects.read_transaction(row).amount_minor == 50


def test_dinar_are_counted_in_thousandths() -> None:
    asked = stripe_events.authorization_request(card="ic_1", amount=10120, currency="kwd")
    assert parse_authorization_request("stripe", envelope(asked)).amount_minor == 10120


@pytest.mark.parametrize(("currency", "theirs", "ours"), [("isk", 5000, 50), ("mga", 5, 500), ("jpy", 500, 500)])
def test_merchants_own_amount_is_read_in_its_own_units(currency: str, theirs: int, ours: int) -> None:
    beside = of_stripe({"merchant_amount": -theirs, "merchant_currency": currency}, "USD")
    assert (beside.merchant_amount_minor, beside.merchant_currency) == (ours, currency.upper())


def test_dispute_in_krona_moves_whole_krona() -> None:
    content = {
        "id": "idp_1",
        "object": "issuing.dispute",
        "amount": 5000,
        "currency": "isk",
        "status": "submitted",
        "transaction": "ipi_1",
        "balance_transactions": [{"id": "txn_1", "amount": 5000, "currency": "isk", "type": "issuing_dispute"}],
    }
    news = stripe_disputes.read("stripe", envelope(stripe_events.event("issuing_dispute.funds_reinstated", content)))
    assert (news.amount_minor, news.movements[0].amount_minor) == (50, 50)


def test_limits_are_sent_and_read_in_stripes_units() -> None:
    sent = stripe_objects.limit_params(Limits(50, 100, 1000, "ISK"))
    assert [row["amount"] for row in sent] == [5000, 10000, 100000]
    card = {
        "id": "ic_1",
        "status": "active",
        "brand": "Visa",
        "last4": "0005",
        "exp_month": 1,
        "exp_year": 2030,
        "currency": "isk",
        "spending_controls": {"spending_limits": [dict(row) for row in sent]},
    }
    assert stripe_objects.read_card(card).limits == Limits(50, 100, 1000, "ISK")


def test_limits_are_rounded_down_to_what_stripe_counts() -> None:
    assert stripe_objects.limit_params(Limits(10125, 20000, 30009, "KWD"))[0]["amount"] == 10120
