"""Controls as a test needs them: in force at once, and asked about over either issuer."""

import itertools
from decimal import Decimal
from typing import Any

from issuing.controls import life
from issuing.controls.attributes import Attributes, Holder, attributes_of
from issuing.issuers.marqeta.events import gateway_envelope, parse_gateway_request, read_object
from issuing.issuers.messages import AuthorizationRequest
from issuing.issuers.stripe.events import parse_authorization_request, parse_envelope
from issuing.models import Authorization, ControlVersion, Decision, VirtualCard
from onecard.kit import clock
from tests.support import marqeta_events, stripe_events

ISSUERS = ("stripe", "marqeta")
DECLINE = {"kind": "decline"}
_codes = itertools.count(1)


def draft(**written: Any) -> ControlVersion:
    """A draft by user:1; `card`, `cardholder`, `when`, `velocity`, `action` and the texts may be given."""
    definition = {name: written.pop(name) for name in ("when", "velocity", "action") if name in written}
    texts = {"name": "A control", "reason_code": f"control_{next(_codes)}", "sentence": "No."}
    return life.create(**{**texts, **written}, definition={"action": DECLINE, **definition}, actor="user:1")


def shadow(**written: Any) -> ControlVersion:
    return life.to_shadow(draft(**written), actor="user:1")


def in_force(**written: Any) -> ControlVersion:
    return life.activate(shadow(**written), actor="user:2")


def velocity(most: int, window: str = "day", *, measure: str = "amount", per: str = "card", **more: Any) -> Any:
    currency = {"currency": "USD"} if measure == "amount" else {}
    return {"measure": measure, "window": window, "most": most, "per": per, **currency, **more}


def condition(attribute: str, value: Any, operator: str = "is", **more: Any) -> dict[str, Any]:
    return {"attribute": attribute, "operator": operator, "value": value, **more}


def question(card: VirtualCard, cents: int = 4500, **more: Any) -> dict[str, Any]:
    """A request about a card in its issuer's words; `more` are the issuer's own fields."""
    if card.issuer_provider == "marqeta":
        return marqeta_events.gateway_request(card=card.issuer_card_id, amount=Decimal(cents) / 100, **more)
    return stripe_events.authorization_request(card=card.issuer_card_id, amount=cents, **more)


def ask(card: VirtualCard, cents: int = 4500, **more: Any) -> str:
    """Asks for a purchase; "" for an approval, else the reason of the decline."""
    return answer_to(card, question(card, cents, **more))


def answer_to(card: VirtualCard, asked: dict[str, Any]) -> str:
    if card.issuer_provider == "marqeta":
        marqeta_events.ask(asked)
    else:
        stripe_events.post(asked)
    return Decision.objects.latest("pk").decline_reason


def last_purchase() -> Authorization:
    return Authorization.objects.latest("pk")


def parsed(provider: str, asked: dict[str, Any]) -> AuthorizationRequest:
    """The request as its door reads it."""
    if provider == "marqeta":
        envelope = gateway_envelope(read_object(marqeta_events.body_of(asked).encode()))
        assert envelope is not None
        return parse_gateway_request(envelope)
    return parse_authorization_request("stripe", parse_envelope(stripe_events.json.dumps(asked).encode()))


def attributes(asked: AuthorizationRequest, **holder: Any) -> Attributes:
    known = {"card_id": 1, "cardholder_id": 2, "currency": "USD", **holder}
    return attributes_of(asked, Holder(**known), now=clock.now())
