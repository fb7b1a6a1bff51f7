"""Disputes at Marqeta: a chargeback is made and submitted at once (docs/issuers/marqeta.md, Chargebacks); pure."""

from collections.abc import Mapping
from typing import Any

from issuing.issuers import errors
from issuing.issuers.disputes import DisputeOrder, IssuerDispute
from issuing.issuers.marqeta.objects import read_token
from issuing.issuers.marqeta.timestamps import happened_at
from issuing.states import Dispute
from onecard.kit import clock
from onecard.kit.money import Money, MoneyError

Json = dict[str, Any]
LONGEST_MEMO = 99
# Our reasons in Marqeta's words.
REASONS = {
    "not_received": "SERVICE_NOT_PROVIDED_MERCHANDISE_NOT_RECEIVED",
    "fraudulent": "FRAUD",
    "duplicate": "PROCESSING_ERROR",
    "canceled": "CANCELLED_RECURRING_TRANSACTION",
    "merchandise_not_as_described": "NOT_AS_DESCRIBED_OR_DEFECTIVE",
    "no_valid_authorization": "NO_AUTHORIZATION",
    "other": "OTHER",
}
# Chargeback states (transitions); a withdrawn or written-off one brings no money from the merchant.
STATES: dict[str, str] = {
    "RETRIEVAL_REQUEST": Dispute.UNSUBMITTED,
    **dict.fromkeys(
        ("INITIATED", "REPRESENTMENT", "PREARBITRATION", "PREARB_RESPONDED", "ARBITRATION"), Dispute.SUBMITTED
    ),
    "CASE_WON": Dispute.WON,
    **dict.fromkeys(
        ("CASE_LOST", "NETWORK_REJECTED", "WITHDRAWN", "WRITTEN_OFF_ISSUER", "WRITTEN_OFF_PROGRAM"), Dispute.LOST
    ),
}


def body(order: DisputeOrder, *, key: str) -> Json:
    """Returns the body of a new chargeback; our key is its token."""
    return {
        "token": key,
        "transaction_token": order.issuer_transaction_id,
        "amount": order.amount.major,
        "reason_description": REASONS[order.reason],
        "memo": order.explanation[:LONGEST_MEMO],
        "channel": "ISSUER",
        # The cardholder is credited when the dispute is won (docs/decisions/0020).
        "credit_user": False,
    }


def read(chargeback: Mapping[str, Any], *, currency: str) -> IssuerDispute:
    """Returns a chargeback; raises NetworkError for an answer that is none."""
    try:
        status = STATES[str(chargeback["state"])]
        amount = Money.read(chargeback["amount"], currency)
    except (LookupError, TypeError, ValueError, MoneyError):
        raise errors.no_answer() from None
    return IssuerDispute(read_token(chargeback), status, amount, happened_at(dict(chargeback)) or clock.now())
