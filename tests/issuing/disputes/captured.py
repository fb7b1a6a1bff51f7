"""A purchase of which its merchant has taken the money, here and at an issuer that a sandbox serves."""

import datetime as dt
import secrets
from typing import Any

from issuing.disputes import requests
from issuing.models import Authorization, CardTransaction, DisputeRequest, VirtualCard
from onecard.kit import clock
from onecard.kit.money import Money
from tests.issuing.issuers.worlds import World, new_key, order_for
from tests.sandbox.running import RunningSandbox
from tests.support.factories import VirtualCardFactory

WORDS = "The parcel never arrived, and the shop does not answer."


def captured_purchase(
    card: VirtualCard | None = None,
    *,
    capture_id: str = "",
    minor: int = 4500,
    at: dt.datetime | None = None,
    provider: str = "stripe",
) -> CardTransaction:
    """A purchase with its capture, as the issuer's events leave them."""
    card, now = card or VirtualCardFactory(issuer_provider=provider), clock.now()
    name = secrets.token_hex(6)
    purchase = Authorization.objects.create(
        provider=card.issuer_provider,
        issuer_authorization_id=f"iauth_{name}",
        card=card,
        status="settled",
        approved_minor=minor,
        currency="USD",
        merchant_name="Bistro",
        created_at=now,
        updated_at=now,
    )
    return capture_of(purchase, capture_id=capture_id or f"ipi_{name}", minor=minor, at=at)


def capture_of(
    purchase: Authorization, *, capture_id: str, minor: int, at: dt.datetime | None = None, **more: Any
) -> CardTransaction:
    """One more movement of a purchase: a capture, unless `more` says otherwise."""
    values = {"transaction_type": "settlement", "processing_status": "settled", "source": "webhook"} | more
    return CardTransaction.objects.create(
        provider=purchase.provider,
        issuer_transaction_id=capture_id,
        card=purchase.card,
        authorization=purchase,
        amount_minor=minor,
        currency="USD",
        merchant_name="Bistro",
        occurred_at=at or clock.now(),
        recorded_at=clock.now(),
        **values,
    )


def at_issuer(world: World, *, minor: int = 4500) -> CardTransaction:
    """The same with a capture that the issuer's sandbox knows."""
    made = world.issuer.create_card(order_for(world.issuer), key=new_key())
    world.post(made.issuer_card_id, minor)
    card = VirtualCardFactory(issuer_provider=world.issuer.provider, issuer_card_id=made.issuer_card_id)
    return captured_purchase(card, capture_id=_last_capture(world), minor=minor)


def asked(capture: CardTransaction, *, reason: str = "not_received", minor: int | None = None) -> DisputeRequest:
    """The cardholder's request to dispute a capture."""
    purchase = capture.authorization
    assert purchase is not None
    assert purchase.card is not None
    return requests.open_request(
        holder=purchase.card.cardholder,
        purchase=purchase,
        reason=reason,
        text=WORDS,
        amount=None if minor is None else Money(minor, "USD"),
    )


def accepted(capture: CardTransaction) -> DisputeRequest:
    """The same, and staff have said yes."""
    request = asked(capture)
    return requests.accept(request=request, amount=request.money, reason=request.reason, actor="user:1")


def disputes_at(sandbox: RunningSandbox, provider: str) -> list[dict[str, Any]]:
    """Every dispute that the issuer has."""
    things = (
        sandbox.state.objects["issuing.dispute"] if provider == "stripe" else sandbox.marqeta.state.things["chargeback"]
    )
    return list(things.values())


def _last_capture(world: World) -> str:
    if world.issuer.provider == "mock":
        return f"mock_{new_key()}"
    assert world.sandbox is not None
    if world.issuer.provider == "stripe":
        return list(world.sandbox.state.objects["issuing.transaction"])[-1]
    moved = world.sandbox.marqeta.state.transactions
    return [token for token, each in moved.items() if each["type"] == "authorization.clearing"][-1]
