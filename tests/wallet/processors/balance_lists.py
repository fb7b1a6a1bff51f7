"""A processor whose balance moves, over real HTTP, and what the books say of it."""

import datetime as dt
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from onecard.kit import clock
from tests.sandbox.running import RunningSandbox
from tests.sandbox.stripe import shapes_funding
from tests.support.sandboxes import intended_charge, processor_sandbox
from tests.wallet.charges.cascades import PAYMENT_METHODS
from wallet.accounts import Account
from wallet.charges import charge as charges
from wallet.fees import book as fees
from wallet.ledger import balances
from wallet.models import FundingCharge, FundingRefund, Posting
from wallet.processors.stripe import balance as stripe_balance
from wallet.processors.stripe.client import stripe_client
from wallet.refunds import records as refunds
from wallet.refunds import send as refund_sending

HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)
LIST = "/v1/balance_transactions"


@pytest.fixture(scope="module")
def served() -> Iterator[RunningSandbox]:
    with processor_sandbox() as running:
        yield running


@pytest.fixture
def sandbox(served: RunningSandbox, monkeypatch: pytest.MonkeyPatch) -> RunningSandbox:
    monkeypatch.setattr(stripe_balance, "PAGE", 2)
    monkeypatch.setattr(stripe_balance, "PACKAGE_RETRIES", {"max_network_retries": 0})
    served.reset()
    return served


@pytest.fixture
def in_dollars() -> Iterator[RunningSandbox]:
    """The processor's account settles in US dollars, whatever is charged."""
    with processor_sandbox(settlement_currency="usd") as running:
        yield running


def paid(amount_minor: int = 4500, currency: str = "USD") -> FundingCharge:
    method_id = PAYMENT_METHODS[FundingCharge.objects.count()]
    charge = intended_charge(amount_minor=amount_minor, currency=currency, method_id=method_id)
    assert charges.charge(charge_id=charge.pk) == "succeeded"
    charge.refresh_from_db()
    return charge


def give_back(charge: FundingCharge, amount_minor: int) -> FundingRefund:
    with transaction.atomic():
        refund = refunds.begin(
            obligation=charge.obligation, amount_minor=amount_minor, reason="Captured for less.", actor="user:1"
        )
    assert refund_sending.refund(refund_id=refund.pk) == "succeeded"
    refund.refresh_from_db()
    return refund


def book(**more: Any) -> fees.Tally:
    """What happens now is in the middle of an hour."""
    now = clock.now()
    return fees.book(**{"since": now - 1.5 * HOUR, "until": now + 0.5 * HOUR, **more})


def entered(sandbox: RunningSandbox, **words: Any) -> dict[str, Any]:
    """A movement that no call of ours has made."""
    usual: dict[str, Any] = {"amount": -2500, "currency": "usd", "kind": "payout", "category": "payout"}
    return sandbox.state.add(shapes_funding.balance_transaction(**{**usual, **words}))


def age(sandbox: RunningSandbox, by: dt.timedelta) -> None:
    for row in sandbox.state.objects["balance_transaction"].values():
        row["created"] -= int(by.total_seconds())


def at_processor() -> dict[str, int]:
    """What the processor holds, by its own list."""
    held: dict[str, int] = {}
    for row in stripe_client().v1.balance_transactions.list({"limit": 100}).auto_paging_iter():
        held[row.currency.upper()] = held.get(row.currency.upper(), 0) + row.net
    return held


def in_books(account: str = Account.PROCESSOR) -> dict[str, int]:
    return {each.currency: each.minor for each in balances.balances() if each.account == account and each.minor}


def booked() -> list[tuple[str, int, str, str]]:
    """Without what charges and refunds have posted themselves: key's kind, amount, currency, reference."""
    rows = Posting.objects.filter(kind__in=("fee", "payout_exchange")).order_by("pk")
    return [
        (f"{each.key.split(':')[0]}{each.key[-4:] if each.key.endswith(':out') else ''}", each.amount_minor,
         each.currency, each.reference)
        for each in rows
    ]  # fmt: skip


def printed(*arguments: str) -> tuple[int, str]:
    out = StringIO()
    try:
        call_command("book_fees", *arguments, stdout=out)
    except CommandError as error:
        return error.returncode, f"{out.getvalue()}{error}"
    return 0, out.getvalue()
