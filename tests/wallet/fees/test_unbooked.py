"""Balance transactions that cannot be read or booked stop no other; a case tells of each, and ends by itself."""

import datetime as dt
from typing import Any

import pytest

from audit.models import Entry
from onecard.kit import clock
from onecard.kit.money import MAX_AMOUNT_MINOR
from onecard.kit.transactions import TransactionError
from onecard.outbox.models import Message
from tests.sandbox.running import RunningSandbox
from tests.support.factories import UserFactory
from tests.support.threads import at_once
from tests.wallet.processors.balance_lists import (
    DAY,
    HOUR,
    LIST,
    age,
    book,
    booked,
    entered,
    paid,
    printed,
    sandbox,
    served,
)
from wallet.casework import actions as case_actions
from wallet.fees import book as fees
from wallet.fees import unbooked as unbooked_fees
from wallet.ledger import check as ledger_check
from wallet.models import Case, Posting
from wallet.processors.stripe import balance as stripe_balance
from wallet.processors.stripe.lists import ListUnavailableError

__all__ = ["sandbox", "served"]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.only_in_proofs]

Row = dict[str, Any]


def spoil(sandbox: RunningSandbox, place: int, **changes: Any) -> Row:
    """What the processor says of one of its movements is nothing that we understand."""
    row: Row = list(sandbox.state.objects["balance_transaction"].values())[place]
    row.update({"currency": "zzz"} | changes)
    return row


def cases() -> list[tuple[str, str]]:
    return list(Case.objects.order_by("pk").values_list("reference", "status"))


def a_night() -> None:
    """The task, and all that it leaves to the next ones."""
    fees.book_and_go_on()
    for message in Message.objects.filter(topic="fees.booking_requested", published_at=None).order_by("pk"):
        Message.objects.filter(pk=message.pk).update(published_at=clock.now())
        fees.book_and_go_on(**message.arguments)


def fees_booked() -> list[int]:
    return [amount for _, amount, *_ in booked()]


def test_readable_rows_are_booked_and_others_have_a_case(sandbox: RunningSandbox) -> None:
    paid(1000)
    paid(4500)
    paid(2000)
    row = spoil(sandbox, 1)

    tally = book()

    assert (fees_booked(), tally.skipped, tally.read) == ([59, 88], 1, 2)
    case = Case.objects.get()
    assert (case.kind, case.reference, case.status) == (
        "reconciliation", f"balance_transaction:{row['id']}", "open",
    )  # fmt: skip
    assert (case.amount_minor, case.currency) == (0, "USD"), "of an unknown currency nothing is known"
    for said in (row["id"], "'ZZZ' is not an ISO 4217 currency code", "Stripe's dashboard", "book_fees"):
        assert said in case.summary
    assert ledger_check.check() == []


def test_a_case_holds_the_money_as_far_as_it_is_known(sandbox: RunningSandbox) -> None:
    paid(4500)
    spoil(sandbox, 0, currency="usd", exchange_rate="one to one")

    book()

    assert Case.objects.get().money.minor == 4500


@pytest.mark.parametrize("changes", [{"id": None}, {"id": "\x00"}, {"created": 10**17}, {"type": ["charge"], "id": 7}])
def test_a_row_without_id_and_time_stops_no_other_and_has_one_case(sandbox: RunningSandbox, changes: Row) -> None:
    for _ in range(3):
        paid(1000)
    listed = stripe_balance.read_page

    def changed(answer: Row) -> stripe_balance.BalancePage:
        rows = [{**row, **changes} if row["id"] == second else row for row in answer["data"]]
        return listed({**answer, "data": rows})

    second = list(sandbox.state.objects["balance_transaction"])[1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stripe_balance, "read_page", changed)
        tallies = [book(), book()]

    assert (fees_booked(), [tally.skipped for tally in tallies]) == ([59, 59], [1, 1])
    assert [status for _, status in cases()] == ["open"]


def test_a_night_later_it_is_read_booked_and_its_case_resolved(sandbox: RunningSandbox) -> None:
    charge = paid(4500)
    age(sandbox, HOUR)
    row = spoil(sandbox, 0)
    a_night()
    a_night()
    reference = f"balance_transaction:{row['id']}"
    assert (booked(), cases()) == ([], [(reference, "open")])

    row["currency"] = "usd"
    a_night()

    assert booked() == [("fee", 161, "USD", charge.obligation.reference)]
    assert cases() == [(reference, "resolved")]
    a_night()
    assert len(booked()) == 1
    assert Entry.objects.filter(action="case.resolved").count() == 1


def test_a_row_older_than_the_nights_window_is_still_read(sandbox: RunningSandbox) -> None:
    paid(1000)
    row = spoil(sandbox, 0)
    age(sandbox, 20 * DAY)
    fees.book(since=clock.now() - 21 * DAY, until=clock.now() - 19 * DAY)
    paid(4500)
    list(sandbox.state.objects["balance_transaction"].values())[-1]["created"] -= 3600
    a_night()
    assert (fees_booked(), [status for _, status in cases()]) == ([161], ["open"])
    assert fees.unbooked_since() > clock.now() - 4 * DAY, "the rest of those twenty days is not read again"

    row["currency"] = "usd"
    a_night()

    assert sorted(fees_booked()) == [59, 161]
    assert [status for _, status in cases()] == ["resolved"]
    assert Posting.objects.filter(key=f"fee:{row['id']}").count() == 1


def test_earlier_hours_are_read_once_and_after_the_window(sandbox: RunningSandbox) -> None:
    for _ in range(2):
        paid(1000)
    for place in (0, 1):
        spoil(sandbox, place)
    age(sandbox, 20 * DAY)
    fees.book(since=clock.now() - 20.5 * DAY, until=clock.now() - 19.5 * DAY)
    sandbox.order(method="GET", path=LIST, do="error_500")

    fees.book_and_go_on()
    assert not Message.objects.filter(topic="fees.booking_requested").exists(), "the processor is away"

    fees.book_and_go_on()
    (left,) = Message.objects.filter(topic="fees.booking_requested").values_list("payload", flat=True)
    since, until = (dt.datetime.fromisoformat(left[name]) for name in ("since", "until"))
    assert until - since == HOUR
    assert since <= clock.now() - 20 * DAY + dt.timedelta(minutes=1)


def test_a_readable_row_that_cannot_be_booked_has_a_case(sandbox: RunningSandbox) -> None:
    row = entered(sandbox, kind="stripe_fee", category="fee", amount=-MAX_AMOUNT_MINOR - 1)

    tally = book()

    assert (tally.failed, tally.skipped) == (1, 0)
    assert cases() == [(f"balance_transaction:{row['id']}", "open")]
    assert Case.objects.get().amount_minor == MAX_AMOUNT_MINOR
    row["amount"] = -700
    book()
    assert (fees_booked(), [status for _, status in cases()]) == ([700], ["resolved"])


def test_nights_at_once_open_one_case_and_end_it_once(sandbox: RunningSandbox) -> None:
    paid()
    row = spoil(sandbox, 0)
    at_once([book] * 4)
    assert [status for _, status in cases()] == ["open"]
    assert Entry.objects.filter(action="case.opened").count() == 1

    row["currency"] = "usd"
    at_once([book] * 4)
    assert (len(booked()), [status for _, status in cases()]) == (1, ["resolved"])


def test_a_case_that_a_person_resolved_is_not_reopened(sandbox: RunningSandbox) -> None:
    paid()
    row = spoil(sandbox, 0)
    age(sandbox, HOUR)
    a_night()
    case_actions.resolve(case=Case.objects.get(), user=UserFactory(is_staff=True), reason="Nothing was kept of it.")

    a_night()
    assert [status for _, status in cases()] == ["resolved"]
    assert printed()[0] == 0, "nobody has to look at it any more"

    row["currency"] = "usd"
    a_night()
    assert len(booked()) == 1, "it is booked all the same once it can be"


def test_a_list_that_is_none_is_an_error_and_no_case(sandbox: RunningSandbox) -> None:
    paid()
    sandbox.order(method="GET", path=LIST, do="malformed_json")

    with pytest.raises(ListUnavailableError):
        book()

    assert (booked(), cases()) == ([], [])


# The command.


def test_the_command_reports_skipped_rows_and_exits_with_status_1(sandbox: RunningSandbox) -> None:
    paid(1000)
    paid(4500)
    row = spoil(sandbox, 0)
    age(sandbox, HOUR)

    status, said = printed()

    assert status == 1
    assert "Skipped: 1 that could not be read." in said
    assert "1 case of a balance transaction is open" in said
    assert fees_booked() == [161]
    row["currency"] = "usd"
    status, said = printed()
    assert (status, "Skipped" in said, sorted(fees_booked())) == (0, False, [59, 161])


def test_the_command_looks_for_what_is_older_than_its_window(sandbox: RunningSandbox) -> None:
    paid(1000)
    row = spoil(sandbox, 0)
    age(sandbox, 20 * DAY)
    fees.book(since=clock.now() - 21 * DAY, until=clock.now() - 19 * DAY)

    assert printed()[0] == 1, "it was not read, and is open"
    row["currency"] = "usd"
    assert printed()[0] == 0
    assert fees_booked() == [59]


def test_a_dry_run_opens_and_ends_no_case(sandbox: RunningSandbox) -> None:
    paid()
    row = spoil(sandbox, 0)
    age(sandbox, HOUR)

    status, said = printed("--dry-run")

    assert (status, cases()) == (1, [])
    assert "Skipped: 1 that could not be read." in said
    assert "1 could not be read; without --dry-run each has a case." in said
    printed()
    row["currency"] = "usd"
    assert "1 postings would be booked" in printed("--dry-run")[1]
    assert [status for _, status in cases()] == ["open"]


def test_a_case_and_where_to_look_again_are_one_commit() -> None:
    left = stripe_balance.UnreadableMovement("txn_1", "It has no fee.", 100, "USD")
    with pytest.raises(TransactionError):
        unbooked_fees.open_case(left, hour=clock.now())
    assert cases() == []
