"""What a fraud hook is given and what it returns: the contract with hooks, ours and those of others.

A hook is a callable that takes FrozenFacts and returns a Verdict. It is named in FRAUD_HOOKS by its dotted path. It
may have an attribute `inline = True`: then it runs in the event loop itself, which waits for it, so it must be pure and
take microseconds.
"""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from issuing.history import card_history
from issuing.history.card_history import NO_HISTORY, History
from issuing.issuers.messages import NO_SIGNALS, Merchant, Signals

MOST_SCORE = 100


class Action(StrEnum):
    """`FLAG` approves and opens a case for staff; `DECLINE` counts as a flag unless FRAUD_DECLINING_HOOKS names it."""

    ALLOW = "allow"
    FLAG = "flag"
    DECLINE = "decline"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A hook's verdict; `score` is a whole number from 0 to 100, `reason` a sentence in English for staff."""

    action: Action
    score: int = 0
    reason: str = ""

    def is_valid(self) -> bool:
        """Returns whether it is what a hook may return."""
        is_score = type(self.score) is int and 0 <= self.score <= MOST_SCORE
        return self.action in Action.__members__.values() and is_score and isinstance(self.reason, str)


ALLOW = Verdict(Action.ALLOW)


class FrozenFacts(NamedTuple):
    """A purchase as a hook sees it. Amounts are minor units; `amount_minor` is what this round asks for, in `currency`.

    `is_first_round` is false for an increment. `flags` are the compliance flags of the card and its cardholder,
    `kyc_status` is one of wallet.states.KycStatus, and `kyc_due_at` when the verification ends. `history` holds what
    was decided before.
    """

    provider: str
    now: dt.datetime
    amount_minor: int
    currency: str
    card_currency: str
    merchant: Merchant
    is_first_round: bool
    card_id: int
    cardholder_id: int
    card_created_at: dt.datetime
    kyc_status: str
    kyc_due_at: dt.datetime | None = None
    flags: frozenset[str] = frozenset()
    cash_minor: int = 0
    merchant_amount_minor: int | None = None
    merchant_currency: str = ""
    signals: Signals = NO_SIGNALS
    history: History = NO_HISTORY

    @property
    def card_age(self) -> dt.timedelta:
        return self.now - self.card_created_at

    @property
    def merchant_key(self) -> int:
        """What the merchant is called in `history`."""
        return card_history.merchant_key(self.merchant)
