"""A person with a wallet who calls the card routes, at any issuer, and a purchase at that issuer's webhook."""

import uuid
from decimal import Decimal
from typing import Any

from django.test import Client

from issuing.models import VirtualCard
from routing.models import RankingRow
from tests.support import marqeta_events, stripe_events
from tests.support.factories import CardholderFactory, FundingMethodFactory, RankingRowFactory
from wallet.models import Cardholder

CARDS = "/api/v1/cards"


def ready_person(**more: Any) -> Cardholder:
    """A verified person with a funding card that is ranked at a restaurant."""
    holder: Cardholder = CardholderFactory(**more)
    FundingMethodFactory(cardholder=holder, network="visa", is_backup=True, product=None)
    if not RankingRow.objects.exists():
        RankingRowFactory(mcc="5812", network="visa")
    return holder


def post(client: Client, path: str, key: str = "", **body: Any) -> Any:
    headers = {"Idempotency-Key": key or str(uuid.uuid4())}
    return client.post(path, body, content_type="application/json", headers=headers)


def change(client: Client, path: str, *, etag: str | None = None, **body: Any) -> Any:
    etag = client.get(path)["ETag"] if etag is None else etag
    headers = {"If-Match": etag} if etag else {}
    return client.patch(path, body, content_type="application/json", headers=headers)


def page(card: Any) -> str:
    return f"{CARDS}/{card['id'] if isinstance(card, dict) else card.public_id}"


def active_card(client: Client) -> VirtualCard:
    """A card that the person asked for and activated."""
    made = post(client, CARDS)
    assert made.status_code == 201, made.content
    activated = post(client, f"{page(made.json())}/activate")
    assert activated.json()["status"] == "active", activated.content
    return VirtualCard.objects.get(public_id=made.json()["id"])


def is_approved(card: VirtualCard, amount: int = 4500) -> bool:
    """Whether a purchase on a card, asked at its issuer's webhook, is approved."""
    if card.issuer_provider == "marqeta":
        asked = marqeta_events.gateway_request(card=card.issuer_card_id, amount=Decimal(amount) / 100)
        return bool(marqeta_events.ask(asked).status_code == 200)
    asked = stripe_events.authorization_request(card=card.issuer_card_id, amount=amount)
    return bool(stripe_events.post(asked).json()["approved"])
