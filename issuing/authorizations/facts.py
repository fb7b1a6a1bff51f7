"""What a decision is based on, as `decision_store.read` finds it in the database."""

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from issuing.controls.attributes import Holder
from issuing.controls.compiled import of_text
from issuing.controls.in_force import InForce
from issuing.history.card_history import History
from issuing.history.followed import Past
from routing.engine import Method
from routing.valued.person import PersonFacts
from wallet.models import FundingMethod


@dataclass(frozen=True, slots=True)
class CardFacts:
    """The card and its holder as the decision reads them.

    `flags` are the compliance flags of both. `past` may be some seconds old (docs/decisions/0061); everything else is
    compared at the commit.
    """

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
    created_at_s: float
    compliance_flags: frozenset[str]
    controls: InForce
    passes: str | None
    past: Past
    kyc_due_at: dt.datetime | None
    has_customer: bool
    wallet: tuple[Method, ...]
    person: PersonFacts = field(default_factory=PersonFacts)

    @classmethod
    def of(cls, columns: Sequence[Any]) -> "CardFacts":
        """Reads the columns of `card_columns.CARD`; the flags, the controls, the passes and the wallet are JSON.

        The last one is the wallet beside what strategy value knows of its person.
        """
        *known, created_at_s, flags, controls, passes, history, due_at, has_customer, methods = columns
        listed, person = msgspec.json.decode(methods)
        wallet = tuple(_method(each, has_customer=has_customer) for each in listed or ())
        own = (float(created_at_s), frozenset(map(str, json.loads(flags))), of_text(controls), passes)
        due = None if due_at is None else _moment(due_at)
        values: list[Any] = [*known, *own, Past(History.of(history)), due, has_customer, wallet, PersonFacts.of(person)]
        return cls(*values)

    @property
    def history(self) -> History:
        return self.past.history

    @property
    def created_at(self) -> dt.datetime:
        return _moment(self.created_at_s)

    def holder(self) -> Holder:
        """Returns what controls can look at of the card and its cardholder."""
        return Holder(
            card_id=self.id,
            cardholder_id=self.cardholder_id,
            currency=self.currency,
            card_created_at=self.created_at,
            kyc_state=self.kyc_status,
            kyc_due_at=self.kyc_due_at,
            compliance_flags=self.compliance_flags,
        )


@dataclass(frozen=True, slots=True)
class KnownCard:
    """A card as a process keeps it in memory; `own_people` are the issuer's ids of its cardholder.

    The committing statement compares the versions, so what has changed since is never decided on. The card's past has
    none (issuing/history/followed.py).
    """

    rulebook_version: int
    controls_version: int
    facts: CardFacts
    own_people: frozenset[str]


class Facts(msgspec.Struct, frozen=True):
    """Everything that a decision is based on; `answered` is the stored answer when the event is not new.

    `status_before` is "" for an unknown purchase. `unknown_rounds` counts the earlier rounds that the request lists and
    that we never decided. `names_another_person` is true when the request names a cardholder who is not the card's.
    """

    rulebook_version: int
    controls_version: int
    answered: bytes | None
    approved_before_minor: int
    status_before: str
    card_before: int | None
    currency_before: str
    unknown_rounds: int
    names_another_person: bool
    card: CardFacts | None


def _moment(seconds: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(seconds, dt.UTC)


def _method(values: list[Any], *, has_customer: bool) -> Method:
    """Returns a funding method from the read's array, in the column order of `card_columns.CARD`."""
    (pk, name, network, product, last_four, processor_id, status, year, month, cooling, currencies, backup, place) = (
        values[:13]
    )
    statement_day, opened_on, activations, choices = values[13:]
    return Method(
        id=pk,
        name=name,
        network=network,
        product_id=product,
        last_four=last_four,
        processor_method_id=processor_id,
        active=status == FundingMethod.Status.ACTIVE,
        expiry_year=year,
        expiry_month=month,
        cooling_until=dt.datetime.fromisoformat(cooling) if cooling else None,
        currencies=tuple(currencies),
        is_backup=backup,
        position=place,
        has_customer=has_customer,
        statement_day=statement_day,
        opened_on=dt.date.fromisoformat(opened_on) if opened_on else None,
        activations=activations,
        choices=choices,
    )
