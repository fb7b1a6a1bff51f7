"""An issuer in this process, for development and tests: everything that it makes follows from the keys."""

import datetime as dt
import hashlib
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from issuing.issuers import errors
from issuing.issuers.balances import BalanceThere, HoldPage
from issuing.issuers.base import (
    CardData,
    CardOrder,
    CardPage,
    EventPage,
    IssuedCard,
    IssuerError,
    IssuerTransaction,
    Limits,
    MissedEvent,
    Page,
    Person,
    RevealGrant,
)
from issuing.issuers.disputes import DisputeOrder, IssuerDispute
from issuing.issuers.registration import Doors, Registration, Repair, Repaired
from issuing.states import Card, Dispute
from onecard.kit import clock
from onecard.kit.luhn import passes_luhn

Done = TypeVar("Done")
Row = TypeVar("Row")

_YEARS_VALID = 4
_MOVES: dict[str, frozenset[str]] = {
    Card.PENDING: frozenset({Card.ACTIVE, Card.FROZEN, Card.CLOSED}),
    Card.ACTIVE: frozenset({Card.ACTIVE, Card.FROZEN, Card.CLOSED}),
    Card.FROZEN: frozenset({Card.ACTIVE, Card.FROZEN, Card.CLOSED}),
    Card.CLOSED: frozenset({Card.CLOSED}),
}


@dataclass(slots=True)
class Failure:
    """A fault that a test ordered: for `times` calls of one method; `after` means after the work is done."""

    method: str
    error: Callable[[], IssuerError]
    times: int = 1
    after: bool = False


@dataclass(slots=True)
class MockIssuer:
    """Keeps everything in memory under one lock; a new process knows none of the earlier cards."""

    page_size: int = 100
    provider: str = "mock"
    limits_each_card: bool = True
    pays_from_balance: bool = False
    calls: list[str] = field(default_factory=list)
    cardholders: dict[str, Person] = field(default_factory=dict)
    cards: dict[str, IssuedCard] = field(default_factory=dict)
    transactions: list[IssuerTransaction] = field(default_factory=list)
    disputes: dict[str, IssuerDispute] = field(default_factory=dict)
    _answers: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    _failures: list[Failure] = field(default_factory=list)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def fail(self, failure: Failure) -> None:
        """Orders a fault; the first one that matches a call is used."""
        with self._lock:
            self._failures.append(failure)

    def create_cardholder(self, person: Person, *, key: str, asked_at: dt.datetime | None = None) -> str:
        def make() -> str:
            cardholder_id = f"mock_cardholder_{_digest(key)[:24]}"
            self.cardholders[cardholder_id] = person
            return cardholder_id

        return self._run("create_cardholder", lambda: self._once(key, person, make))

    def update_cardholder(
        self, issuer_cardholder_id: str, person: Person, *, key: str, asked_at: dt.datetime | None = None
    ) -> None:
        def change() -> Person:
            if issuer_cardholder_id not in self.cardholders:
                raise errors.unknown()
            self.cardholders[issuer_cardholder_id] = person
            return person

        content = (issuer_cardholder_id, person)
        self._run("update_cardholder", lambda: self._once(key, content, change))

    def create_card(self, order: CardOrder, *, key: str, asked_at: dt.datetime | None = None) -> IssuedCard:
        def make() -> IssuedCard:
            if order.issuer_cardholder_id not in self.cardholders:
                raise errors.unknown()
            return self._keep(_new_card(order, key))

        return self._run("create_card", lambda: self._once(key, order, make))

    def update_card_status(
        self, issuer_card_id: str, status: str, *, reason: str, key: str, asked_at: dt.datetime | None = None
    ) -> IssuedCard:
        def move() -> IssuedCard:
            card = self._find(issuer_card_id)
            if status not in _MOVES[card.status]:
                raise errors.illegal_move(status)
            return self._keep(replace(card, status=str(status)))

        content = (issuer_card_id, str(status), reason)
        return self._run("update_card_status", lambda: self._once(key, content, move))

    def set_spending_limits(
        self, issuer_card_id: str, limits: Limits, *, key: str, asked_at: dt.datetime | None = None
    ) -> None:
        def change() -> IssuedCard:
            return self._keep(replace(self._find(issuer_card_id), limits=limits))

        self._run("set_spending_limits", lambda: self._once(key, (issuer_card_id, limits), change))

    def get_card_details(self, issuer_card_id: str) -> IssuedCard:
        return self._run("get_card_details", lambda: self._find(issuer_card_id))

    def list_cards(self, *, cursor: str = "") -> CardPage:
        """Returns a page of cards; the cursor is the number of cards on the pages before."""
        return self._run("list_cards", lambda: CardPage(*self._cut(list(self.cards.values()), cursor)))

    def get_transaction_history(self, issuer_card_id: str = "", *, since: dt.datetime, cursor: str = "") -> Page:
        """Returns a page of transactions; the cursor is the number of transactions on the pages before."""

        def cut() -> Page:
            if issuer_card_id:
                self._find(issuer_card_id)
            rows = [row for row in self._since(since) if issuer_card_id in ("", row.issuer_card_id)]
            return Page(*self._cut(rows, cursor))

        return self._run("get_transaction_history", cut)

    def list_events(self, *, since: dt.datetime, cursor: str = "") -> EventPage:
        """Returns one event per transaction in Stripe's envelope, which the inbox reads for all but Marqeta."""

        def cut() -> EventPage:
            rows, after = self._cut(self._since(since), cursor)
            return EventPage(tuple(_event(row) for row in rows), after)

        return self._run("list_events", cut)

    def get_balances(self) -> tuple[BalanceThere, ...]:
        return self._run("get_balances", lambda: ())

    def list_open_holds(self, *, cursor: str = "") -> HoldPage:
        return self._run("list_open_holds", lambda: HoldPage((), cursor=""))

    def get_card_data(self, issuer_card_id: str) -> CardData:
        return self._run("get_card_data", lambda: card_data(self._find(issuer_card_id)))

    def open_dispute(self, order: DisputeOrder, *, key: str, asked_at: dt.datetime | None = None) -> IssuerDispute:
        def make() -> str:
            name = f"mock_dispute_{_digest(key)[:24]}"
            self.disputes[name] = IssuerDispute(name, Dispute.UNSUBMITTED, order.amount, clock.now())
            return name

        return self._run("open_dispute", lambda: self.disputes[self._once(key, order, make)])

    def submit_dispute(self, issuer_dispute_id: str, *, key: str, asked_at: dt.datetime | None = None) -> IssuerDispute:
        def submit() -> IssuerDispute:
            dispute = self.disputes[issuer_dispute_id]
            if dispute.status == Dispute.UNSUBMITTED:
                dispute = self.disputes[issuer_dispute_id] = replace(dispute, status=Dispute.SUBMITTED)
            return dispute

        return self._run("submit_dispute", submit)

    def reveal(self, issuer_card_id: str, *, nonce: str) -> RevealGrant:
        def grant() -> RevealGrant:
            card = self._find(issuer_card_id)
            return RevealGrant("mock", _digest(f"{card.issuer_card_id}:{nonce}"), expires_in_s=300)

        return self._run("reveal", grant)

    def read_registration(self, doors: Doors, *, renew: bool = False) -> Registration:
        """It calls nobody, so there is nothing to register."""
        return self._run("read_registration", lambda: Registration(()))

    def repair_registration(self, repair: Repair) -> Repaired:
        raise errors.refused()

    def _run(self, method: str, work: Callable[[], Done]) -> Done:
        with self._lock:
            self.calls.append(method)
            failure = next((failure for failure in self._failures if failure.method == method), None)
            if failure is None:
                return work()
            failure.times -= 1
            if failure.times <= 0:
                self._failures.remove(failure)
            if failure.after:
                work()
            raise failure.error()

    def _once(self, key: str, content: Any, work: Callable[[], Done]) -> Done:
        """Repeats the first answer of a key; a refused call leaves the key free."""
        if key not in self._answers:
            self._answers[key] = (content, work())
        first_content, answer = self._answers[key]
        if first_content != content:
            raise errors.key_reused()
        done: Done = answer
        return done

    def _since(self, moment: dt.datetime) -> list[IssuerTransaction]:
        return [row for row in self.transactions[::-1] if row.created_at >= moment]

    def _cut(self, rows: list[Row], cursor: str) -> tuple[tuple[Row, ...], str]:
        start = int(cursor or 0)
        end = start + self.page_size
        return tuple(rows[start:end]), str(end) if end < len(rows) else ""

    def _keep(self, card: IssuedCard) -> IssuedCard:
        self.cards[card.issuer_card_id] = card
        return card

    def _find(self, issuer_card_id: str) -> IssuedCard:
        if issuer_card_id not in self.cards:
            raise errors.unknown()
        return self.cards[issuer_card_id]


def card_data(card: IssuedCard) -> CardData:
    """Returns a number with a valid check digit that ends in the card's last four; both follow from the card's id."""
    digits = int(_digest(card.issuer_card_id), 16)
    start = f"400000{digits % 10**5:05d}"
    candidates = (f"{start}{filler}{card.last_four}" for filler in range(10))
    return CardData(number=next(filter(passes_luhn, candidates)), cvv=f"{digits % 1_000:03d}")


def _new_card(order: CardOrder, key: str) -> IssuedCard:
    digest = _digest(key)
    return IssuedCard(
        issuer_card_id=f"mock_card_{digest[:24]}",
        status=Card.PENDING.value,
        card_type=order.card_type,
        last_four=f"{int(digest[24:40], 16) % 10_000:04d}",
        expiry_month=12,
        expiry_year=clock.now().year + _YEARS_VALID,
        currency=order.currency,
        limits=order.limits,
        key=key,
    )


def _event(row: IssuerTransaction) -> MissedEvent:
    event_id, event_type = f"mock_evt_{_digest(row.id)[:24]}", "issuing_transaction.created"
    content = {"id": row.id, "card": row.issuer_card_id, "amount": -row.amount_minor, "currency": row.currency.lower()}
    body = json.dumps({"id": event_id, "type": event_type, "data": {"object": content}})
    return MissedEvent(event_id, event_type, row.id, row.created_at, body.encode())


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
