"""Everything the sandbox remembers, in memory and under one lock; a reset makes a new one."""

import threading
from collections import defaultdict
from dataclasses import dataclass, field

from tests.sandbox.ordered_store import Shelf
from tests.sandbox.wire import Json

_OWNERS = {"payment_intent": "customer", "setup_intent": "customer", "refund": "payment_intent"}


@dataclass(slots=True)
class Exposure:
    """What one authorization keeps from the Issuing balance, in the card currency's smallest unit."""

    held: int = 0
    captured: int = 0


@dataclass(slots=True)
class State:
    """Objects by kind and id in order of creation, plus what the issuer knows and never shows.

    Read and change it only under `lock`, and never keep the lock while something is being sent.
    """

    issuing_balance: int = 0
    objects: defaultdict[str, Shelf[Json]] = field(default_factory=lambda: defaultdict(Shelf))
    exposures: defaultdict[str, Exposure] = field(default_factory=lambda: defaultdict(Exposure))
    spent: defaultdict[tuple[str, ...], int] = field(default_factory=lambda: defaultdict(int))
    held_total: int = 0
    refunded: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    test_outcomes: dict[str, str] = field(default_factory=dict)
    # What becomes of a payment method that is saved, where it is not saved at once.
    test_setups: dict[str, str] = field(default_factory=dict)
    worn_out_methods: set[str] = field(default_factory=set)
    card_secrets: dict[str, tuple[str, str]] = field(default_factory=dict)
    endpoint_secrets: dict[str, str] = field(default_factory=dict)
    # The same objects by whose they are, for the lists that are asked for again and again.
    owned: defaultdict[tuple[str, str], Shelf[Json]] = field(default_factory=lambda: defaultdict(Shelf))
    lock: threading.RLock = field(default_factory=threading.RLock)

    def add(self, thing: Json) -> Json:
        """Store an object under its own kind and id, and hand it back."""
        kind, owner = thing["object"], self.owner_field(thing["object"])
        self.objects[kind][thing["id"]] = thing
        if thing.get(owner):
            self.owned[kind, thing[owner]][thing["id"]] = thing
        return thing

    @staticmethod
    def owner_field(kind: str) -> str:
        """Name the field that says whose an object of this kind is, for good; "" where none does."""
        return _OWNERS.get(kind, "")

    @property
    def available_balance(self) -> int:
        """What can still be authorized, in the balance currency's smallest unit."""
        return self.issuing_balance - self.held_total
