"""Disputes at Stripe: their parameters and what is read of them (docs/issuers/stripe.md, Disputes); pure."""

import datetime as dt
import io
from collections.abc import Mapping
from typing import Any

from issuing.issuers import errors
from issuing.issuers.disputes import DisputeOrder, EvidenceFile, IssuerDispute
from issuing.issuers.stripe.objects import KEY, read_id
from issuing.states import Dispute
from onecard.kit.currency_units import from_stripe, to_stripe
from onecard.kit.money import MoneyError


def params(order: DisputeOrder, *, key: str, file_id: str = "") -> dict[str, Any]:
    """Returns the parameters of a new dispute.

    Its evidence is under the key of its reason, and our reasons are Stripe's.
    """
    document = {"additional_documentation": file_id} if file_id else {}
    return {
        "transaction": order.issuer_transaction_id,
        "amount": to_stripe(order.amount),
        "evidence": {"reason": order.reason, order.reason: {"explanation": order.explanation, **document}},
        "metadata": {KEY: key},
    }


def upload(file: EvidenceFile) -> dict[str, Any]:
    """Returns the parameters of an upload, with the content from its beginning."""
    content = io.BytesIO(file.content)
    content.name = file.name
    return {"purpose": "dispute_evidence", "file": content}


def read(dispute: Mapping[str, Any]) -> IssuerDispute:
    """Returns a dispute; raises NetworkError for an answer that is none."""
    try:
        status = Dispute(dispute["status"])
        amount = from_stripe(int(dispute["amount"]), str(dispute["currency"]).upper())
        created_at = dt.datetime.fromtimestamp(int(dispute["created"]), dt.UTC)
    except (LookupError, TypeError, ValueError, OverflowError, OSError, MoneyError):
        raise errors.no_answer() from None
    return IssuerDispute(read_id(dispute), status, amount, created_at)
