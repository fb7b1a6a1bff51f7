"""A processor that remembers what it really took, in whatever mood it answers: the truth that the books are held to."""

import itertools
from dataclasses import dataclass, field, replace

from wallet.processors.base import (
    AccountRefusedError,
    CaptureOrder,
    ChargeOrder,
    NotProcessedError,
    Outcome,
    OutcomeUnknownError,
    RefundOrder,
    RefundOutcome,
)

# What it may answer to a charge; "lost" has done its work and says nothing, "unheard" has done nothing.
CHARGE_MOODS = ("yes", "yes", "yes", "soft", "hard", "ask_person", "slow", "refused", "lost", "unheard", "busy")
OTHER_MOODS = ("yes", "yes", "yes", "lost", "unheard", "busy", "fails")
# "account" is a refusal of our own account, whatever is asked.
ACCOUNT = "account"
NOT_DONE = ("unheard", "busy", ACCOUNT)
TOOK = ("succeeded", "held")


@dataclass
class Intent:
    """One payment intent: where it stands, what it took and what went back."""

    id: str
    public_id: str
    amount_minor: int
    holds: bool
    status: str
    code: str = ""
    received_minor: int = 0
    refunded_minor: int = 0
    # What banks have of it by disputes (tests/invariants/banks.py); then nothing is given back of it.
    disputed_minor: int = 0
    is_disputed: bool = False

    def outcome(self) -> Outcome:
        return Outcome(self.status, self.id, self.code, "", self.public_id)

    def pay(self) -> None:
        self.status = "held" if self.holds else "succeeded"
        self.code = ""
        self.received_minor = 0 if self.holds else self.amount_minor


@dataclass
class Moody:
    """In memory; `moods` are the answers to come, after which it is as it is usually."""

    moods: list[str] = field(default_factory=list)
    usually: str = "yes"
    intents: dict[str, Intent] = field(default_factory=dict)
    stored: dict[str, Outcome] = field(default_factory=dict)
    refunds: dict[str, RefundOutcome] = field(default_factory=dict)
    orders: dict[str, RefundOrder] = field(default_factory=dict)
    news: list[Outcome | RefundOutcome] = field(default_factory=list)
    # How often it has refused our account.
    refusals: int = 0
    numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    def charge(self, order: ChargeOrder) -> Outcome:
        mood = self._mood()
        if order.idempotency_key not in self.stored and mood not in NOT_DONE:
            self.stored[order.idempotency_key] = self._make(order, mood)
        self._answer(mood)
        return self.stored[order.idempotency_key]

    def find(self, order: ChargeOrder) -> Outcome | None:
        if self.moods[:1] == [ACCOUNT]:
            self._answer(self._mood())
        found = self.intents.get(order.public_id)
        return found.outcome() if found else None

    def capture(self, order: CaptureOrder) -> Outcome:
        mood, intent = self._mood(), self.by_id(order.processor_charge_id)
        if intent.status == "held" and mood not in NOT_DONE:
            assert order.amount_minor <= intent.amount_minor, "more is captured than is held"
            intent.status, intent.received_minor = "succeeded", order.amount_minor
            self.tell(intent)
        self._answer(mood)
        return intent.outcome()

    def give_up(self, processor_charge_id: str) -> Outcome:
        mood, intent = self._mood(), self.by_id(processor_charge_id)
        if intent.status in ("held", "requires_action", "declined") and mood not in NOT_DONE:
            intent.status = "canceled"
            self.tell(intent)
        self._answer(mood, is_due=False)
        return intent.outcome()

    def cancel(self, processor_charge_id: str) -> Outcome | None:
        return self.give_up(processor_charge_id)

    def refund(self, order: RefundOrder) -> RefundOutcome:
        mood = self._mood()
        if order.idempotency_key not in self.refunds and mood not in NOT_DONE:
            made = self._give_back(order, fails=mood == "fails")
            self.orders[order.idempotency_key] = order
            self.refunds[order.idempotency_key] = made
            self.news.append(made)
        self._answer(mood)
        return self.refunds[order.idempotency_key]

    def find_refund(self, order: RefundOrder) -> RefundOutcome | None:
        return self.refunds.get(order.idempotency_key)

    def by_id(self, processor_charge_id: str) -> Intent:
        return next(intent for intent in self.intents.values() if intent.id == processor_charge_id)

    def tell(self, intent: Intent) -> None:
        """An event is made of every change; when and how often it arrives is somebody else's."""
        self.news.append(intent.outcome())

    def happens(self, what: str, place: int) -> None:
        """Something that nobody asked for: a hold lapses, a charge ends, somebody pays by hand, a refund comes back."""
        if what == "comes_back":
            self._come_back(place)
            return
        among = {
            "lapses": [each for each in self.intents.values() if each.status == "held"],
            "ends_well": [each for each in self.intents.values() if each.status in ("processing", "requires_action")],
            "ends_badly": [each for each in self.intents.values() if each.status in ("processing", "requires_action")],
            "is_paid_by_hand": [each for each in self.intents.values() if each.status == "declined"],
        }[what]
        if not among:
            return
        intent = among[place % len(among)]
        if what == "lapses":
            intent.status = "canceled"
        elif what == "ends_badly":
            intent.status, intent.code = "declined", "insufficient_funds"
        else:
            intent.pay()
        self.tell(intent)

    def _come_back(self, place: int) -> None:
        """The bank of a closed card sends back what was given back to it, days later."""
        arrived = [key for key, refund in self.refunds.items() if refund.status == "succeeded"]
        if arrived:
            key = arrived[place % len(arrived)]
            self.by_id(self.orders[key].processor_charge_id).refunded_minor -= self.orders[key].amount_minor
            self.refunds[key] = replace(self.refunds[key], status="failed", failure_code="lost_or_stolen_card")
            self.news.append(self.refunds[key])

    def _give_back(self, order: RefundOrder, *, fails: bool) -> RefundOutcome:
        intent = self.by_id(order.processor_charge_id)
        assert intent.status == "succeeded", "what was never taken is given back"
        if intent.is_disputed:
            return RefundOutcome("failed", failure_code="charge_disputed", refund_public_id=order.public_id)
        if not fails:
            intent.refunded_minor += order.amount_minor
        assert intent.refunded_minor <= intent.received_minor, "more is given back than was taken"
        code = "lost_or_stolen_card" if fails else ""
        return RefundOutcome(
            "failed" if fails else "succeeded",
            f"re_{next(self.numbers)}",
            failure_code=code,
            refund_public_id=order.public_id,
        )

    def _make(self, order: ChargeOrder, mood: str) -> Outcome:
        if mood == "refused":
            return Outcome("refused", failure_code="parameter_invalid")
        intent = Intent(
            f"pi_{next(self.numbers)}", order.public_id, order.amount_minor, order.holds, status="processing"
        )
        self.intents[order.public_id] = intent
        endings = {"soft": ("declined", "insufficient_funds"), "hard": ("declined", "lost_card")}
        endings |= {"ask_person": ("requires_action", "authentication_required"), "slow": ("processing", "")}
        if mood in endings:
            intent.status, intent.code = endings[mood]
        else:
            intent.pay()
        self.tell(intent)
        return intent.outcome()

    def _mood(self) -> str:
        return self.moods.pop(0) if self.moods else self.usually

    def _answer(self, mood: str, *, is_due: bool = True) -> None:
        if mood == ACCOUNT:
            # What is called off pauses nothing.
            self.refusals += is_due
            raise AccountRefusedError("This account cannot currently make live charges.")
        if mood == "busy":
            raise NotProcessedError("429")
        if mood in ("lost", "unheard"):
            raise OutcomeUnknownError("no answer")
