"""A month of the whole product's money: our accounts equal what the issuer and the processor say that we have."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from issuing.issuers.balances import BalanceThere, HoldPage
from issuing.issuers.registry import issuer_for
from issuing.models import Authorization
from issuing.reconcile import accounts, stated
from issuing.reconcile.stated import BalanceMovedError
from issuing.reconcile.window import window
from onecard.kit import clock
from tests.issuing.reconcile.conftest import Result
from tests.journeys.two_issuers import Side, settle
from tests.sandbox.running import RunningSandbox
from tests.support.threads import at_once
from tests.wallet.own_money.bank import follow, played, top_up
from tests.wallet.processors.balance_lists import in_books
from wallet.accounts import Account
from wallet.fees import book as fees
from wallet.ledger import check as ledger_check
from wallet.models import Case, FundingCharge, OwnTransfer, Posting
from wallet.processors.stripe import totals
from wallet.processors.stripe.client import stripe_client
from wallet.processors.stripe.lists import ListUnavailableError

pytestmark = pytest.mark.django_db(transaction=True)
Reconcile = Callable[..., Result]
DAY = dt.timedelta(days=1)


def days_pass(sandbox: RunningSandbox, days: float) -> None:
    """For the balances: what has moved so far was so long ago."""
    for row in sandbox.state.objects["balance_transaction"].values():
        row["created"] -= int(days * 86_400)


def buy(side: Side, sandbox: RunningSandbox, cents: int) -> None:
    """Approved: a slow machine may have to ask again, since a late question is declined."""
    for _ in range(8):
        side.buy(cents)
        # Nobody waits for the decision of one that was declined unread.
        settle(sandbox, ahead=dt.timedelta(hours=1))
        if Authorization.objects.latest("pk").status == "approved":
            return
    raise AssertionError("No purchase was approved.")


def charge_id() -> str:
    return str(FundingCharge.objects.filter(status="succeeded").latest("pk").processor_charge_id)


def bank_takes_back(of: str, deed: str) -> None:
    stripe_client().raw_request("post", f"/v1/test_helpers/payment_intents/{of}/dispute")
    (dispute,) = [each.id for each in stripe_client().v1.disputes.list({"payment_intent": of}).data]
    played(f"disputes/{dispute}/{deed}")


def pay_out(amount: int) -> str:
    return str(stripe_client().v1.payouts.create({"amount": amount, "currency": "usd"}).id)


def to_issuer(amount: int) -> None:
    moved: Any = {"amount": amount, "currency": "usd"}
    moved |= {"source_balance": {"type": "payments"}, "destination_balance": {"type": "issuing"}}
    stripe_client().raw_request("post", "/v1/balance_transfers", **moved)


def equal_sides() -> bool:
    """Measured beside the reconciliation, once nothing moves."""
    (there,) = issuer_for("stripe").get_balances()
    held = -sum(entry.amount_minor for hold in issuer_for("stripe").list_open_holds().holds for entry in hold.entries)
    at_issuer = {"USD": there.available_minor + held}
    return in_books(Account.ISSUER) == at_issuer and in_books() == totals.payments_balance()


def tampered(key: str, by_minor: int) -> None:
    """Behind the back of the triggers that keep postings."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE wallet_posting DISABLE TRIGGER wallet_posting_stays")
        cursor.execute("UPDATE wallet_posting SET amount_minor = amount_minor + %s WHERE key = %s", [by_minor, key])
        assert cursor.rowcount == 1
        cursor.execute("ALTER TABLE wallet_posting ENABLE TRIGGER wallet_posting_stays")


@pytest.mark.only_in_proofs
@pytest.mark.timeout(300)
def test_after_a_month_both_accounts_equal(
    both: RunningSandbox, at_stripe: Side, reconcile: Reconcile, settings: Any
) -> None:
    settings.DECISION_DEADLINE_MS = 1900
    paid = []
    for day in range(10):
        buy(at_stripe, both, 2000 + 10 * day)
        at_stripe.capture(1950 + 10 * day, final=day % 2 == 0)
        settle(both)
        paid.append(charge_id())
        days_pass(both, 3)
        if day == 2:
            at_stripe.refund(1000)
            played(f"topups/{top_up(250_000)}/succeed")
        if day == 3:
            gone, lost = pay_out(3000), pay_out(2000)
            played(f"payouts/{gone}/pay")
            played(f"payouts/{lost}/pay")
            follow()
        if day == 5:
            played(f"payouts/{lost}/fail")
            bank_takes_back(paid[1], "win")
            played(f"topups/{top_up(9_000)}/fail")
        if day == 6:
            to_issuer(1_500)
            at_stripe.dispute(1500)
            played(f"topups/{(taken := top_up(70_000))}/succeed")
            follow()
            played(f"topups/{taken}/reverse")
        if day == 7:
            at_stripe.win(1500)
            top_up(123)
        if day == 8:
            pay_out(2500)
        settle(both)
    buy(at_stripe, both, 1100)
    bank_takes_back(paid[0], "lose")
    settle(both)

    at_once([follow, lambda: fees.book(since=clock.now() - 35 * DAY, until=clock.now() + DAY), follow, follow])
    follow()

    found = reconcile()
    assert [each for each in found.lines() if each[1].startswith(("at_the", "on_the"))] == []
    assert equal_sides()
    assert in_books(Account.IN_TRANSIT) == {"USD": 2500}
    assert sorted(OwnTransfer.objects.values_list("status", "is_booked").order_by("status")) == [
        ("arrived", True), ("arrived", True), ("arrived", True), ("failed", True), ("failed", True), ("pending", True),
        ("pending", True), ("reversed", True),
    ]  # fmt: skip
    assert ledger_check.check() == []
    before = list(Posting.objects.values())
    at_once([follow, lambda: fees.book(since=clock.now() - 35 * DAY, until=clock.now() + DAY), reconcile])
    assert list(Posting.objects.values()) == before, "nothing is posted twice"


def test_a_purchase_its_charge_and_a_top_up_leave_both_equal(
    both: RunningSandbox, at_stripe: Side, reconcile: Reconcile
) -> None:
    buy(at_stripe, both, 4500)
    at_stripe.capture(4000, final=False)
    played(f"topups/{top_up(700)}/succeed")
    settle(both)
    buy(at_stripe, both, 1100)
    follow()

    found = reconcile()

    assert (found.status, found.lines()) == (0, [])
    assert equal_sides()


def test_a_tampered_amount_is_found_until_it_is_right_again(
    both: RunningSandbox, at_stripe: Side, reconcile: Reconcile
) -> None:
    played(f"topups/{top_up(700)}/succeed")
    buy(at_stripe, both, 4500)
    follow()
    assert reconcile().status == 0
    key = Posting.objects.get(amount_minor=700).key

    tampered(key, +100)
    tampered(Posting.objects.get(kind="fee").key, -1)

    assert reconcile().lines() == [
        ("amount", "at_the_processor.stripe", "left"),
        ("amount", "at_the_issuer.stripe", "left"),
    ]
    at_processor, at_issuer = Case.objects.order_by("pk")
    assert (at_processor.amount_minor, at_issuer.amount_minor) == (1, 100)
    assert at_issuer.summary == "USD: balance 1,000,008.00 USD here, balance 1,000,007.00 USD with the issuer."
    tampered(key, -100)
    reconcile()
    assert list(Case.objects.order_by("pk").values_list("status", flat=True)) == ["open", "resolved"]


def test_what_moves_while_it_is_measured_is_no_difference(
    both: RunningSandbox, at_stripe: Side, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hold begins, another ends and money is captured after the balance was read."""
    buy(at_stripe, both, 4500)
    real, did = stated.open_holds, []

    def meanwhile(issuer: Any) -> Any:
        if not did:
            did.append(at_stripe.capture(4500, final=True))
            at_stripe.buy(2000)
            played(f"topups/{top_up(300)}/succeed")
            settle(both)
            follow()
        return real(issuer)

    monkeypatch.setattr(stated, "open_holds", meanwhile)
    assert list(accounts.at_issuer(window(), "stripe", accounts.book_once(), issuer_for("stripe"))) == []
    assert did


def test_a_balance_that_never_stands_still_is_not_compared(
    both: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Restless:
        def get_balances(self) -> tuple[BalanceThere, ...]:
            played(f"topups/{top_up(1)}/succeed")
            return (BalanceThere(1, "USD"),)

        def list_open_holds(self, *, cursor: str = "") -> HoldPage:
            return HoldPage((), cursor="")

    with pytest.raises(BalanceMovedError, match="less traffic"):
        stated.by_issuer(Restless(), clock.now())


def test_a_movement_that_cannot_be_read_ends_the_comparison(both: RunningSandbox) -> None:
    name = top_up(700)
    played(f"topups/{name}/succeed")
    row = list(both.state.objects["balance_transaction"].values())[-1]
    row["currency"] = "not money"

    with pytest.raises(ListUnavailableError, match=row["id"]):
        stated.by_processor(clock.now())
