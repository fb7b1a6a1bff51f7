"""What a decision is based on, as `decision_store.read` finds it in the database."""

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class CardFacts:
    """The card and its holder as the decision reads them."""

    id: int
    version: int
    status: str
    stop_is_reported: bool
    currency: str
    per_transaction_limit_minor: int
    balance_minor: int
    spends_balance: bool
    cardholder_id: int
    wallet_version: int
    kyc_status: str
    is_on_compliance_hold: bool
    time_zone: str
    preference: str
    has_customer: bool
    methods_json: str | None

    @property
    def methods(self) -> list[list[Any]]:
        """The wallet; each method is an array in the column order of `decision_store.READ`."""
        return json.loads(self.methods_json) if self.methods_json else []


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that a decision is based on; `answered` is the stored answer when the event is not new.

    `status_before` is "" for an unknown purchase. `unknown_rounds` counts the earlier rounds that the request lists and
    that we never decided. `names_another_person` is true when the request names a cardholder who is not the card's.
    """

    rulebook_version: int
    answered: bytes | None
    approved_before_minor: int
    status_before: str
    card_before: int | None
    currency_before: str
    unknown_rounds: int
    names_another_person: bool
    card: CardFacts | None
