"""The banks of the funding cards: they dispute charges, and take money from the processor or give it back.

What each dispute really has of our money is remembered here; the news of it may come late, twice and out of order.
"""

import datetime as dt
from dataclasses import dataclass, field, replace

from onecard.kit import clock
from tests.invariants.processor import Intent, Moody
from wallet.disputes import lifecycle as funding_disputes
from wallet.processors.stripe.disputes import DisputeMovement, ProcessorDispute

# What may come next, by where a dispute stands; `_lists` says which of it needs the movements to be listed.
NEXT = {
    "warning_needs_response": ("warning_closed", "warning_under_review", "needs_response", "prevented"),
    "warning_under_review": ("warning_closed", "needs_response"),
    "needs_response": ("under_review", "won", "lost"),
    "under_review": ("won", "lost"),
    "won": ("lost",),
    "lost": ("won",),
}
# Still open, and only asked about.
OPEN = ("needs_response", "under_review")
ASKING = ("warning_needs_response", "warning_under_review")
HALF = 50
# How the bank of a charge may go on, in the statuses that its dispute goes through.
COURSES = {
    "loses": ("needs_response", "under_review", "won"),
    "wins": ("needs_response", "lost"),
    "wins after all": ("needs_response", "under_review", "won", "lost"),
    "loses after all": ("needs_response", "lost", "won"),
    "asks": ("warning_needs_response", "warning_closed"),
    "asks and wins": ("warning_needs_response", "needs_response", "lost"),
}


@dataclass(frozen=True)
class Told:
    """One piece of news of a dispute, as the processor sent it."""

    dispute: ProcessorDispute
    reported_at: dt.datetime
    moved: str

    def hear(self) -> None:
        funding_disputes.apply_update(self.dispute, reported_at=self.reported_at, moved=self.moved)


@dataclass
class Dispute:
    """One dispute of an intent, by its bank. A processor that lists no movements tells of each by a word of its own."""

    intent: Intent
    now: ProcessorDispute
    lists: bool
    movements: list[DisputeMovement] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)

    @property
    def taken_minor(self) -> int:
        return -sum(entry.amount_minor for entry in self.movements)

    def becomes(self, status: str, moved: str = "") -> None:
        """Moves the money, if any moves, and tells of it: the change, and by itself that money moved."""
        if moved:
            sign = -1 if moved == "withdrawn" else 1
            name = f"txn_{self.now.id}_{len(self.movements)}"
            self.movements.append(DisputeMovement(name, sign * self.now.amount_minor, 0, self.now.currency))
        listed = tuple(self.movements) if self.lists else ()
        self.now = replace(self.now, status=status, movements=listed)
        self.tell("")
        if moved:
            self.tell(moved)

    def tell(self, moved: str) -> None:
        # Each is told a little later than the one before, although the clock of a life stands still.
        later = dt.timedelta(milliseconds=len(self.told))
        self.told.append(Told(self.now, clock.now() + later, moved))


class Banks:
    """All disputes of one processor's charges."""

    def __init__(self, processor: Moody, currency: str) -> None:
        self.processor, self.currency = processor, currency
        self.disputes: list[Dispute] = []

    def dispute(self, place: int, percent: int, *, inquiry: bool, lists: bool) -> Dispute | None:
        """A bank disputes a part of a charge, or asks about it; None when there is no charge with money left."""
        among = [each for each in self.processor.intents.values() if self._left_minor(each) > 0]
        if not among:
            return None
        return self._open(among[place % len(among)], percent, inquiry=inquiry, lists=lists)

    def decide(self, place: int, pick: int) -> Dispute | None:
        """Something comes of a dispute: it is looked at, won, lost, or turned round after its end."""
        among = [each for each in self.disputes if self._next(each)]
        if not among:
            return None
        found = among[place % len(among)]
        steps = self._next(found)
        self._move(found, steps[pick % len(steps)])
        return found

    def follow(self, status: str, *, place: int, percent: int, lists: bool) -> None:
        """The next status of the last disputed charge, as far as it can have it; without any, one begins.

        Of a half that is disputed, the other half is by itself.
        """
        if self.disputes:
            for each in self._of(self.disputes[-1].intent):
                if status in self._next(each):
                    self._move(each, status)
            return
        inquiry = status.startswith("warning")
        made = self.dispute(place, percent, inquiry=inquiry, lists=lists)
        if made and percent == HALF and self._left_minor(made.intent):
            self._open(made.intent, 100, inquiry=inquiry, lists=lists)

    def lost_minor(self, intents: list[Intent]) -> int:
        """What banks keep for good of these charges."""
        return sum(each.taken_minor for each in self.disputes if each.intent in intents and each.now.status == "lost")

    def news(self) -> list[Told]:
        return [told for each in self.disputes for told in each.told]

    def _open(self, intent: Intent, percent: int, *, inquiry: bool, lists: bool) -> Dispute:
        opened = ProcessorDispute(
            id=f"du_{len(self.disputes)}",
            status="warning_needs_response",
            reason="fraudulent",
            amount_minor=max(1, self._left_minor(intent) * percent // 100),
            currency=self.currency,
            payment_intent_id=intent.id,
            charge_id=f"ch_of_{intent.id}",
            due_at=clock.now() + dt.timedelta(days=7),
            opened_at=clock.now(),
            movements=(),
        )
        made = Dispute(intent, opened, lists)
        self.disputes.append(made)
        self._move(made, "warning_needs_response" if inquiry else "needs_response")
        return made

    def _move(self, found: Dispute, status: str) -> None:
        takes = status in ("needs_response", "lost") and not found.taken_minor
        moved = "withdrawn" if takes else "reinstated" if status == "won" and found.taken_minor else ""
        found.becomes(status, moved)
        self._count(found.intent)

    def _next(self, found: Dispute) -> tuple[str, ...]:
        steps = NEXT.get(found.now.status, ())
        if found.now.status not in ("won", "lost"):
            return steps
        # A second movement in one direction needs an id of its own, and a charge that has the money to be taken.
        can_be_taken = found.now.amount_minor <= self._left_minor(found.intent)
        return steps if found.lists and (found.now.status == "lost" or can_be_taken) else ()

    def _left_minor(self, intent: Intent) -> int:
        if intent.status != "succeeded":
            return 0
        open_inquiries = sum(
            each.now.amount_minor for each in self.disputes if each.intent is intent and each.now.status in ASKING
        )
        return intent.received_minor - intent.refunded_minor - intent.disputed_minor - open_inquiries

    def _count(self, intent: Intent) -> None:
        intent.disputed_minor = sum(each.taken_minor for each in self.disputes if each.intent is intent)
        intent.is_disputed = any(each.now.status in OPEN or each.taken_minor for each in self._of(intent))

    def _of(self, intent: Intent) -> list[Dispute]:
        return [each for each in self.disputes if each.intent is intent]
