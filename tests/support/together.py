"""Posts authorization requests as the server does: all at once in the event loop, then in threads what is left."""

import asyncio
import json
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.test import Client

from issuing import journal
from issuing.models import IssuerAccount, VirtualCard
from issuing.webhooks import event_loop
from onecard.kit.buffered_wsgi import ARRIVED_AT, Answer
from tests.support import marqeta_events, stripe_events
from tests.support.marqeta_events import gateway_request
from tests.support.threads import at_once
from tests.support.wallets import marqeta_card

Found = Answer | dict[str, Any]


@dataclass(frozen=True, slots=True)
class Delivery:
    """A request at an issuer's door; `headers` are those that prove who sends it."""

    door: event_loop.Door
    url: str
    body: bytes
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer; `in_loop` says that it needed no thread."""

    in_loop: bool
    status_code: int
    content: bytes


def of_stripe(event: dict[str, Any]) -> Delivery:
    """A genuine event of Stripe."""
    body = json.dumps(event)
    headers = {"stripe-signature": stripe_events.signed(body)}
    return Delivery(event_loop.STRIPE, stripe_events.URL, body.encode(), headers)


def of_marqeta(question: dict[str, Any] | str, *, authorization: str | None = None) -> Delivery:
    """A request of Marqeta's gateway, or a raw body, with its credentials unless others are given."""
    known = marqeta_events.basic(settings.MARQETA_JIT_USERNAME, settings.MARQETA_JIT_PASSWORD)
    headers = {"authorization": known if authorization is None else authorization}
    return Delivery(event_loop.MARQETA, marqeta_events.GATEWAY, marqeta_events.body_of(question).encode(), headers)


def deliver_together(
    deliveries: Sequence[Delivery], *, waited_s: float = 0.0, beside: Callable[[], Awaitable[None]] | None = None
) -> list[Answered]:
    """Returns the answers in the order of the deliveries, which arrived so long ago.

    `beside` runs in the same loop.
    """
    arrived_at = time.perf_counter() - waited_s
    found = look_together(deliveries, arrived_at=arrived_at, beside=beside)
    journal.write_all()
    left = [place for place, each in enumerate(found) if not isinstance(each, Answer)]
    posted = (
        at_once([lambda place=place: _post(deliveries[place], arrived_at, found[place]) for place in left])
        if left
        else []
    )
    answers = {
        place: Answered(True, each.status, each.body) for place, each in enumerate(found) if isinstance(each, Answer)
    }
    answers |= {
        place: Answered(False, each.status_code, each.content) for place, each in zip(left, posted, strict=True)
    }
    return [answers[place] for place in range(len(deliveries))]


def look_together(
    deliveries: Sequence[Delivery], *, arrived_at: float, beside: Callable[[], Awaitable[None]] | None = None
) -> list[Found]:
    """Returns what the event loop answers, or what it would pass on to a thread."""
    return asyncio.run(_look(deliveries, arrived_at, beside))


def deliver(delivery: Delivery) -> Answered:
    """Posts one."""
    (answer,) = deliver_together([delivery])
    return answer


def post_together(events: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Posts events of Stripe; returns the answers as JSON, and in each `in_loop`."""
    answers = deliver_together([of_stripe(event) for event in events])
    return [{"in_loop": each.in_loop} | json.loads(each.content) for each in answers]


def known_card(**values: Any) -> VirtualCard:
    """A card of Marqeta whose holder is on record under the name that questions on it carry."""
    card = marqeta_card(**values)
    make_known(card)
    return card


def make_known(card: VirtualCard) -> None:
    """Has Marqeta's name for the cardholder on record, as after the card was made."""
    named = gateway_request(card=card.issuer_card_id)["user_token"]
    IssuerAccount.objects.create(cardholder=card.cardholder, provider="marqeta", issuer_cardholder_id=named)


def questions(count: int, **more: Any) -> list[dict[str, Any]]:
    """Questions of Marqeta on one card. Its view was asked before, so this process has read the rules."""
    card = known_card().issuer_card_id
    marqeta_events.ask(gateway_request(card=card, amount=1))
    return [gateway_request(card=card, amount=1, **more) for _ in range(count)]


def with_another_token(asked: dict[str, Any]) -> dict[str, Any]:
    """The same question as the gateway asks it again."""
    order = asked["gpa_order"]
    return asked | {"gpa_order": order | {"jit_funding": order["jit_funding"] | {"token": marqeta_events.token()}}}


def without_names(answer: Any) -> tuple[int, dict[str, Any]]:
    """The status and what an answer says, without the tokens and ids that differ from purchase to purchase."""
    said = {name: value for name, value in marqeta_events.read(answer).items() if name not in ("token", "user_token")}
    return answer.status_code, {name: re.sub(r"[0-9a-f-]{36}", "id", str(value)) for name, value in said.items()}


async def _look(
    deliveries: Sequence[Delivery], arrived_at: float, beside: Callable[[], Awaitable[None]] | None
) -> list[Found]:
    looks = [event_loop.answer(each.door, each.headers, each.body, arrived_at) for each in deliveries]
    more = [beside()] if beside else []
    found = await asyncio.gather(*looks, *more)
    return [each for each in found if each is not None]


def _post(delivery: Delivery, arrived_at: float, found: Any) -> Any:
    passed_on = {ARRIVED_AT: arrived_at} | found
    return Client(raise_request_exception=False).post(
        delivery.url, data=delivery.body, content_type="application/json", headers=delivery.headers, **passed_on
    )
