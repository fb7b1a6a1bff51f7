"""Top-ups and payouts over real HTTP: followed to their end, posted once, whatever comes first, twice or at once."""

import datetime as dt
from typing import Any

import pytest

from onecard.kit import clock
from onecard.kit.money import Money
from onecard.outbox.models import Message
from tests.sandbox.running import RunningSandbox
from tests.support.threads import at_once
from tests.wallet.own_money.bank import follow, pay_out, played, posted, stand, state_of, top_up
from tests.wallet.processors.balance_lists import book, in_dollars, paid, sandbox, served
from wallet.ledger import check as ledger_check
from wallet.models import Case, OwnTransfer, Posting
from wallet.own_money import booking, reading, records
from wallet.processors.stripe import own_transfers
from wallet.processors.stripe.client import stripe_client
from wallet.processors.stripe.lists import ListUnavailableError
from wallet.processors.stripe.own_transfers import FoundTransfer, read_transfer

__all__ = ["in_dollars", "sandbox", "served"]
pytestmark = pytest.mark.django_db(transaction=True)


def test_a_top_up_is_posted_once_it_has_arrived(sandbox: RunningSandbox) -> None:
    name = top_up()
    follow()
    assert (state_of(name), stand()) == (("pending", True), {})

    played(f"topups/{name}/succeed")
    follow()

    assert (state_of(name), stand()) == (("arrived", True), {"issuer": 70_000, "bank": -70_000})
    assert ledger_check.check() == []


def test_a_top_up_of_the_processors_balance_raises_that(sandbox: RunningSandbox) -> None:
    name = top_up(destination_balance="payments")
    played(f"topups/{name}/succeed")
    follow()

    assert stand() == {"processor": 70_000, "bank": -70_000}


@pytest.mark.parametrize("is_seen_between", [True, False])
def test_a_top_up_that_is_taken_back_leaves_nothing_but_a_case(sandbox: RunningSandbox, is_seen_between: bool) -> None:
    name = top_up()
    played(f"topups/{name}/succeed")
    if is_seen_between:
        follow()
    played(f"topups/{name}/reverse")
    follow()

    assert (state_of(name), stand()) == (("reversed", True), {})
    case = Case.objects.get(kind="transfer_failed")
    assert (case.money, case.reference) == (Money(70_000, "USD"), f"own_transfer:{name}")


def test_a_top_up_that_fails_moves_nothing_and_says_why(sandbox: RunningSandbox) -> None:
    name = top_up()
    follow()
    played(f"topups/{name}/fail")
    follow()

    assert (state_of(name), Posting.objects.count()) == (("failed", True), 0)
    said = Case.objects.get(kind="transfer_failed").summary
    assert said == f"Top-up from our bank {name} failed: Your bank account has too little money."


def test_a_payout_is_on_the_way_until_the_bank_has_it(sandbox: RunningSandbox) -> None:
    paid(4500)
    book()
    name = pay_out(sandbox)
    follow()
    assert (state_of(name), stand()) == (("pending", True), {"processor": 3339, "in_transit": 1000})
    played(f"payouts/{name}/send")
    follow()
    assert (state_of(name), stand()) == (("in_transit", True), {"processor": 3339, "in_transit": 1000})

    played(f"payouts/{name}/pay")
    follow()
    follow()

    assert (state_of(name), stand()) == (("arrived", True), {"processor": 3339, "bank": 1000})
    assert posted(name) == [("payout", 1000), ("payout_arrived", 1000)]
    assert ledger_check.check() == []


@pytest.mark.parametrize("seemed_paid", [True, False])
def test_a_payout_that_fails_is_back_at_the_processor(sandbox: RunningSandbox, seemed_paid: bool) -> None:
    paid(4500)
    book()
    name = pay_out(sandbox)
    if seemed_paid:
        played(f"payouts/{name}/pay")
    follow()
    played(f"payouts/{name}/fail")
    follow()

    assert (state_of(name), stand()) == (("failed", True), {"processor": 4339})
    assert len(posted(name)) == (4 if seemed_paid else 2)
    assert Case.objects.get(kind="transfer_failed").money == Money(1000, "USD")


def test_a_payout_that_is_called_back_needs_nobody(sandbox: RunningSandbox) -> None:
    paid(4500)
    book()
    name = pay_out(sandbox)
    follow()
    stripe_client().v1.payouts.cancel(name)
    follow()

    assert (state_of(name), stand(), Case.objects.count()) == (("canceled", True), {"processor": 4339}, 0)


def test_the_list_alone_posts_the_same_as_events_do(sandbox: RunningSandbox) -> None:
    name = top_up()
    played(f"topups/{name}/succeed")

    book()
    assert stand() == {"issuer": 70_000, "bank": -70_000}
    follow()
    assert (state_of(name), posted(name)) == (("arrived", True), [("issuer_funded", 70_000)])


def test_a_transfer_between_balances_passes_the_bank_by(sandbox: RunningSandbox) -> None:
    paid(4500)
    pay_out(sandbox, 1)
    moved: Any = {"amount": 2000, "currency": "usd"}
    moved |= {"source_balance": {"type": "payments"}, "destination_balance": {"type": "issuing"}}
    stripe_client().raw_request("post", "/v1/balance_transfers", **moved)
    book(since=clock.now() - dt.timedelta(days=4))

    assert stand() == {"processor": 2338, "issuer": 2000, "in_transit": 1}


def test_followed_at_once_it_is_posted_once(sandbox: RunningSandbox) -> None:
    paid(4500)
    book()
    name, other = pay_out(sandbox), top_up()
    played(f"payouts/{name}/pay")
    played(f"topups/{other}/succeed")
    reading.read()

    at_once([booking.sweep, booking.sweep, book, booking.sweep, reading.read, book])
    booking.sweep()

    assert stand() == {"processor": 3339, "issuer": 70_000, "bank": 1000 - 70_000}
    assert [kind for kind, _ in posted(name)] == ["payout", "payout_arrived"]


def test_old_news_moves_nothing_back(sandbox: RunningSandbox) -> None:
    name = top_up()
    played(f"topups/{name}/succeed")
    follow()
    messages = Message.objects.count()

    assert [records.record(found(name, each)) for each in ("pending", "succeeded", "canceled")] == [False] * 3

    assert (state_of(name), Message.objects.count()) == (("arrived", True), messages)


def test_a_movement_that_is_listed_late_is_booked_by_the_next_look(sandbox: RunningSandbox) -> None:
    name = top_up()
    played(f"topups/{name}/succeed")
    shelf = sandbox.state.objects["balance_transaction"]
    hidden = dict(shelf)
    sandbox.state.objects.pop("balance_transaction")
    follow()
    assert (state_of(name), stand()) == (("arrived", False), {})

    for key, row in hidden.items():
        sandbox.state.objects["balance_transaction"][key] = row
    booking.sweep()

    assert (state_of(name), stand()) == (("arrived", True), {"issuer": 70_000, "bank": -70_000})


def test_a_list_that_breaks_off_loses_nothing(sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_transfers, "PAGE", 1)
    monkeypatch.setattr(own_transfers, "PACKAGE_RETRIES", {"max_network_retries": 0})
    names = [top_up(100), top_up(200), top_up(300)]
    sandbox.order(method="GET", path="/v1/topups", do="error_500")

    with pytest.raises(ListUnavailableError):
        reading.read()
    assert reading.read() == 3
    assert reading.read() == 0

    assert sorted(OwnTransfer.objects.values_list("processor_transfer_id", flat=True)) == sorted(names)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("amount", -5), ("amount", 0), ("amount", "70000"), ("amount", True), ("status", "lost"), ("currency", "zz"),
        ("object", "transfer"),
    ],
)  # fmt: skip
def test_a_row_that_makes_no_sense_hides_no_other(sandbox: RunningSandbox, name: str, value: Any) -> None:
    odd, good = top_up(100), top_up(200)
    sandbox.state.objects["topup"][odd][name] = value

    assert reading.read() == 1
    assert OwnTransfer.objects.get().processor_transfer_id == good


def test_the_oldest_that_is_still_under_way_is_read_again(sandbox: RunningSandbox) -> None:
    assert clock.now() - reading.read_since() - reading.OVERLAP < dt.timedelta(minutes=1)
    top_up()
    follow()
    long_ago = clock.now() - dt.timedelta(days=40)
    OwnTransfer.objects.update(created_at=long_ago)

    assert reading.read_since() == long_ago - reading.OVERLAP


def found(name: str, status: str) -> FoundTransfer:
    content = stripe_client().v1.topups.retrieve(name).to_dict()
    return read_transfer({**content, "status": status})
