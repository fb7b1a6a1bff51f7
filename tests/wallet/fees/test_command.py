"""`manage.py book_fees` over real HTTP: it books, says what, and refuses what it cannot read."""

import pytest

from onecard.kit import clock
from onecard.kit.money import MAX_AMOUNT_MINOR
from tests.sandbox.running import RunningSandbox
from tests.wallet.processors.balance_lists import (
    DAY,
    HOUR,
    LIST,
    age,
    booked,
    entered,
    in_dollars,
    paid,
    printed,
    sandbox,
    served,
)
from wallet.models import Posting

__all__ = ["in_dollars", "sandbox", "served"]
pytestmark = pytest.mark.django_db(transaction=True)


def test_the_command_books_and_says_what(in_dollars: RunningSandbox) -> None:
    paid(1000, "EUR")
    entered(in_dollars)
    entered(in_dollars, kind="reserve_transaction", category="risk_reserved_funds")
    age(in_dollars, HOUR)

    status, said = printed()

    assert status == 0
    assert "3 movements, 4 postings booked, 1 exchanges among them." in said
    assert "Fees: 0.61 USD" in said
    assert "Not booked here: 1 of type reserve_transaction" in said
    assert len(booked()) == 3


def test_a_dry_run_leaves_nothing(in_dollars: RunningSandbox) -> None:
    paid(1000, "EUR")
    age(in_dollars, HOUR)
    before = list(Posting.objects.values())

    status, said = printed("--dry-run")

    assert (status, list(Posting.objects.values())) == (0, before)
    assert "3 postings would be booked" in said
    printed()
    assert "0 postings would be booked" in printed("--dry-run")[1], "they are there by now"


def test_the_command_reads_the_given_window(sandbox: RunningSandbox) -> None:
    paid()
    age(sandbox, 20 * DAY)
    day = (clock.now() - 20 * DAY).date()

    assert "0 postings booked" in printed()[1]
    assert "1 postings booked" in printed(f"--since={day - DAY}", f"--until={day + DAY}")[1]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--since=yesterday"], "--since is 'yesterday'; write it like 2026-11-01"),
        (["--until=2999-01-01"], "--until lies in the future"),
        (["--since=0001-01-01"], "--since lies before 2000"),
        (["--since=2025-11-02", "--until=2025-11-01"], "--since must be before --until"),
    ],
)
def test_wrong_arguments_are_refused_with_a_sentence(arguments: list[str], says: str) -> None:
    status, said = printed(*arguments)

    assert status == 2
    assert says in said


def test_the_command_reports_an_unreadable_list_and_failures(sandbox: RunningSandbox) -> None:
    entered(sandbox, kind="stripe_fee", category="fee", amount=-MAX_AMOUNT_MINOR - 1)
    age(sandbox, HOUR)
    sandbox.order(method="GET", path=LIST, do="html_error")

    assert printed()[0] == 2
    status, said = printed()
    assert (status, "1 could not be booked" in said) == (1, True)
