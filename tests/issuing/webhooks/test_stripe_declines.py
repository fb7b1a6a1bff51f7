"""Which purchases are declined, with which reason, and that a decline moves no money."""

from typing import Any

import pytest

from audit.models import Entry
from issuing.limits import open_windows
from issuing.models import Authorization, Decision, IssuerEvent, SpendWindow, VirtualCard
from onecard.kit.transactions import transaction
from tests.issuing.webhooks.traces import no_money_moves, nothing_happened
from tests.support import stripe_events
from tests.support.wallets import walkthrough_card
from wallet.models import FundingCharge

pytestmark = pytest.mark.django_db
LIMITS = ("per_transaction_limit_minor", "daily_limit_minor", "monthly_limit_minor")


@pytest.fixture
def card() -> VirtualCard:
    return walkthrough_card()


def test_a_zero_amount_verifies_the_card_and_charges_nothing(card: VirtualCard) -> None:
    response = stripe_events.post(stripe_events.authorization_request(card=card.issuer_card_id, amount=0))

    assert response.json()["approved"] is True
    assert Decision.objects.get().rule == "account_verification"
    assert no_money_moves()


def change(subject: Any, **values: Any) -> None:
    type(subject).objects.filter(pk=subject.pk).update(**values)


def spend(card: VirtualCard, kind: str, spent_minor: int) -> None:
    """As if purchases of this day or month had taken so much of the card's limits."""
    with transaction():
        windows = open_windows.open_now(card)
    SpendWindow.objects.filter(pk__in=windows, kind=kind).update(spent_minor=spent_minor)


@pytest.mark.parametrize(
    ("reason", "arrange", "asked"),
    [
        ("card_not_active", lambda card: change(card, status="frozen"), {}),
        ("card_not_active", lambda card: change(card, status="pending"), {}),
        ("card_not_active", lambda card: change(card, status="closed"), {}),
        ("kyc_not_verified", lambda card: change(card.cardholder, kyc_status="pending"), {}),
        ("kyc_not_verified", lambda card: change(card.cardholder, kyc_status="expired"), {}),
        ("compliance_hold", lambda card: change(card, compliance_flags=["manual_review", "legal_hold"]), {}),
        ("compliance_hold", lambda card: change(card.cardholder, compliance_flags=["sanctions"]), {}),
        ("per_transaction_limit_exceeded", lambda card: change(card, per_transaction_limit_minor=4499), {}),
        ("daily_limit_exceeded", lambda card: spend(card, "day", 95_501), {}),
        ("monthly_limit_exceeded", lambda card: spend(card, "month", 495_501), {}),
        ("currency_mismatch", lambda card: None, {"currency": "eur"}),
        ("cash_not_allowed", lambda card: None, {"mcc": "6011"}),
        ("no_funding_card", lambda card: card.cardholder.funding_methods.update(status="disabled"), {}),
        ("no_funding_card", lambda card: card.cardholder.funding_methods.update(currencies=["EUR"]), {}),
    ],
)
def test_each_rule_declines_with_its_reason_and_moves_no_money(
    card: VirtualCard, reason: str, arrange: Any, asked: dict[str, Any]
) -> None:
    arrange(card)
    before = list(SpendWindow.objects.order_by("pk").values_list("spent_minor", flat=True))

    response = stripe_events.post(stripe_events.authorization_request(card=card.issuer_card_id, **asked))

    assert response.status_code == 200
    assert response.json()["approved"] is False
    assert response.json()["metadata"]["onecard_reason"] == reason
    decision = Decision.objects.get()
    assert (decision.approved, decision.decline_reason, decision.rule) == (False, reason, "")
    assert Authorization.objects.get().status == "declined"
    assert Entry.objects.get().action == "authorization.declined"
    assert no_money_moves()
    spent = SpendWindow.objects.filter(spent_minor__gt=0).order_by("pk").values_list("spent_minor", flat=True)
    assert list(spent) == [minor for minor in before if minor]


def test_flags_that_only_remind_staff_stop_nothing(card: VirtualCard) -> None:
    change(card, compliance_flags=["manual_review", "a word of the old system", 7])
    change(card.cardholder, compliance_flags=["watched"])

    assert stripe_events.post(stripe_events.authorization_request(card=card.issuer_card_id)).json()["approved"] is True


@pytest.mark.parametrize("limit", ["per_transaction_limit_minor", "daily_limit_minor", "monthly_limit_minor"])
def test_a_purchase_of_exactly_the_limit_is_approved(card: VirtualCard, limit: str) -> None:
    change(card, **dict.fromkeys(LIMITS[: LIMITS.index(limit) + 1], 4500))

    assert stripe_events.post(stripe_events.authorization_request(card=card.issuer_card_id)).json()["approved"] is True


def test_an_unknown_card_is_declined_and_kept(card: VirtualCard) -> None:
    response = stripe_events.post(stripe_events.authorization_request(card="ic_nobody"))

    assert response.json()["approved"] is False
    decision = Decision.objects.get()
    assert (decision.decline_reason, decision.authorization.card) == ("unknown_card", None)


def test_an_mcc_without_rows_goes_to_the_backup_card(card: VirtualCard) -> None:
    stripe_events.post(stripe_events.authorization_request(card=card.issuer_card_id, mcc="7699"))

    assert Decision.objects.get().rule == "backup_unranked"
    assert FundingCharge.objects.get().method.is_backup


def request_without(*path: str) -> Any:
    def build(card: VirtualCard) -> dict[str, Any]:
        event = stripe_events.authorization_request(card=card.issuer_card_id)
        inner = event["data"]["object"]
        for name in path[:-1]:
            inner = inner[name]
        del inner[path[-1]]
        return event

    return build


def request_with(**changes: Any) -> Any:
    return lambda card: stripe_events.authorization_request(card=card.issuer_card_id, **changes)


@pytest.mark.parametrize(
    "build",
    [
        request_without("pending_request"),
        request_without("pending_request", "amount"),
        request_without("card"),
        request_without("id"),
        request_without("merchant_data"),
        request_without("merchant_data", "category_code"),
        request_with(amount=-1),
        request_with(amount=45.0),
        request_with(amount=True),
        request_with(amount="4500"),
        request_with(amount=10**30),
        request_with(amount=None),
        request_with(currency="zzz"),
        request_with(currency=7),
        request_with(mcc="58"),
        request_with(mcc="581\uff12"),
        request_with(mcc=5812),
        lambda card: stripe_events.event("issuing_authorization.request", None),
        lambda card: stripe_events.event("issuing_authorization.request", "text"),
        lambda card: stripe_events.event("issuing_authorization.request", {}, data=None),
    ],
)
def test_a_malformed_request_is_declined_and_stored_with_its_reason(card: VirtualCard, build: Any) -> None:
    response = stripe_events.post(build(card))

    assert response.status_code == 200
    assert response.json() == {"approved": False, "metadata": {"onecard_reason": "malformed_request"}}
    assert response["Stripe-Version"]
    event = IssuerEvent.objects.get()
    assert event.status == "rejected"
    assert event.reason
    assert nothing_happened()


def test_text_that_the_database_cannot_store_is_cleaned_and_approved(card: VirtualCard) -> None:
    merchant = {"category_code": "5812", "name": "Nul\x00 and half a pair \ud800" + "x" * 500, "network_id": "1"}
    response = stripe_events.post(stripe_events.authorization_request(card=card.issuer_card_id, merchant_data=merchant))

    assert response.json()["approved"] is True
    assert Authorization.objects.get().merchant_name.startswith("Nul and half a pair ?xxx")
