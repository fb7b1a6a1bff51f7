"""A dispute that is asked of an issuer, and a dispute as the issuer reports it, in our own terms."""

import datetime as dt
from dataclasses import dataclass, field

from onecard.kit.money import Money

# How long after a capture an issuer takes a dispute of it, by the issuer's name (docs/issuers).
TIME_LIMITS = {"stripe": dt.timedelta(days=110)}
TIME_LIMIT = dt.timedelta(days=120)


@dataclass(frozen=True, slots=True)
class EvidenceFile:
    """A document of the cardholder's, for the issuer: a PDF, PNG or JPEG of at most 5 MB."""

    name: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class DisputeOrder:
    """A dispute of a capture: the issuer's id of the capture, one of DisputeRequest.Reason, the cardholder's words.

    The file goes along where the issuer takes files (`takes_files`).
    """

    issuer_transaction_id: str
    reason: str
    explanation: str
    amount: Money
    file: EvidenceFile | None = None


@dataclass(frozen=True, slots=True)
class IssuerDispute:
    """A dispute at the issuer; `status` is one of issuing.states.Dispute."""

    id: str
    status: str
    amount: Money
    created_at: dt.datetime


def takes_files(provider: str) -> bool:
    """Returns whether a dispute's document can be given to the issuer by its API (docs/issuers)."""
    return provider != "marqeta"


def time_limit(provider: str) -> dt.timedelta:
    """Returns how long after a capture the issuer takes a dispute of it."""
    return TIME_LIMITS.get(provider, TIME_LIMIT)
