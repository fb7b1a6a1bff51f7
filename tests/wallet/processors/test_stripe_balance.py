"""The processor's list of what moved our balance, over real HTTP: in our words to the end, or an error."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from onecard.kit import clock
from tests.sandbox.running import RunningSandbox
from tests.sandbox.stripe import shapes_funding
from tests.support.sandboxes import CITI, CUSTOMER, processor_sandbox
from wallet.processors.stripe import balance as stripe_balance
from wallet.processors.stripe.balance import SENSELESS, BalancePage, Kind, StripeBalance, UnreadableMovement, read_page
from wallet.processors.stripe.client import stripe_client
from wallet.processors.stripe.lists import PAGE, ListUnavailableError

DAY = dt.timedelta(days=1)


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningSandbox]:
    monkeypatch.setattr(stripe_balance, "PAGE", 2)
    monkeypatch.setattr(stripe_balance, "PACKAGE_RETRIES", {"max_network_retries": 0})
    with processor_sandbox(settlement_currency="usd") as running:
        yield running


def pay(amount: int, currency: str = "usd", **more: Any) -> str:
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


def page(cursor: str = "") -> BalancePage:
    now = clock.now()
    return StripeBalance().list_movements(since=now - DAY, until=now + DAY, cursor=cursor)


def enter(sandbox: RunningSandbox, **words: Any) -> dict[str, Any]:
    usual: dict[str, Any] = {"amount": -900, "currency": "usd", "kind": "payout", "category": "payout"}
    return sandbox.state.add(shapes_funding.balance_transaction(**{**usual, **words}))


def newest(sandbox: RunningSandbox) -> dict[str, Any]:
    return list(sandbox.state.objects["balance_transaction"].values())[-1]


def test_a_charge_says_what_came_in_the_fee_and_whose_it_is(sandbox: RunningSandbox) -> None:
    intent = pay(1000, "eur", metadata={"funding_charge": "ours"})

    (row,) = page().rows

    assert (row.kind, row.word, row.amount_minor, row.currency, row.fee_minor) == ("charge", "charge", 1080, "USD", 61)
    assert (row.source_minor, row.source_currency, row.exchange_rate) == (1000, "EUR", Decimal("1.08"))
    assert (row.processor_charge_id, row.charge_public_id, row.is_exchanged) == (intent, "ours", True)
    assert abs(row.created_at - clock.now()) < dt.timedelta(minutes=1)


def test_a_refund_is_of_its_charge(sandbox: RunningSandbox) -> None:
    intent = pay(1000)
    stripe_client().v1.refunds.create({"payment_intent": intent, "amount": 300})

    row = page().rows[0]

    assert (row.kind, row.amount_minor, row.fee_minor, row.is_exchanged) == (Kind.REFUND, -300, 0, False)
    assert (row.processor_charge_id, row.source_minor, row.source_currency) == (intent, 300, "USD")


@pytest.mark.parametrize("taken", [2500, 1500, 500])
def test_a_part_that_was_captured_is_the_whole_and_what_was_let_go(sandbox: RunningSandbox, taken: int) -> None:
    intent = pay(3000, "eur", capture_method="manual")
    stripe_client().v1.payment_intents.capture(intent, {"amount_to_capture": taken})

    let_go, whole = page().rows

    assert (whole.source_minor, let_go.source_minor) == (3000, 3000 - taken)
    assert (let_go.kind, let_go.amount_minor < 0, let_go.processor_charge_id) == (Kind.REFUND, True, intent)


def test_a_rate_in_other_units_than_ours_does_not_lose_a_charge(sandbox: RunningSandbox) -> None:
    pay(1000, "jpy")
    newest(sandbox)["exchange_rate"] = Decimal("67")

    (row,) = page().rows

    assert (row.source_minor, row.source_currency, row.amount_minor) == (1000, "JPY", 670)


@pytest.mark.parametrize(
    ("words", "kind", "fee_minor"),
    [
        ({"fee": 25}, Kind.PAYOUT, 25),
        ({"kind": "stripe_fee", "category": "fee", "fee": 0}, Kind.FEE, 900),
        ({"kind": "tax_fee", "category": "tax"}, Kind.FEE, 900),
        ({"kind": "stripe_fx_fee", "category": "fee", "amount": 40}, Kind.FEE, -40),
        ({"kind": "adjustment", "category": "dispute", "fee": 1500}, Kind.DISPUTE, 1500),
        ({"kind": "issuing_transaction", "category": "issuing_transaction", "fee": 7}, Kind.ISSUING, 7),
        ({"kind": "adjustment", "category": "other_adjustment"}, Kind.OTHER, 0),
    ],
)
def test_rows_that_are_no_charges_have_their_own_kinds(
    sandbox: RunningSandbox, words: dict[str, Any], kind: Kind, fee_minor: int
) -> None:
    stored = enter(sandbox, **words)

    (row,) = page().rows

    assert (row.id, row.kind, row.fee_minor, row.source_currency) == (stored["id"], kind, fee_minor, "")
    assert row.word == stored["type"]


def test_pages_are_asked_for_to_the_end(sandbox: RunningSandbox) -> None:
    made = [enter(sandbox)["id"] for _ in range(3)]

    first = page()
    last = page(first.cursor)

    assert [row.id for row in (*first.rows, *last.rows)] == made[::-1]
    assert (first.cursor, last.cursor) == (made[1], "")
    assert PAGE <= 100, "Stripe's most"


def test_a_charge_without_a_source_belongs_to_nobody_unless_exchanged(sandbox: RunningSandbox) -> None:
    pay(1000)
    newest(sandbox)["source"] = "ch_unknown"
    (row,) = page().rows
    assert (row.processor_charge_id, row.source_minor, row.fee_minor) == ("", 0, 59)

    newest(sandbox)["exchange_rate"] = Decimal("1.08")
    (unreadable,) = page().unreadable
    assert unreadable.why == "A movement in another currency does not say of what."


SENSE: dict[str, Any] = {
    "amount": 1000, "balance_type": "payments", "created": 1_790_000_000, "currency": "usd", "exchange_rate": None,
    "fee": 59, "id": "txn_1", "reporting_category": "charge", "source": None, "type": "charge",
}  # fmt: skip
UNKNOWN = UnreadableMovement("txn_2", "")


@pytest.mark.parametrize(
    ("changes", "unreadable"),
    [
        ({"currency": "zzz"}, replace(UNKNOWN, why="'ZZZ' is not an ISO 4217 currency code")),
        ({"currency": None}, replace(UNKNOWN, why="'' is not an ISO 4217 currency code")),
        ({"fee": None}, replace(UNKNOWN, amount_minor=1000, currency="USD")),
        ({"amount": "much"}, replace(UNKNOWN, currency="USD")),
        ({"amount": -900, "fee": []}, replace(UNKNOWN, amount_minor=900, currency="USD")),
        ({"created": 10**17}, replace(UNKNOWN, amount_minor=1000, currency="USD")),
        ({"exchange_rate": "one to one"}, replace(UNKNOWN, amount_minor=1000, currency="USD")),
    ],
)
def test_a_row_that_makes_no_sense_is_named_and_the_others_are_read(
    changes: dict[str, Any], unreadable: UnreadableMovement
) -> None:
    other = {**SENSE, "id": "txn_2", **changes}

    found = read_page({"data": [SENSE, other], "has_more": True})

    assert [row.id for row in found.rows] == ["txn_1"]
    (told,) = found.unreadable
    assert (told.id, told.amount_minor, told.currency) == (unreadable.id, unreadable.amount_minor, unreadable.currency)
    assert told.why == unreadable.why or (told.why and not unreadable.why), "it says why"
    assert found.cursor == "txn_2"


def test_an_unreadable_row_names_its_missing_field() -> None:
    row = {name: value for name, value in SENSE.items() if name != "fee"}

    assert read_page({"data": [row], "has_more": False}).unreadable[0].why == "It has no 'fee'."


@pytest.mark.parametrize("row", [{**SENSE, "id": None}, {**SENSE, "id": " "}, None, "txn_3", 7, []])
def test_a_row_without_an_id_gets_a_stable_name_and_the_list_goes_on(row: Any) -> None:
    first, again = (read_page({"data": [SENSE, row], "has_more": True}) for _ in range(2))

    assert first == again
    assert first.unreadable[0].id.startswith("without-id-")
    assert first.cursor == "txn_1", "it is on the next page again"


@pytest.mark.parametrize(
    "listed", [{}, {"data": "rows", "has_more": False}, {"data": [SENSE]}, {"data": [None], "has_more": True}]
)
def test_an_answer_that_is_no_list_is_an_error(listed: dict[str, Any]) -> None:
    with pytest.raises(SENSELESS):
        read_page(listed)


@pytest.mark.parametrize("category", ["something_new", "", None, []])
def test_a_category_that_is_new_to_us_is_nothing_that_we_book(sandbox: RunningSandbox, category: Any) -> None:
    pay(1000)
    newest(sandbox)["reporting_category"] = category

    (row,) = page().rows

    assert (row.kind, row.is_exchanged) == (Kind.OTHER, False)


@pytest.mark.parametrize("fault", ["error_500", "rate_limit", "malformed_json", "html_error", "drop_answer"])
def test_a_list_that_fails_on_a_later_page_is_an_error(sandbox: RunningSandbox, fault: str) -> None:
    for _ in range(3):
        enter(sandbox)
    first = page()
    sandbox.order(method="GET", path="/v1/balance_transactions", do=fault)

    with pytest.raises(ListUnavailableError):
        page(first.cursor)
