"""A converted amount that a person enters: counted once, posted as the issuer's would be, refused if impossible."""

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from audit.models import Entry
from issuing.authorizations import close_out
from issuing.clearing import currency_conversion
from issuing.clearing.currency_conversion import ConversionRefusedError
from issuing.models import Authorization, CardTransaction, Hold, VirtualCard
from issuing.reconcile import window
from onecard.kit import clock
from onecard.kit.money import MAX_AMOUNT_MINOR
from tests.issuing.clearing.foreign_captures import amount_owed, balances, foreign_event
from tests.issuing.clearing.postings import record_movement
from tests.issuing.reconcile.books import books, forget_posting, movement, purchase
from tests.support import stripe_events
from tests.support.purchases import (
    MUCH_LATER,
    approve_purchase,
    deliver_events,
    run_workers,
    transaction_event,
    update_event,
)
from tests.support.threads import at_once
from tests.support.wallets import walkthrough_card
from wallet.ledger import check as ledger_check
from wallet.models import Case, FundingCharge, FundingRefund, Posting

pytestmark = pytest.mark.django_db

EventBody = dict[str, Any]
EXCHANGED = {"purchases USD": 0, "purchases EUR": 0, "exchange USD": -4320, "exchange EUR": 4000}


@pytest.fixture
def card() -> VirtualCard:
    return walkthrough_card()


@pytest.fixture
def asked(card: VirtualCard) -> EventBody:
    """A purchase of 45.00 dollars that is paid and closed, and its capture of 40.00 euros at a rate nobody said."""
    return unknown(card)


def unknown(card: VirtualCard) -> EventBody:
    asked = approve_purchase(card)
    run_workers()
    deliver_events(foreign_event(asked, 4000, None), update_event(asked, "closed"))
    return asked


def enter(minor: int = 4320, *, reason: str = "From the issuer's dashboard", kind: str = "settlement") -> None:
    kept = CardTransaction.objects.get(transaction_type=kind)
    currency_conversion.enter_converted_amount(transaction=kept, converted_minor=minor, reason=reason, actor="user:1")


def refused(minor: int = 4320, **more: str) -> str:
    """Why it was refused; nothing may have come of it."""
    before = traces()
    with pytest.raises(ConversionRefusedError) as caught:
        enter(minor, **more)
    assert traces() == before
    return caught.value.message


def traces() -> tuple[Any, ...]:
    """All that an entered conversion leaves behind."""
    return (
        sorted(CardTransaction.objects.values_list("pk", "purchase_minor")),
        sorted(Posting.objects.values_list("key", "amount_minor")),
        sorted(Case.objects.values_list("kind", "status")),
        Entry.objects.filter(action="transaction.worth_entered").count(),
        FundingCharge.objects.count() + FundingRefund.objects.count(),
    )


def won(amount: int = 4000) -> EventBody:
    """The issuer gives back what the capture took, in euros."""
    content = {
        "id": "idp_1",
        "amount": amount,
        "currency": "eur",
        "status": "won",
        "transaction": CardTransaction.objects.get(transaction_type="settlement").issuer_transaction_id,
    }
    return stripe_events.event("issuing_dispute.funds_reinstated", content)


def paid() -> int:
    """What the cardholder's cards paid, less what went back, in minor units."""
    charged = sum(each.obligation.payable.minor for each in FundingCharge.objects.filter(status="succeeded"))
    return charged - sum(FundingRefund.objects.filter(status="succeeded").values_list("amount_minor", flat=True))


def open_cases() -> list[str]:
    return sorted(Case.objects.filter(status="open").values_list("kind", flat=True))


def test_an_entered_amount_is_posted_and_charged_like_an_issuers_amount(asked: EventBody) -> None:
    enter()
    run_workers()
    run_workers()

    kept = CardTransaction.objects.get()
    assert (kept.purchase_minor, amount_owed(), paid()) == (4320, 4320, 4320)
    told = {
        row.key.rpartition(":")[2]: (row.debit, row.credit, str(row.money), row.reference, row.occurred_at)
        for row in Posting.objects.filter(kind="card_exchange")
    }
    purchase = Authorization.objects.get().reference
    assert told == {
        "exchange_out": ("exchange", "purchases", "40.00 EUR", purchase, kept.occurred_at),
        "exchange_in": ("purchases", "exchange", "43.20 USD", purchase, kept.occurred_at),
    }
    assert balances() == EXCHANGED
    assert Case.objects.get().status == "resolved"
    assert ledger_check.check() == []


def test_the_trail_says_who_entered_what_and_why(asked: EventBody) -> None:
    enter(reason="  Statement of May  ")

    entry = Entry.objects.get(action="transaction.worth_entered")
    assert (entry.actor, entry.subject_id) == ("user:1", str(CardTransaction.objects.get().pk))
    assert entry.details == {
        "amount_minor": 4000,
        "currency": "EUR",
        "worth_minor": 4320,
        "worth_currency": "USD",
        "reason": "Statement of May",
    }


@pytest.mark.parametrize("converted_minor", [3000, 4500, 5400])
def test_a_purchase_stays_open_while_its_captured_amount_is_unknown(asked: EventBody, converted_minor: int) -> None:
    run_workers()
    assert (amount_owed(), paid(), FundingRefund.objects.count()) == (4500, 4500, 0)
    assert Hold.objects.get().released_minor == 0

    enter(converted_minor)
    assert close_out.sweep(now=clock.now() + MUCH_LATER + close_out.CONVERSION_WAIT) == 1
    run_workers()

    assert (amount_owed(), paid(), balances()["purchases USD"]) == (converted_minor, converted_minor, 0)
    assert open_cases() == []
    assert ledger_check.check() == []


def test_a_refund_at_an_unknown_rate_gives_back_what_is_entered(asked: EventBody) -> None:
    enter()
    deliver_events(foreign_event(asked, 1000, None, kind="refund", number=2))
    assert open_cases() == ["currency_differs"]

    enter(1080, kind="refund")
    run_workers()
    run_workers()

    assert (amount_owed(), paid(), open_cases()) == (3240, 3240, [])
    assert balances() == {"purchases USD": 0, "purchases EUR": 0, "exchange USD": -3240, "exchange EUR": 3000}


@pytest.mark.parametrize("is_earlier", [False, True])
def test_chargeback_of_the_capture_has_the_entered_conversion(asked: EventBody, is_earlier: bool) -> None:
    if is_earlier:
        deliver_events(won())
        assert open_cases() == ["currency_differs", "currency_differs"]
    enter()
    if not is_earlier:
        deliver_events(won())
    run_workers()
    run_workers()

    assert CardTransaction.objects.get(transaction_type="chargeback").purchase_minor == 4320
    assert (amount_owed(), paid(), open_cases()) == (0, 0, [])
    assert set(balances().values()) == {0}
    assert ledger_check.check() == []


def test_a_chargeback_of_a_part_is_entered_by_itself(asked: EventBody) -> None:
    enter()
    deliver_events(won(1000))
    assert CardTransaction.objects.get(transaction_type="chargeback").purchase_minor is None

    enter(1080, kind="chargeback")
    run_workers()
    run_workers()

    assert (amount_owed(), paid(), open_cases()) == (3240, 3240, [])
    assert balances()["purchases USD"] == balances()["purchases EUR"] == 0


def test_a_differing_amount_of_the_issuer_opens_a_case_and_is_not_posted(asked: EventBody) -> None:
    enter()
    run_workers()
    content = CardTransaction.objects.get()
    later = foreign_event(asked, 4000, 4400)["data"]["object"]
    assert later["id"] == content.issuer_transaction_id
    deliver_events(stripe_events.event("issuing_transaction.updated", later))
    run_workers()

    assert CardTransaction.objects.get().purchase_minor == 4320
    assert (amount_owed(), paid(), balances()) == (4320, 4320, EXCHANGED)
    case = Case.objects.get(status="open")
    assert (case.kind, str(case.money)) == ("transaction_differs", "44.00 USD")


def test_the_issuer_that_says_the_same_later_is_no_case(asked: EventBody) -> None:
    enter()
    deliver_events(
        stripe_events.event("issuing_transaction.updated", foreign_event(asked, 4000, 4320)["data"]["object"])
    )
    assert open_cases() == []
    assert balances()["purchases EUR"] == 0


def test_unfunded_capture_becomes_a_case_with_the_converted_amount(card: VirtualCard) -> None:
    asked = approve_purchase(card, 0)
    deliver_events(foreign_event(asked, 4000, None))
    assert open_cases() == ["currency_differs"]

    enter()

    case = Case.objects.get(status="open")
    assert (case.kind, str(case.money)) == ("approved_without_us", "43.20 USD")


@pytest.mark.parametrize("minor", [0, -1, MAX_AMOUNT_MINOR + 1, 2**63])
def test_an_amount_that_cannot_be_is_refused(asked: EventBody, minor: int) -> None:
    assert "more than zero" in refused(minor)


@pytest.mark.parametrize("minor", [MAX_AMOUNT_MINOR, 400_000, 13_335, 1_480, 1])
def test_an_amount_far_from_the_reference_rate_is_refused(asked: EventBody, minor: int) -> None:
    assert "40.00 EUR is about 44.44 USD: enter between 14.81 USD and 133.34 USD." in refused(minor)


@pytest.mark.parametrize("minor", [13_334, 1_481])
def test_an_amount_at_the_edge_of_the_band_is_taken(asked: EventBody, minor: int) -> None:
    enter(minor)
    assert CardTransaction.objects.get().purchase_minor == minor
    assert ledger_check.check() == []


@pytest.mark.parametrize("reason", ["", "   \n", "x" * 201])
def test_conversion_needs_a_reason(asked: EventBody, reason: str) -> None:
    assert "Give a reason of 1 to 200 characters" in refused(reason=reason)


def test_a_movement_without_its_purchase_is_refused(card: VirtualCard) -> None:
    asked = stripe_events.authorization_request(card=card.issuer_card_id)
    deliver_events(foreign_event(asked, 4000, None))
    assert "has no purchase yet" in refused()


def test_a_movement_in_the_purchases_currency_is_refused(card: VirtualCard) -> None:
    deliver_events(transaction_event(approve_purchase(card), 4500))
    assert "nothing needs to be converted" in refused()


def test_second_conversion_is_refused(asked: EventBody) -> None:
    enter()
    assert "has a converted amount already: 43.20 USD" in refused(4400)


def test_a_provisional_credit_is_refused(asked: EventBody) -> None:
    given = [{"id": "txn_1", "amount": 4000, "currency": "eur", "type": "issuing_dispute_provisional_credit"}]
    event = won()
    event["data"]["object"] |= {"status": "submitted", "balance_transactions": given}
    deliver_events(event)
    assert "provisional credit" in refused(kind="provisional_credit")


def test_what_waits_for_what_it_takes_back_is_refused(asked: EventBody) -> None:
    event = won()
    event["type"] = "issuing_dispute.funds_rescinded"
    event["data"]["object"]["status"] = "lost"
    deliver_events(event)
    assert CardTransaction.objects.get(transaction_type="chargeback_reversal").processing_status == "pending"
    assert "not in the ledger" in refused(kind="chargeback_reversal")


@pytest.mark.django_db(transaction=True)
def test_the_books_agree_with_an_entered_amount_and_mend_a_lost_posting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(window, "GRACE", dt.timedelta(0))
    bought = purchase()
    abroad = replace(movement(authorization=bought.issuer_authorization_id, minor=4000), currency="EUR")
    record_movement(abroad, provider="stripe", source="webhook")
    enter()
    key = f"card_transaction:{CardTransaction.objects.get().pk}:exchange_in"
    assert books()[1] == []

    forget_posting(key)
    assert ("posted_transactions", "missing_there") in books()[1]
    books(fix=True)
    assert Posting.objects.get(key=key).amount_minor == 4320
    assert books()[1] == []


@pytest.mark.django_db(transaction=True)
def test_concurrent_entries_post_one_pair_and_the_later_are_refused() -> None:
    unknown(walkthrough_card())
    kept = CardTransaction.objects.get()

    def press(minor: int) -> str:
        try:
            return str(
                currency_conversion.enter_converted_amount(
                    transaction=kept, converted_minor=minor, reason="Statement", actor="user:1"
                )
            )
        except ConversionRefusedError as error:
            return error.message

    amounts = [4300 + number for number in range(6)]
    said = at_once([lambda minor=minor: press(minor) for minor in amounts])

    entered = CardTransaction.objects.get().purchase_minor
    assert entered in amounts
    first = f"{entered / 100:.2f} USD"
    assert sorted(said) == sorted([first, *[f"This movement has a converted amount already: {first}."] * 5])
    assert Posting.objects.filter(kind="card_exchange").count() == 2
    assert Entry.objects.filter(action="transaction.worth_entered").count() == 1
    assert ledger_check.check() == []
