"""Where each attribute of a control comes from at each issuer, and that odd values are unknown and harm nothing."""

import datetime as dt
from typing import Any

import pytest

from issuing.controls.attributes import HISTORY, History, Holder, attributes_of
from issuing.controls.conditions import TYPES
from onecard.kit import clock
from tests.support import marqeta_events, stripe_events
from tests.support.controls import attributes, parsed

PENDING = {"amount": 4500, "currency": "usd"}
STRIPE: dict[str, tuple[dict[str, Any], Any]] = {
    "amount": ({}, 4500),
    "cash": ({"pending_request": {**PENDING, "amount_details": {"cashback_amount": 100}}}, True),
    "mcc": ({}, "5812"),
    "mcc_group": ({}, "stores"),
    "country": ({}, "US"),
    "currency": ({"pending_request": {**PENDING, "merchant_amount": 4000, "merchant_currency": "eur"}}, "EUR"),
    "foreign_currency": ({"pending_request": {**PENDING, "merchant_amount": 40, "merchant_currency": "eur"}}, True),
    "merchant_id": ({}, "1234567890"),
    "merchant_name": ({}, "Starbucks Coffee"),
    "entry_mode": ({"authorization_method": "keyed_in"}, "keyed"),
    "channel": ({"card_presence": "not_present"}, "not_present"),
    "cvc": ({"verification_data": {"cvc_check": "mismatch"}}, "mismatch"),
    "expiry": ({"verification_data": {"expiry_check": "match"}}, "match"),
    "address": (
        {"verification_data": {"address_postal_code_check": "match", "address_line1_check": "mismatch"}},
        "mismatch",
    ),
    "three_d_secure": ({"verification_data": {"three_d_secure": {"result": "attempt_acknowledged"}}}, "attempted"),
    "wallet": ({"wallet": "apple_pay"}, "apple_pay"),
    "network_risk": ({"pending_request": {**PENDING, "network_risk_score": 87}}, 87),
}
MARQETA: dict[str, tuple[dict[str, Any], Any]] = {
    "amount": ({}, 4500),
    "cash": ({"type": "authorization.quasi.cash"}, True),
    "mcc": ({}, "5812"),
    "mcc_group": ({}, "stores"),
    "country": ({}, "US"),
    "currency": (
        {"currency_conversion": {"network": {"original_amount": 40, "original_currency_code": "978"}}},
        "EUR",
    ),
    "foreign_currency": (
        {"currency_conversion": {"network": {"original_amount": 40, "original_currency_code": "978"}}},
        True,
    ),
    "merchant_id": ({}, "1234567890"),
    "merchant_name": ({}, "Starbucks Coffee"),
    "entry_mode": ({"pos": {"pan_entry_mode": "CHIP_CONTACTLESS"}}, "contactless"),
    "channel": ({"pos": {"card_presence": False}}, "not_present"),
    "cvc": ({"card_security_code_verification": {"response": {"code": "0001", "memo": "No match"}}}, "mismatch"),
    "three_d_secure": ({"cardholder_authentication_data": {"verification_result": "VERIFIED"}}, "authenticated"),
    "wallet": (
        {"digital_wallet_token": {"token_service_provider": {"token_requestor_name": "GOOGLE_PAY"}}},
        "google_pay",
    ),
    "network_risk": ({"fraud": {"network": {"transaction_risk_score": 97}}}, 97),
    "issuer_risk": ({"fraud": {"issuer_processor": {"score": "420"}}}, 420),
}
OURS = {"card_age_days", "kyc_state", "kyc_days_left", "compliance_flags"}
ASKED: dict[str, Any] = {"stripe": stripe_events.authorization_request, "marqeta": marqeta_events.gateway_request}
CASES = [
    *(("stripe", name, changes, value) for name, (changes, value) in STRIPE.items()),
    *(("marqeta", name, changes, value) for name, (changes, value) in MARQETA.items()),
]


@pytest.mark.parametrize(("issuer", "name", "changes", "value"), CASES)
def test_each_attribute_is_read_where_the_issuer_says_it(
    issuer: str, name: str, changes: dict[str, Any], value: Any
) -> None:
    found = attributes(parsed(issuer, ASKED[issuer](card="card-1", **changes)))

    assert getattr(found, name) == value


def test_only_what_an_issuer_never_says_is_missing_in_these_tables() -> None:
    rest = set(TYPES) - set(HISTORY) - OURS
    assert (rest - set(STRIPE), rest - set(MARQETA)) == ({"issuer_risk"}, {"expiry", "address"})


def test_the_address_of_marqeta_is_in_the_funding_request() -> None:
    asked = marqeta_events.gateway_request(card="card-1")
    asked["gpa_order"]["jit_funding"]["address_verification"] = {"issuer": {"response": {"code": "0000"}}}

    assert attributes(parsed("marqeta", asked)).address == "match"


@pytest.mark.parametrize(
    ("issuer", "changes"),
    [
        ("stripe", {"verification_data": [], "wallet": {"a": 1}, "authorization_method": 5, "card_presence": []}),
        ("stripe", {"verification_data": {"three_d_secure": "yes", "cvc_check": {}}, "authorization_method": None}),
        ("marqeta", {"pos": [], "fraud": 7, "card_security_code_verification": "x", "digital_wallet_token": "t"}),
        ("marqeta", {"fraud": {"network": {"score": -1}, "issuer_processor": {"score": "many"}}, "pos": {}}),
    ],
)
def test_odd_values_are_unknown(issuer: str, changes: dict[str, Any]) -> None:
    found = attributes(parsed(issuer, ASKED[issuer](card="card-1", **changes)))

    names = ("entry_mode", "channel", "cvc", "expiry", "address", "three_d_secure", "network_risk", "issuer_risk")
    assert [getattr(found, name) for name in names] == [None] * len(names)


@pytest.mark.parametrize(
    ("pending", "is_controllable"),
    [
        ({"is_amount_controllable": True}, True),
        ({"is_amount_controllable": "true"}, False),
        ({"is_amount_controllable": True, "amount_details": {"cashback_amount": 5}}, False),
        # Stripe counts hundredths of a currency that has none.
        ({"is_amount_controllable": True, "currency": "isk"}, False),
        ({}, False),
    ],
)
def test_a_part_is_for_whole_amounts_without_cash_in_units_like_ours(pending: Any, is_controllable: bool) -> None:
    asked = stripe_events.authorization_request(card="ic_1", pending_request={**PENDING, **pending})

    assert parsed("stripe", asked).signals.is_amount_controllable is is_controllable


def test_the_rest_is_of_our_card_and_of_its_history() -> None:
    now, asked = clock.now(), parsed("stripe", stripe_events.authorization_request(card="ic_1"))
    holder = Holder(
        card_id=1,
        cardholder_id=2,
        currency="USD",
        card_created_at=now - dt.timedelta(days=3),
        kyc_state="verified",
        kyc_due_at=now + dt.timedelta(days=6, hours=5),
        compliance_flags=frozenset({"watched"}),
    )
    history = History(**dict.fromkeys(HISTORY, 1))

    found = attributes_of(asked, holder, now=now, approved_before_minor=500, history=history)

    assert (found.card_age_days, found.kyc_state, found.compliance_flags) == (3, "verified", {"watched"})
    assert found.kyc_days_left == 6
    assert (found.amount, found.purchase_minor) == (5_000, 4_500)
    assert {getattr(found, name) for name in HISTORY} == {1}
