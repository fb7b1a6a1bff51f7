"""Disputes at Stripe: their parameters and what is read of them (docs/issuers/stripe.md, Disputes); pure."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from issuing.issuers import errors
from issuing.issuers.disputes import DisputeOrder, IssuerDispute
from issuing.issuers.stripe.objects import KEY, read_id
from issuing.states import Dispute
from onecard.kit.currency_units import from_stripe, to_stripe
from onecard.kit.money import MoneyError


def params(order: DisputeOrder, *, key: str) -> dict[str, Any]:
    """Returns the parameters of a new dispute.

    Its evidence is under the key of its reason, and our reasons are Stripe's.
    """
    return {
        "transaction": order.issuer_transaction_id,
        "amount": to_stripe(order.amount),
        "evidence": {"reason": order.reason, order.reason: {"explanation": order.explanation}},
        "metadata": {KEY: key},
    }


def read(dispute: Mapping[str, Any]) -> IssuerDispute:
    """Returns a dispute; raises NetworkError for an answer that is none."""
    try:
        status = Dispute(dispute["status"])
        amount = from_stripe(int(dispute["amount"]), str(dispute["currency"]).upper())
        created_at = dt.datetime.fromtimestamp(int(dispute["created"]), dt.UTC)
    except (LookupError, TypeError, ValueError, OverflowError, OSError, MoneyError):
        raise errors.no_answer() from None
    return IssuerDispute(read_id(dispute), status, amount, created_at)
