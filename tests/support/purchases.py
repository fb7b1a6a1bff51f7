"""A purchase at Stripe from its request to its end: its events, the workers, and what the books say of it."""

import datetime as dt
from typing import Any

from issuing.authorizations import close_out
from issuing.handlers import dispatch
from issuing.models import Authorization, CardTransaction, Hold, IssuerEvent, SpendWindow, VirtualCard
from onecard.kit import clock
from tests.support import stripe_events
from tests.support.processors import Obliging
from wallet.accounts import Account
from wallet.charges import charge as charges
from wallet.charges import outcomes
from wallet.ledger import postings as ledger
from wallet.models import Case, FundingCharge, FundingRefund
from wallet.processors.base import Outcome
from wallet.refunds import send as refund_sending

MUCH_LATER = dt.timedelta(days=2)


def approve_purchase(card: VirtualCard, amount: int = 4500) -> dict[str, Any]:
    asked = stripe_events.authorization_request(card=card.issuer_card_id, amount=amount)
    assert stripe_events.post(asked).json()["approved"] is True
    return asked


def deliver_events(*events: dict[str, Any]) -> None:
    for event in events:
        assert stripe_events.post(event).status_code == 200
        stored = IssuerEvent.objects.get(event_id=event["id"])
        assert dispatch.handle(event_pk=stored.pk) in ("handled", "kept")


def transaction_event(asked: dict[str, Any], amount: int, *, kind: str = "capture", number: int = 1) -> dict[str, Any]:
    content = {
        "id": f"ipi_{kind}_{number}_{asked['data']['object']['id']}",
        "type": kind,
        "amount": -amount if kind == "capture" else amount,
        "currency": "usd",
        "card": asked["data"]["object"]["card"]["id"],
        "authorization": asked["data"]["object"]["id"],
        "created": 1_790_000_000 + number,
        "merchant_data": {"category_code": "5812", "name": "Starbucks Coffee"},
    }
    return stripe_events.event("issuing_transaction.created", content)


def update_event(asked: dict[str, Any], status: str, **more: Any) -> dict[str, Any]:
    return stripe_events.authorization_update(asked, kind="updated", status=status, **more)


def run_workers() -> None:
    """Time passes: closed purchases are settled, and the processor takes every charge and refund."""
    close_out.sweep(now=clock.now() + MUCH_LATER)
    for charge in FundingCharge.objects.filter(status__in=("intended", "held")):
        charges.charge(charge_id=charge.pk, processor=Obliging())
    for refund in FundingRefund.objects.filter(status="intended").exclude(charge=None):
        refund_sending.refund(refund_id=refund.pk, processor=Obliging())


def purchase_totals() -> dict[str, Any]:
    """How it ended: the purchase, the limits, what the cardholder paid, and what is left in clearing."""
    purchase = Authorization.objects.get()
    name = purchase.reference
    charged = sum(each.obligation.payable.minor for each in FundingCharge.objects.filter(status="succeeded"))
    given = sum(each.amount_minor for each in FundingRefund.objects.filter(status="succeeded"))
    return {
        "status": purchase.status,
        "paid": charged - given,
        "spent": set(SpendWindow.objects.values_list("spent_minor", flat=True)),
        "clearing": ledger.balance(Account.PURCHASES, currency="USD", reference=name),
        "open cases": Case.objects.filter(status="open").count(),
        "held": FundingCharge.objects.filter(status__in=("held", "capturing")).count(),
    }


def expected_totals(paid: int, spent: int, status: str = "settled") -> dict[str, Any]:
    return {"status": status, "paid": paid, "spent": {spent}, "clearing": 0, "open cases": 0, "held": 0}


def delete_purchases() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        for model in (Case, FundingRefund, FundingCharge, Hold, CardTransaction):
            model.objects.all().delete()
        for table in ("issuing_decision", "issuing_authorization", "wallet_fundingobligation", "issuing_spendwindow"):
            cursor.execute(f"DELETE FROM {table}")
        cursor.execute("SET session_replication_role = DEFAULT")


def pay_charges() -> None:
    for charge in FundingCharge.objects.filter(status="intended"):
        FundingCharge.objects.filter(pk=charge.pk).update(status="sending")
        outcomes.record(charge_id=charge.pk, outcome=Outcome("succeeded", f"pi_{charge.pk}"), actor="processor:stripe")


def amount_update_event(asked: dict[str, Any], amount: int, *, rounds: int = 1) -> dict[str, Any]:
    history = [{"approved": True, "reason": "webhook_approved", "amount": 4500}] * rounds
    return update_event(asked, "pending", amount=amount, request_history=history)
