"""Posts Stripe's requests as the server does: first in the event loop, all at once, then in threads what is left."""

import asyncio
import json
import time
from typing import Any

from django.test import Client

from issuing import journal
from issuing.webhooks import stripe_together
from onecard.kit.buffered_wsgi import Answer
from tests.support import stripe_events
from tests.support.threads import at_once


def post_together(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns the answers as JSON, in the order of the events; `in_loop` says which needed no thread."""
    bodies = [json.dumps(event).encode() for event in events]
    found = asyncio.run(_look(bodies))
    journal.write_all()
    left = [place for place, each in enumerate(found) if not isinstance(each, Answer)]
    posted = at_once([lambda place=place: _post(bodies[place], found[place]) for place in left]) if left else []
    answers = {
        place: {"in_loop": True} | json.loads(each.body) for place, each in enumerate(found) if isinstance(each, Answer)
    }
    answers |= {place: {"in_loop": False} | response.json() for place, response in zip(left, posted, strict=True)}
    return [answers[place] for place in range(len(events))]


async def _look(bodies: list[bytes]) -> list[Answer | dict[str, Any]]:
    looks = [stripe_together.answer(_headers(body), body, time.perf_counter()) for body in bodies]
    return list(await asyncio.gather(*looks))


def _headers(body: bytes) -> dict[str, str]:
    return {"stripe-signature": stripe_events.signed(body.decode())}


def _post(body: bytes, found: Any) -> Any:
    return Client().post(
        stripe_events.URL,
        data=body,
        content_type="application/json",
        headers={"Stripe-Signature": stripe_events.signed(body.decode())},
        **found,
    )
