"""A card's number from Stripe, asked for past the package: at its level "debug" that writes every answer to the log."""

import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import stripe
from django.conf import settings
from django.views.decorators.debug import sensitive_variables

from issuing.issuers import errors
from issuing.issuers.base import CardData, IssuerError
from issuing.issuers.card_numbers import read_card_data
from onecard.kit import exact_json

log = logging.getLogger(__name__)


@sensitive_variables()
def get_card_data(transport: stripe.HTTPClient, issuer_card_id: str) -> CardData:
    """Returns the number and code of a virtual card (docs/issuers/stripe.md, Cards and limits).

    Raises the errors of `base`.
    """
    base = settings.STRIPE_API_BASE or stripe.DEFAULT_API_BASE
    url = f"{base}/v1/issuing/cards/{quote(issuer_card_id, safe='')}?expand[0]=number&expand[1]=cvc"
    headers = {
        "Authorization": f"Bearer {settings.STRIPE_API_KEY}",
        "Stripe-Version": settings.STRIPE_API_VERSION,
    }
    try:
        body, status, answered = transport.request("get", url, headers)
    except stripe.StripeError:
        raise errors.no_answer() from None
    card = _parse(body)
    if status != 200 or card is None:
        raise _translate(
            status, {name.lower(): value for name, value in answered.items()}, has_said_no=card is not None
        )
    return read_card_data(card.get("number"), card.get("cvc"), last_four=card.get("last4"))


@sensitive_variables()
def _parse(body: str | bytes) -> dict[str, Any] | None:
    try:
        card = exact_json.loads(body.encode() if isinstance(body, str) else body)
    except ValueError:
        return None
    return card if isinstance(card, dict) else None


def _translate(status: int, headers: Mapping[str, str], *, has_said_no: bool) -> IssuerError:
    log.warning("Stripe gave no number: HTTP %s, request %s.", status, headers.get("request-id"))
    if status in (401, 403):
        return errors.not_let_in()
    if status == 429:
        return errors.too_fast(headers.get("retry-after"))
    if not 400 <= status < 500 or status in (408, 409) or not has_said_no:
        return errors.no_answer()
    return errors.refused(status)
