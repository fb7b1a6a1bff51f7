"""The calls about our webhook endpoint; registration.py says what it must be."""

from typing import Any

import stripe
from django.conf import settings

from issuing.issuers import errors
from issuing.issuers.registration import Doors, Registration, Repair, Repaired
from issuing.issuers.stripe import keys, registration
from issuing.issuers.stripe import objects as shapes
from issuing.issuers.stripe.calls import Json, ask, change


def read(client: stripe.StripeClient, doors: Doors) -> Registration:
    """Asks for the account's endpoints, of which there are at most 16."""
    return registration.compare(_endpoints(client), doors, version=settings.STRIPE_API_VERSION)


def repair(client: stripe.StripeClient, repair: Repair) -> Repaired:
    """Creates or changes an endpoint.

    A key may still have the answer about an endpoint that was deleted since: then the next key is used.
    """
    endpoints = client.v1.webhook_endpoints
    params: Any = dict(repair.body)
    if repair.target:
        ask(lambda: endpoints.update(repair.target, params))
        return Repaired(repair.target)
    for turn in range(1, keys.KEYS_OF_A_RUN + 1):
        made = change(f"{repair.key}:{turn}", None, lambda options: endpoints.create(params, options))
        if any(each.get("id") == made["id"] for each in _endpoints(client)):
            return Repaired(shapes.read_id(made), str(made.get("secret") or ""))
    raise errors.refused()


def _endpoints(client: stripe.StripeClient) -> list[Json]:
    listed = ask(lambda: client.v1.webhook_endpoints.list({"limit": 100}).to_dict())
    return [each for each in listed.get("data") or () if isinstance(each, dict)]
