"""The processor's lists over real HTTP: page by page to the end, in our words, or an error and no conclusion."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest

from onecard.kit import clock
from tests.issuing.issuers.worlds import all_of
from tests.sandbox.running import RunningSandbox
from tests.support.sandboxes import CITI, CUSTOMER, processor_sandbox
from wallet.processors.stripe import lists as stripe_lists
from wallet.processors.stripe.client import stripe_client
from wallet.processors.stripe.lists import ListedMoney, ListUnavailableError, StripeLists

DAY = dt.timedelta(days=1)


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningSandbox]:
    monkeypatch.setattr(stripe_lists, "PAGE", 2)
    monkeypatch.setattr(stripe_lists, "PACKAGE_RETRIES", {"max_network_retries": 0})
    with processor_sandbox() as running:
        yield running


def pay(amount: int, **more: Any) -> str:
    made = stripe_client().v1.payment_intents.create(
        {
            "amount": amount,
            "currency": "usd",
            "customer": CUSTOMER,
            "payment_method": CITI,
            "off_session": True,
            "confirm": True,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            **more,
        }
    )
    return str(made.id)


def charges(since: dt.datetime | None = None) -> tuple[list[ListedMoney[Any]], int]:
    now = clock.now()

    def ask(cursor: str) -> tuple[tuple[ListedMoney[Any], ...], str]:
        page = StripeLists().list_charges(since=since or now - DAY, until=now + DAY, cursor=cursor)
        return page.rows, page.cursor

    return all_of(ask)


def test_every_charge_comes_once_with_our_id_and_what_moved(sandbox: RunningSandbox) -> None:
    made = [pay(100 * n, metadata={"funding_charge": f"ours-{n}"}) for n in range(1, 6)]

    rows, pages = charges()

    assert [row.outcome.processor_charge_id for row in rows] == made[::-1]
    assert [row.outcome.charge_public_id for row in rows] == [f"ours-{n}" for n in range(5, 0, -1)]
    assert [row.amount_minor for row in rows] == [500, 400, 300, 200, 100]
    assert {(row.outcome.status, row.currency) for row in rows} == {("succeeded", "USD")}
    assert pages == 3
    assert abs(rows[0].created_at - clock.now()) < dt.timedelta(minutes=1)


def test_what_was_only_begun_is_left_out_and_does_not_end_the_list(sandbox: RunningSandbox) -> None:
    paid = pay(100)
    for _ in range(3):
        stripe_client().v1.payment_intents.create({"amount": 200, "currency": "usd"})

    rows, pages = charges()

    assert [row.outcome.processor_charge_id for row in rows] == [paid]
    assert pages == 2


def test_only_what_was_made_in_the_window_is_listed(sandbox: RunningSandbox) -> None:
    pay(100)

    assert charges(since=clock.now() + DAY / 2) == ([], 1)


def test_refunds_come_with_our_id(sandbox: RunningSandbox) -> None:
    paid = pay(1000)
    refund = stripe_client().v1.refunds.create(
        {"payment_intent": paid, "amount": 300, "metadata": {"funding_refund": "ours"}}
    )
    now = clock.now()

    (row,) = StripeLists().list_refunds(since=now - DAY, until=now + DAY).rows

    assert (row.outcome.processor_refund_id, row.outcome.refund_public_id) == (refund.id, "ours")
    assert (row.outcome.status, row.amount_minor, row.currency) == ("succeeded", 300, "USD")


@pytest.mark.parametrize("fault", ["error_500", "rate_limit", "malformed_json", "html_error", "drop_answer"])
def test_a_list_that_fails_on_a_later_page_is_an_error(sandbox: RunningSandbox, fault: str) -> None:
    for _ in range(3):
        pay(100)
    now = clock.now()
    first = StripeLists().list_charges(since=now - DAY, until=now + DAY)
    sandbox.order(method="GET", path="/v1/payment_intents", do=fault)

    with pytest.raises(ListUnavailableError):
        StripeLists().list_charges(since=now - DAY, until=now + DAY, cursor=first.cursor)
