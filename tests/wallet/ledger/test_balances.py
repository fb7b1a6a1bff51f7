"""Balances come from kept sums and from the postings since, and are always those of all postings."""

import datetime as dt
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from onecard.kit import clock
from wallet.ledger import balances
from wallet.ledger import check as ledger_check
from wallet.models import LedgerSum, Posting

pytestmark = pytest.mark.django_db
HOUR = dt.timedelta(hours=1)


def post(minor: int, *, ago: dt.timedelta = 0 * HOUR, **more: Any) -> Posting:
    at = clock.now() - ago
    about = {"kind": "outside", "debit": "processor", "credit": "purchases", "currency": "USD", "reference": "x"} | more
    key = f"test:{Posting.objects.count()}"
    return Posting.objects.create(key=key, amount_minor=minor, occurred_at=at, recorded_at=at, **about)


def as_told() -> dict[tuple[str, str], int]:
    return {(each.account, each.currency): each.minor for each in balances.balances()}


def test_sums_and_later_postings_are_all_postings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(balances, "AT_ONCE", 2)
    for number in range(5):
        post(100 + number, ago=3 * HOUR, currency="EUR" if number == 3 else "USD")
    expected = {(each.account, each.currency): each.minor for each in balances.moved()}
    assert as_told() == expected
    balances.keep_sums()
    assert LedgerSum.objects.count() == 4
    assert as_told() == expected
    post(1000, credit="issuer")
    assert as_told() == {(each.account, each.currency): each.minor for each in balances.moved()}
    assert as_told()["issuer", "USD"] == -1000
    assert ledger_check.check() == []


def test_what_is_in_a_sum_is_read_no_more() -> None:
    old = post(100, ago=3 * HOUR)
    balances.keep_sums()
    post(7)
    with CaptureQueriesContext(connection) as asked:
        assert as_told()["processor", "USD"] == 107
    (of_postings,) = (each["sql"] for each in asked if "wallet_posting" in each["sql"])
    assert f"id > {old.pk}" in of_postings


def test_a_posting_that_commits_late_is_missed_by_no_sum() -> None:
    """Keys are given out before the commit, so what is young goes into no sum yet."""
    post(100, ago=2 * HOUR)
    young = post(50, ago=HOUR / 2)
    balances.keep_sums()
    assert {each.through for each in LedgerSum.objects.all()} == {young.pk - 1}
    post(9, credit="issuer")
    assert as_told()["processor", "USD"] == 159


def test_a_second_run_adds_nothing_and_a_wrong_sum_is_named() -> None:
    post(100, ago=2 * HOUR)
    post(1)
    for _ in range(2):
        balances.keep_sums()
    assert as_told()["processor", "USD"] == 101
    LedgerSum.objects.filter(account="processor").update(balance_minor=99)
    said = [problem.said for problem in ledger_check.check() if problem.about == "processor"]
    assert len(said) == 1
    assert said[0].startswith("processor: The kept sum is 99 USD, and postings up to ")
    assert said[0].endswith(" add up to 100.")
