"""Refunds that name no purchase, at Marqeta, and the purchases that they may belong to."""

from decimal import Decimal
from typing import Any

from issuing.clearing import manual_matching
from issuing.models import Authorization, CardTransaction, VirtualCard
from tests.issuing.clearing.postings import refund
from tests.support import marqeta_events
from tests.support.purchases import run_workers
from wallet.models import Case

EventBody = dict[str, Any]


WHY = "The cardholder has the receipt"


def captured_purchase(
    card: VirtualCard, amount: str = "45.00", *, hour: int = 9, merchant: str = ""
) -> tuple[EventBody, EventBody]:
    """A question that is approved, and its capture, told but not reported."""
    asked = marqeta_events.gateway_request(card=card.issuer_card_id, amount=Decimal(amount))
    if merchant:
        asked["card_acceptor"]["name"] = merchant
    marqeta_events.ask(asked)
    run_workers()
    return asked, marqeta_events.later(asked, "authorization.clearing", user_transaction_time=at_hour(hour))


def refund_row(asked: EventBody, amount: str, *, hour: int = 12) -> EventBody:
    return refund(asked, amount=Decimal(amount)) | {"user_transaction_time": at_hour(hour)}


def at_hour(hour: int) -> str:
    return f"2026-05-04T{hour:02}:00:00Z"


def purchase_of(row: EventBody) -> int | None:
    return CardTransaction.objects.get(issuer_transaction_id=row["token"]).authorization_id


def known_as(asked: EventBody) -> int:
    return Authorization.objects.get(issuer_authorization_id=asked["token"]).pk


def cases(status: str = "open") -> list[str]:
    return list(Case.objects.filter(kind="refund_unlinked", status=status).values_list("summary", flat=True))


def stored_transaction(row: EventBody) -> CardTransaction:
    return CardTransaction.objects.get(issuer_transaction_id=row["token"])


def link_by_hand(doubtful: list[EventBody], number: int = 1, reason: str = WHY) -> None:
    purchase = Authorization.objects.get(pk=known_as(doubtful[number]))
    manual_matching.link_by_hand(
        refund=stored_transaction(doubtful[2]), purchase=purchase, reason=reason, actor="user:1"
    )
