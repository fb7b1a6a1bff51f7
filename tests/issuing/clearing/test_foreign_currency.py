"""Captures in another currency: original amounts are stored, and amounts of two currencies are never added."""

import itertools
from decimal import Decimal
from typing import Any

import pytest

from issuing.billing import position
from issuing.handlers import dispatch
from issuing.issuers.messages import SideAmounts
from issuing.issuers.side_amounts import of_marqeta, of_stripe
from issuing.models import Authorization, CardTransaction, VirtualCard
from onecard.kit.currencies import alpha_3
from tests.issuing.clearing.foreign_captures import EventBody, amount_owed, amounts_beside, balances, foreign_event
from tests.issuing.handlers.test_marqeta_disputes import report
from tests.support import marqeta_events, stripe_events
from tests.support.orders import in_each_order
from tests.support.purchases import approve_purchase, deliver_events, run_workers, transaction_event, update_event
from tests.support.wallets import marqeta_card, walkthrough_card
from wallet.ledger import check as ledger_check
from wallet.models import Case, FundingCharge, FundingObligation, FundingRefund, Posting

pytestmark = pytest.mark.django_db


IN_EUROS = {"merchant_amount": 4000, "merchant_currency": "eur"}


@pytest.fixture
def card() -> VirtualCard:
    return walkthrough_card()


def test_what_the_merchant_asked_in_is_kept_with_the_purchase(card: VirtualCard) -> None:
    asked = stripe_events.authorization_request(card=card.issuer_card_id)
    asked["data"]["object"]["pending_request"] |= IN_EUROS
    assert stripe_events.post(asked).json()["approved"] is True
    assert amounts_beside(Authorization.objects.get()) == (4000, "EUR", 0, 0)

    deliver_events(update_event(asked, "pending", merchant_amount=4100, merchant_currency="eur"))
    assert amounts_beside(Authorization.objects.get()) == (4100, "EUR", 0, 0)

    capture = transaction_event(asked, 4580)
    capture["data"]["object"] |= {"merchant_amount": -4000, "merchant_currency": "eur"}
    deliver_events(capture, update_event(asked, "closed"))
    run_workers()

    assert amounts_beside(CardTransaction.objects.get()) == (4000, "EUR", 0, 0)
    assert amount_owed() == 4580, "held was an estimate: what is captured is owed"
    assert FundingObligation.objects.count() == 2
    assert balances() == {"purchases USD": 0, "purchases EUR": 0, "exchange USD": 0, "exchange EUR": 0}


def test_the_same_currency_is_not_said_twice(card: VirtualCard) -> None:
    asked = approve_purchase(card)
    assert amounts_beside(Authorization.objects.get()) == (None, "", 0, 0)
    deliver_events(transaction_event(asked, 4500))
    assert amounts_beside(CardTransaction.objects.get()) == (None, "", 0, 0)


def test_foreign_capture_counts_with_its_converted_amount(card: VirtualCard) -> None:
    asked = approve_purchase(card)
    run_workers()
    deliver_events(foreign_event(asked, 4000, 4320), update_event(asked, "closed"))
    run_workers()
    run_workers()

    kept = CardTransaction.objects.get()
    assert (str(kept.money), kept.purchase_minor, amount_owed()) == ("40.00 EUR", 4320, 4320)
    told = {
        row.key.rpartition(":")[2]: (row.debit, row.credit, str(row.money))
        for row in Posting.objects.filter(key__contains="exchange")
    }
    assert told == {
        "exchange_out": ("exchange", "purchases", "40.00 EUR"),
        "exchange_in": ("purchases", "exchange", "43.20 USD"),
    }
    assert balances() == {"purchases USD": 0, "purchases EUR": 0, "exchange USD": -4320, "exchange EUR": 4000}
    assert not Case.objects.exists()
    assert ledger_check.check() == []


def test_what_comes_back_in_another_currency_is_turned_round() -> None:
    asked = approve_purchase(walkthrough_card())
    run_workers()
    told = [
        foreign_event(asked, 4000, 4320),
        foreign_event(asked, 1000, 1080, kind="refund", number=2),
        update_event(asked, "closed"),
    ]
    end = {"purchases USD": 0, "purchases EUR": 0, "exchange USD": -3240, "exchange EUR": 3000}

    def ends_alike(order: tuple[int, ...]) -> None:
        run_workers()
        run_workers()
        assert amount_owed() == 3240, order
        assert balances() == end, order

    in_each_order(itertools.permutations(range(3)), tell=lambda place: deliver_events(told[place]), at_end=ends_alike)


def test_a_capture_without_a_rate_is_a_case_until_the_rate_is_reported(card: VirtualCard) -> None:
    asked = approve_purchase(card)
    run_workers()
    event = foreign_event(asked, 4000, None)
    deliver_events(event, update_event(asked, "closed"))

    kept, case = CardTransaction.objects.get(), Case.objects.get()
    assert (kept.purchase_minor, position.moved_minor(Authorization.objects.get())) == (None, (0, 0))
    assert (case.kind, case.reference, str(case.money)) == (
        "currency_differs",
        f"card_transaction:{kept.pk}",
        "40.00 EUR",
    )
    assert FundingCharge.objects.count() == 1, "4000 of another currency are not 40.00 dollars"

    content = event["data"]["object"] | {"merchant_amount": -4320, "merchant_currency": "usd"}
    deliver_events(stripe_events.event("issuing_transaction.updated", content))
    run_workers()
    run_workers()

    case.refresh_from_db()
    assert (case.status, amount_owed()) == ("resolved", 4320)
    assert balances()["purchases USD"] == 0


def test_a_dispute_about_a_foreign_capture_has_the_captures_rate(card: VirtualCard) -> None:
    asked = approve_purchase(card)
    run_workers()
    deliver_events(foreign_event(asked, 4000, 4320), update_event(asked, "closed"))
    content = {
        "id": "idp_1",
        "amount": 4000,
        "currency": "eur",
        "status": "won",
        "transaction": CardTransaction.objects.get().issuer_transaction_id,
    }
    deliver_events(stripe_events.event("issuing_dispute.funds_reinstated", content))
    run_workers()
    run_workers()

    assert amount_owed() == 0
    assert set(balances().values()) == {0}
    assert not Case.objects.filter(status="open").exists()


@pytest.mark.parametrize(
    "change",
    [{"merchant_amount": 0}, {"merchant_amount": "many"}, {"merchant_currency": "zzz"}, {"merchant_currency": 9}],
)
def test_a_rate_that_cannot_be_is_no_rate(card: VirtualCard, change: EventBody) -> None:
    asked = approve_purchase(card)
    event = foreign_event(asked, 4000, 4320)
    event["data"]["object"] |= change
    deliver_events(event)

    assert CardTransaction.objects.get().purchase_minor is None
    assert Case.objects.get().kind == "currency_differs"
    assert not FundingRefund.objects.exists()


class TestReading:
    """What is beside an amount, in either issuer's words."""

    @pytest.mark.parametrize(
        ("said", "read"),
        [
            ({"original_amount": Decimal("40.00"), "original_currency_code": "978"}, (4000, "EUR")),
            ({"original_amount": "3200", "original_currency_code": "392"}, (3200, "JPY")),
            ({"original_amount": 40, "original_currency_code": "eur"}, (4000, "EUR")),
            ({"original_amount": Decimal("45.00"), "original_currency_code": "840"}, (None, "")),
            ({"original_amount": Decimal("45.001"), "original_currency_code": "978"}, (None, "")),
            ({"original_amount": -40, "original_currency_code": "978"}, (None, "")),
            ({"original_amount": True, "original_currency_code": "978"}, (None, "")),
            ({"original_amount": 40, "original_currency_code": "000"}, (None, "")),
            ({"original_amount": 40, "original_currency_code": ["978"]}, (None, "")),
            ({"original_amount": 40, "original_currency_code": "XAU"}, (None, "")),
            (None, (None, "")),
        ],
    )
    def test_marqetas_conversion(self, said: Any, read: tuple[int | None, str]) -> None:
        found = of_marqeta({"currency_conversion": {"network": said}}, "USD")
        assert (found.merchant_amount_minor, found.merchant_currency) == read

    @pytest.mark.parametrize("odd", [None, [], "x", {"amount_details": "x"}, {"merchant_amount": True}])
    def test_odd_words_of_stripe_say_nothing(self, odd: Any) -> None:
        assert of_stripe(odd if isinstance(odd, dict) else {"amount_details": odd}, "USD") == SideAmounts()

    @pytest.mark.parametrize(
        ("code", "letters"),
        [
            ("840", "USD"),
            (840, "USD"),
            ("036", "AUD"),
            (36, "AUD"),
            ("usd", "USD"),
            ("36", ""),
            ("ÄÖÜ", ""),
            (True, ""),
            (None, ""),
        ],
    )
    def test_currency_codes(self, code: object, letters: str) -> None:
        assert alpha_3(code) == letters


def test_a_foreign_gateway_purchase_keeps_its_original_amount() -> None:
    conversion = {"network": {"original_amount": Decimal("40.00"), "original_currency_code": "978"}}
    asked = marqeta_events.gateway_request(card=marqeta_card().issuer_card_id, currency_conversion=conversion)
    assert marqeta_events.ask(asked).status_code == 200
    report("transactions", marqeta_events.outcome(asked))
    report(
        "transactions",
        marqeta_events.later(asked, "authorization.clearing", amount=Decimal("45.80"), currency_conversion=conversion),
    )

    assert amounts_beside(Authorization.objects.get()) == (4000, "EUR", 0, 0)
    assert amounts_beside(CardTransaction.objects.get()) == (4000, "EUR", 0, 0)
    assert dispatch.sweep() == 0
