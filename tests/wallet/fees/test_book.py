"""Fees and exchanges over real HTTP: once, whoever books them, until the books hold what the processor holds."""

import datetime as dt
from typing import Any

import pytest
from django.db import transaction

from onecard.kit import clock
from onecard.kit.money import MAX_AMOUNT_MINOR, Money
from onecard.kit.transactions import TransactionError
from onecard.outbox.models import Message
from tests.sandbox.running import RunningSandbox
from tests.support.sandboxes import CITI, CUSTOMER, intended_charge
from tests.support.threads import at_once
from tests.wallet.processors.balance_lists import (
    DAY,
    HOUR,
    LIST,
    age,
    at_processor,
    book,
    booked,
    entered,
    give_back,
    in_books,
    in_dollars,
    paid,
    sandbox,
    served,
)
from wallet.accounts import Account
from wallet.charges import charge as charges
from wallet.fees import book as fees
from wallet.ledger import check as ledger_check
from wallet.ledger import postings as ledger
from wallet.models import Posting
from wallet.processors.stripe.balance import BalancePage
from wallet.processors.stripe.client import stripe_client
from wallet.processors.stripe.lists import ListUnavailableError
from wallet.refunds import records as refunds

__all__ = ["in_dollars", "sandbox", "served"]
pytestmark = pytest.mark.django_db(transaction=True)


def test_a_fee_is_booked_and_the_ledger_equals_the_processors_balance(
    sandbox: RunningSandbox,
) -> None:
    charge, other = paid(4500), paid(1000)
    give_back(charge, 1500)
    assert in_books() == {"USD": 4000}

    tally = book()

    assert booked() == [
        ("fee", 161, "USD", charge.obligation.reference),
        ("fee", 59, "USD", other.obligation.reference),
    ]
    assert in_books() == at_processor() == {"USD": 3780}
    assert in_books(Account.FEES) == {"USD": 220}
    assert (tally.read, tally.booked, tally.exchanged, dict(tally.fees)) == (3, 2, 0, {"USD": 220})
    assert ledger_check.check() == []


def test_a_posting_carries_the_time_of_its_movement(sandbox: RunningSandbox) -> None:
    paid()
    age(sandbox, HOUR)
    (row,) = sandbox.state.objects["balance_transaction"].values()

    book()

    assert Posting.objects.get(key=f"fee:{row['id']}").occurred_at.timestamp() == row["created"]


def test_another_currency_is_given_and_ours_is_got(in_dollars: RunningSandbox) -> None:
    charge = paid(1000, "EUR")

    tally = book()

    purchase = charge.obligation.reference
    assert booked() == [
        ("fee", 61, "USD", purchase),
        ("exchange:out", 1000, "EUR", purchase),
        ("exchange", 1080, "USD", purchase),
    ]
    assert in_books() == at_processor() == {"USD": 1019}
    assert in_books(Account.EXCHANGE) == {"EUR": 1000, "USD": -1080}
    assert (tally.booked, tally.exchanged) == (3, 1)
    assert ledger_check.check() == []


def test_a_refund_in_another_currency_is_booked_in_reverse(in_dollars: RunningSandbox) -> None:
    charge = paid(1000, "EUR")
    give_back(charge, 500)

    book()

    assert in_books() == at_processor() == {"USD": 479}
    assert in_books(Account.EXCHANGE) == {"EUR": 500, "USD": -540}
    assert ledger_check.check() == []


def test_a_refund_that_came_back_is_exchanged_back(in_dollars: RunningSandbox) -> None:
    charge = paid(1000, "EUR")
    refund = give_back(charge, 500)
    entered(
        in_dollars, amount=540, kind="adjustment", category="refund_failure", source=refund.processor_refund_id,
        exchange_rate=1.08,
    )  # fmt: skip
    refunds.record(
        refund_id=refund.pk,
        outcome=refunds.RefundOutcome("failed", refund.processor_refund_id or ""),
        actor="system:test",
    )

    book()

    assert in_books() == at_processor() == {"USD": 1019}
    assert in_books(Account.EXCHANGE) == {"EUR": 1000, "USD": -1080}


@pytest.mark.parametrize("taken", [3000, 2000, 1500])
def test_a_hold_of_which_a_part_was_captured_is_exchanged_for_that_part(in_dollars: RunningSandbox, taken: int) -> None:
    charge = intended_charge(amount_minor=4500, currency="EUR")
    intent = pay(4500, "eur", capture_method="manual", metadata={"funding_charge": str(charge.public_id)})
    stripe_client().v1.payment_intents.capture(intent, {"amount_to_capture": taken})

    book()

    assert in_books(Account.EXCHANGE)["EUR"] == taken
    assert -in_books(Account.EXCHANGE)["USD"] - in_books(Account.FEES)["USD"] == at_processor()["USD"]
    assert {reference for *_, reference in booked()} == {charge.obligation.reference}


def test_booking_twice_books_once(sandbox: RunningSandbox) -> None:
    give_back(paid(), 100)
    book()
    before = list(Posting.objects.values())

    tally = book()

    assert list(Posting.objects.values()) == before
    assert (tally.read, tally.booked, dict(tally.fees)) == (2, 0, {})


def test_booking_at_once_books_once(in_dollars: RunningSandbox) -> None:
    for _ in range(3):
        paid(1000, "EUR")

    tallies = at_once([book] * 6)

    assert len(booked()) == 9
    assert sum(tally.booked for tally in tallies) == 9
    assert in_books() == at_processor()


def test_a_list_that_breaks_off_keeps_the_hours_before(
    sandbox: RunningSandbox,
) -> None:
    paid(1000)
    age(sandbox, 3 * HOUR)
    for _ in range(3):
        paid(4500)
    pages: list[int] = []

    def break_the_third(rows: int) -> None:
        pages.append(rows)
        if rows == 2:
            sandbox.order(method="GET", path=LIST, do="error_500")

    with pytest.raises(ListUnavailableError):
        book(since=clock.now() - 3.5 * HOUR, progress=break_the_third)
    assert [amount for _, amount, *_ in booked()] == [59]

    book(since=clock.now() - 3.5 * HOUR)
    assert [amount for _, amount, *_ in booked()] == [59, 161, 161, 161]


def test_a_list_that_names_itself_as_its_next_page_ends_nowhere() -> None:
    class Endless:
        def list_movements(self, *, since: dt.datetime, until: dt.datetime, cursor: str = "") -> BalancePage:
            return BalancePage((), cursor="txn_1")

    with pytest.raises(Exception, match="same page"):
        book(lists=Endless())


def test_a_fee_without_a_charge_is_booked_under_the_processor(sandbox: RunningSandbox) -> None:
    pay(1000, "usd")
    pay(2000, "usd", metadata={"funding_charge": "nobody's"})

    book()

    assert booked() == [("fee", 59, "USD", "processor:stripe"), ("fee", 88, "USD", "processor:stripe")]


def test_a_charge_whose_answer_was_lost_is_known_by_our_own_id(sandbox: RunningSandbox) -> None:
    charge = intended_charge()
    sandbox.order(path="/v1/payment_intents", do="drop_answer")
    assert charges.charge(charge_id=charge.pk) == "unknown"
    pay(1000, "usd")

    book()

    assert {(amount, reference) for _, amount, _, reference in booked()} == {
        (161, charge.obligation.reference),
        (59, "processor:stripe"),
    }


@pytest.mark.parametrize(("kind", "category"), [("stripe_fee", "fee"), ("tax_fee", "tax"), ("adjustment", "fee")])
def test_a_row_that_is_only_a_fee_is_booked_as_a_fee(sandbox: RunningSandbox, kind: str, category: str) -> None:
    entered(sandbox, amount=-700, kind=kind, category=category)

    book()

    assert booked() == [("fee", 700, "USD", "processor:stripe")]
    assert in_books() == {"USD": -700} == at_processor()


def test_a_returned_fee_is_booked_in_reverse(sandbox: RunningSandbox) -> None:
    entered(sandbox, amount=700, kind="stripe_fee", category="fee")

    tally = book()

    assert (in_books(), in_books(Account.FEES), dict(tally.fees)) == ({"USD": 700}, {"USD": -700}, {"USD": -700})


def test_ignored_movements_are_counted_and_their_fees_booked(sandbox: RunningSandbox) -> None:
    entered(sandbox)
    entered(sandbox, kind="payout", fee=25)
    entered(sandbox, kind="adjustment", category="dispute", fee=1500)
    entered(sandbox, kind="issuing_transaction", category="issuing_transaction", fee=10, balance="issuing")
    entered(sandbox, kind="something_new", category="something_new")

    tally = book()

    assert +tally.ignored == {"something_new": 1}
    assert [row[:2] for row in booked()] == [("fee", 25), ("fee", 1500)]
    assert in_books(Account.ISSUER) == {"USD": -10}, "the issuer's own fee"


def test_one_movement_that_cannot_be_booked_stops_no_other(sandbox: RunningSandbox) -> None:
    entered(sandbox, kind="stripe_fee", category="fee", amount=-MAX_AMOUNT_MINOR - 1)
    charge = paid()

    tally = book()

    assert booked() == [("fee", 161, "USD", charge.obligation.reference)]
    assert (tally.failed, tally.booked) == (1, 1)


def test_a_movement_outside_the_window_is_left_alone(sandbox: RunningSandbox) -> None:
    paid()
    age(sandbox, 5 * HOUR)

    assert book().read == 0
    assert book(since=clock.now() - 6 * HOUR, until=clock.now() - 4 * HOUR).booked == 1


def test_every_page_is_asked_for_as_the_api_wants_it(sandbox: RunningSandbox) -> None:
    for _ in range(3):
        paid()
    age(sandbox, 0.5 * HOUR)
    until = clock.now()

    fees.book(since=until - 2 * HOUR, until=until)

    forms = [each.form for each in sandbox.requests.find(path=LIST)]
    bounds = [str(int((until - hours * HOUR).timestamp())) for hours in (2, 1, 0)]
    earlier, later = ({"gte": bounds[place], "lt": bounds[place + 1]} for place in (0, 1))
    assert [form["created"] for form in forms] == [earlier, later, later]
    assert {(form["limit"], tuple(form["expand"].values())) for form in forms} == {("2", ("data.source",))}
    rest = [set(form) - {"created", "limit", "expand"} for form in forms]
    assert rest == [set(), set(), {"starting_after"}]


def test_inside_a_transaction_it_is_refused() -> None:
    with pytest.raises(TransactionError), transaction.atomic():
        book()


def test_the_newest_fee_says_where_to_read_on(sandbox: RunningSandbox) -> None:
    now = clock.now()
    assert abs(fees.unbooked_since() - (now - 3 * DAY)) < dt.timedelta(minutes=1)
    with transaction.atomic():
        ledger.post(
            kind="fee", key="fee:txn_1", money=Money(30, "USD"), reference="processor:stripe", occurred_at=now - 9 * DAY
        )

    assert fees.unbooked_since() == Posting.objects.get().occurred_at - 3 * DAY
    paid()
    age(sandbox, 8 * DAY)
    fees.book_and_go_on()
    assert Posting.objects.filter(kind="fee").count() == 2, "nights that nobody booked are made up for"


def test_a_stretch_that_is_over_leaves_the_rest_to_the_next_message(
    sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    paid()
    age(sandbox, 1.5 * HOUR)
    since = clock.now() - 3 * HOUR
    monkeypatch.setattr(fees, "TIME_BUDGET_S", -1.0)

    fees.book_and_go_on(since=since.isoformat())

    left = Message.objects.get(topic="fees.booking_requested").payload
    assert left == {"since": (since + HOUR).isoformat()}
    assert booked() == []
    monkeypatch.undo()
    fees.book_and_go_on(**left)
    assert [amount for _, amount, *_ in booked()] == [161]
    assert Message.objects.filter(topic="fees.booking_requested").count() == 1


def test_a_processor_that_is_away_ends_the_nights_booking(sandbox: RunningSandbox) -> None:
    paid()
    age(sandbox, HOUR)
    sandbox.order(method="GET", path=LIST, do="error_500")

    fees.book_and_go_on()
    assert (booked(), Message.objects.filter(topic="fees.booking_requested").exists()) == ([], False)

    fees.book_and_go_on()
    assert len(booked()) == 1


def test_half_an_exchange_is_a_problem_of_the_books() -> None:
    with transaction.atomic():
        ledger.post(
            kind="payout_exchange", key="exchange:txn_1:out", money=Money(1000, "EUR"), reference="processor:stripe"
        )

    assert [problem.about for problem in ledger_check.check()] == ["exchange:txn_1:out"]


def pay(amount: int, currency: str, **more: Any) -> str:
    """A charge that is made past us."""
    made = stripe_client().v1.payment_intents.create(
        {
            "amount": amount,
            "currency": currency,
            "customer": CUSTOMER,
            "payment_method": CITI,
            "off_session": True,
            "confirm": True,
            **more,
        }
    )
    return str(made.id)
