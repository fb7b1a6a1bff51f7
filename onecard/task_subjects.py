"""The purchase that a task is about, read from the row that its message names, for its log lines.

Messages of requests and events carry their ids along (onecard/outbox/services.py). Those that the database writes with
a decision carry the key of a row only.
"""

import logging
from collections.abc import Mapping
from typing import Any, Final

from django.db import DatabaseError
from django.db.models import QuerySet

from issuing.models import Authorization
from onecard.kit import log_context
from wallet.models import FundingCharge, FundingObligation, FundingRefund
from wallet.references import Subject

log = logging.getLogger(__name__)

# Each argument that names a row, the rows, and how these name their obligation.
ROWS: Final[dict[str, tuple[QuerySet[Any], str]]] = {
    "charge_id": (FundingCharge.objects.all(), "obligation__"),
    "refund_id": (FundingRefund.objects.all(), "obligation__"),
    "obligation_id": (FundingObligation.objects.all(), ""),
}


def bind(arguments: Mapping[str, Any]) -> None:
    """Binds the ids of the purchase and its person, unless the message brought the purchase; never raises.

    Two statements by key, which a call to the processor outweighs a hundred times.
    """
    named = next((name for name in ROWS if isinstance(arguments.get(name), int)), "")
    if not named or "authorization_id" in log_context.bound():
        return
    try:
        log_context.bind(**_ids(named, arguments[named]))
    except DatabaseError as error:
        log.warning("the purchase of %s %s is not in its lines: %s", named, arguments[named], error)


def _ids(named: str, pk: int) -> dict[str, str]:
    rows, way = ROWS[named]
    found = rows.filter(pk=pk).values_list(f"{way}purchase", f"{way}cardholder__public_id").first()
    if found is None:
        return {}
    customer = {"customer_id": str(found[1])}
    key = Subject.PURCHASE.key_in(found[0])
    if key is None:
        return customer
    names = Authorization.objects.filter(pk=key).values_list("provider", "issuer_authorization_id", "card__public_id")
    purchase = names.first()
    if purchase is None:
        return customer
    provider, issuer_id, card = purchase
    return customer | {"provider": provider, "authorization_id": issuer_id, "card_id": str(card or "")}
