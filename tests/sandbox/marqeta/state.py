"""Everything the program remembers, in memory and under one lock; a reset makes a new one."""

import json
import threading
import uuid
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from tests.sandbox.wire import Json

_OWNERS = ("user_token", "card_token", "card_product_token")
ZERO = Decimal("0.00")
SpentKey = tuple[str, ...]


@dataclass(slots=True)
class Spent:
    """What was counted towards a velocity control's window."""

    amount: Decimal = ZERO
    uses: int = 0


@dataclass(slots=True)
class Chain:
    """An approved authorization and what came after it; money is the program's currency in major units."""

    origin: Json
    jit_token: str
    at: datetime
    held: Decimal = ZERO
    cleared: Decimal = ZERO
    clearings: int = 0
    busy: bool = False
    members: list[str] = field(default_factory=list)
    increments: list[str] = field(default_factory=list)
    increment_jit_tokens: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Listed:
    """What a list was last asked for, and what was found among the first transactions, none of which is hidden."""

    asked: object = None
    looked_at: int = 0
    found: list[Json] = field(default_factory=list)


@dataclass(slots=True)
class State:
    """Things by kind and token in order of creation, plus what the program knows and never shows.

    Read and change it only under `lock`, and never keep the lock while something is being sent.
    """

    things: defaultdict[str, dict[str, Json]] = field(default_factory=lambda: defaultdict(dict))
    contents: dict[tuple[str, str], str] = field(default_factory=dict)
    touched: dict[tuple[str, str], int] = field(default_factory=dict)
    transactions: dict[str, Json] = field(default_factory=dict)
    visible_at: dict[str, float] = field(default_factory=dict)
    chain_of: dict[str, Chain] = field(default_factory=dict)
    spent: defaultdict[SpentKey, Spent] = field(default_factory=lambda: defaultdict(Spent))
    # A LIFETIME control counts from its own beginning: what had been spent by then.
    spent_before: dict[str, Spent] = field(default_factory=dict)
    card_secrets: dict[str, tuple[str, str]] = field(default_factory=dict)
    owned: defaultdict[tuple[str, str], dict[str, Json]] = field(default_factory=lambda: defaultdict(dict))
    access_tokens: dict[str, tuple[str, float]] = field(default_factory=dict)
    listed: Listed = field(default_factory=Listed)
    # Whose answer is waited for, by the token of the message (authorizations.Asked).
    asked: dict[str, Any] = field(default_factory=dict)
    changes: int = 0
    lock: threading.RLock = field(default_factory=threading.RLock)

    def add(self, kind: str, thing: Json, *, content: Json | None = None) -> Json:
        """Store a thing under its kind and token with the body that made it, and hand it back."""
        now = timestamp()
        token = thing["token"]
        self.things[kind][token] = {**thing, "created_time": now, "last_modified_time": now}
        self.contents[kind, token] = fingerprint(content or {})
        self.index(kind, self.things[kind][token])
        self._count(kind, token)
        return self.things[kind][token]

    def index(self, kind: str, thing: Json) -> None:
        """Make a thing quick to find by its user, its card or what it is associated with."""
        for owner in {**thing, **thing.get("association", {})}.items():
            if owner[0] in _OWNERS:
                self.owned[kind, f"{owner[0]}:{owner[1]}"][thing["token"]] = thing

    def of_owner(self, kind: str, name: str, owner: str) -> list[Json]:
        """List the things of a kind that belong to a user, a card or a card product, in order of creation."""
        things = self.owned[kind, f"{name}:{owner}"].values()
        return [thing for thing in things if {**thing, **thing.get("association", {})}[name] == owner]

    def touch(self, kind: str, thing: Json) -> None:
        """Note that a thing was changed."""
        thing["last_modified_time"] = timestamp()
        self._count(kind, thing["token"])

    def _count(self, kind: str, token: str) -> None:
        self.changes += 1
        self.touched[kind, token] = self.changes


def new_token() -> str:
    """Make a token of Marqeta's look."""
    return str(uuid.uuid4())


def timestamp(at: datetime | None = None) -> str:
    """Write a time as Marqeta does, by default the present."""
    return f"{at or utc_now():%Y-%m-%dT%H:%M:%SZ}"


def utc_now() -> datetime:
    """Tell the time in UTC, where the windows of all controls begin."""
    return datetime.now(UTC)


def fingerprint(content: Json) -> str:
    """Reduce a body to what two of the same content have in common: 45, 45.0 and 45.00 are one number."""
    return json.dumps(content, sort_keys=True, default=float)
