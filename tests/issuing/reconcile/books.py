"""Comparisons of our own books, and the rows that they compare."""

import datetime as dt
from typing import Any

from django.db import connection

from issuing.issuers.base import IssuerTransaction
from issuing.models import Authorization
from issuing.reconcile.comparisons import of_books
from issuing.reconcile.run import Finding, Report, reconcile
from issuing.reconcile.window import window
from onecard.kit import clock
from onecard.kit.transactions import transaction
from tests.support.factories import VirtualCardFactory
from tests.support.sandboxes import intended_charge
from wallet.charges import outcomes
from wallet.models import FundingCharge, FundingRefund
from wallet.processors.base import Outcome, RefundOutcome
from wallet.refunds import records as refunds

AN_HOUR = dt.timedelta(hours=1)


def books(**more: Any) -> tuple[Report, list[tuple[str, str]]]:
    found: list[Finding] = []
    report = reconcile(of_books(), more.pop("span", None) or window(), on_finding=found.append, **more)
    return report, [(each.comparison.label, str(each.difference.kind)) for each in found]


def paid_charge() -> FundingCharge:
    """A charge that succeeded, with its posting; it belongs to no purchase."""
    charge = intended_charge()
    FundingCharge.objects.filter(pk=charge.pk).update(status="sending")
    assert outcomes.record(charge_id=charge.pk, outcome=Outcome("succeeded", f"pi_{charge.pk}"), actor="system:test")
    return FundingCharge.objects.get(pk=charge.pk)


def given_back(charge: FundingCharge, amount_minor: int = 500) -> FundingRefund:
    with transaction():
        refund = refunds.begin(
            obligation=charge.obligation, amount_minor=amount_minor, reason="Test", actor="system:test"
        )
    FundingRefund.objects.filter(pk=refund.pk).update(status="sending")
    assert refunds.record(refund_id=refund.pk, outcome=RefundOutcome("succeeded", "re_1"), actor="system:test")
    return refund


def purchase(status: str = "settled", approved_minor: int = 4500) -> Authorization:
    card, now = VirtualCardFactory(), clock.now()
    return Authorization.objects.create(
        provider="stripe",
        issuer_authorization_id=f"iauth_{card.pk}",
        card=card,
        status=status,
        approved_minor=approved_minor,
        currency="USD",
        created_at=now,
        updated_at=now,
    )


def movement(name: str = "ipi_1", *, card: str = "", authorization: str = "", minor: int = 4500) -> IssuerTransaction:
    return IssuerTransaction(name, card, authorization, "capture", minor, "USD", "Bistro", "5812", clock.now())


def forget_posting(key: str) -> None:
    """Behind the back of the triggers that keep postings."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE wallet_posting DISABLE TRIGGER wallet_posting_stays")
        cursor.execute("DELETE FROM wallet_posting WHERE key = %s", [key])
        cursor.execute("ALTER TABLE wallet_posting ENABLE TRIGGER wallet_posting_stays")
