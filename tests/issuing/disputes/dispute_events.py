"""A purchase in dispute: the issuer's events of it, and how it must end."""

import itertools
import os
import random
import secrets
from collections.abc import Callable
from typing import Any

from django.db import connection

from issuing.models import Authorization, CardTransaction, Dispute, VirtualCard
from tests.support import stripe_events
from tests.support.lengths import length
from tests.support.purchases import (
    approve_purchase,
    delete_purchases,
    deliver_events,
    run_workers,
    transaction_event,
    update_event,
)
from wallet.accounts import Account
from wallet.ledger import postings as ledger
from wallet.models import Case, FundingCharge, FundingRefund, Posting

ALL_ORDERS = bool(os.environ.get("ALL_ORDERS"))
# Of the longest life, of the six orders that follow its first two events.
MOST_ORDERS = length("MOST_ORDERS", short=2, whole=6)


SEED = int(os.environ.get("ORDERS_SEED") or secrets.randbelow(2**32))


EventBody = dict[str, Any]


OPENED, LATER = 1_790_000_100, 1_790_900_000


def dispute_event(asked: EventBody, event: str, state: str, *, at: int = OPENED, **more: Any) -> EventBody:
    """An event of Stripe about the dispute of the purchase's first capture."""
    content = {
        "id": f"idp_{asked['data']['object']['id']}",
        "object": "issuing.dispute",
        "amount": 4500,
        "currency": "usd",
        "created": OPENED,
        "status": state,
        "transaction": f"ipi_capture_1_{asked['data']['object']['id']}",
        "evidence": {"reason": "not_received"},
    }
    return stripe_events.event(f"issuing_dispute.{event}", content | more, created=at)


def balance_transactions(*amounts: int, kind: str = "issuing_dispute") -> dict[str, Any]:
    rows = [
        {"id": f"txn_{number}_{amount}", "amount": amount, "currency": "usd", "type": kind}
        for number, amount in enumerate(amounts)
    ]
    return {"balance_transactions": rows}


def dispute_totals() -> dict[str, Any]:
    """Where it all ended, in money."""
    purchase = Authorization.objects.get()
    name = purchase.reference
    paid = sum(each.obligation.payable.minor for each in FundingCharge.objects.filter(status="succeeded"))
    given = sum(each.amount_minor for each in FundingRefund.objects.filter(status="succeeded"))
    return {
        "dispute": Dispute.objects.get().status,
        "paid": paid - given,
        "clearing": ledger.balance(Account.PURCHASES, currency="USD", reference=name),
        "provisional": ledger.balance(Account.DISPUTES, currency="USD", reference=name),
        "linked": set(CardTransaction.objects.values_list("authorization", flat=True)) == {purchase.pk}
        and Dispute.objects.get().authorization == purchase,
        "open cases": list(Case.objects.filter(status="open").values_list("kind", flat=True)),
    }


def expected_totals(dispute: str, *, paid: int) -> dict[str, Any]:
    return {"dispute": dispute, "paid": paid, "clearing": 0, "provisional": 0, "linked": True, "open cases": []}


Step = Callable[[EventBody], EventBody]


CAPTURE: Step = lambda asked: transaction_event(asked, 4500)  # noqa: E731


CREATED: Step = lambda asked: dispute_event(asked, "created", "unsubmitted")  # noqa: E731


REINSTATED: Step = lambda asked: dispute_event(asked, "funds_reinstated", "submitted")  # noqa: E731


RESCINDED: Step = lambda asked: dispute_event(asked, "funds_rescinded", "submitted")  # noqa: E731


def dispute_closed(status: str) -> Step:
    return lambda asked: dispute_event(asked, "closed", status, at=LATER)


def orders_of(count: int) -> list[tuple[int, tuple[int, ...]]]:
    """How many events there are, and the two that are told first: a test for each, of all orders of the others."""
    return [(count, first) for first in itertools.permutations(range(count), 2)]


def rest_of(count: int, first: tuple[int, ...]) -> list[tuple[int, ...]]:
    """All orders of the others, or of the longest life a part at each run of the suite (ALL_ORDERS=1 takes all)."""
    rest = [first + rest for rest in itertools.permutations(set(range(count)) - set(first))]
    return rest if ALL_ORDERS else random.Random(f"{SEED}{first}").sample(rest, min(len(rest), MOST_ORDERS))


def delete_all() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        Dispute.objects.all().delete()
        Posting.objects.all().delete()
        cursor.execute("SET session_replication_role = DEFAULT")
    delete_purchases()


def settled_purchase(card: VirtualCard) -> EventBody:
    asked = approve_purchase(card)
    run_workers()
    deliver_events(transaction_event(asked, 4500), update_event(asked, "closed"))
    run_workers()
    return asked
