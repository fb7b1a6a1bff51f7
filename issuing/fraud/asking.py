"""Asks the hooks about a purchase, each within its own time; whatever they do, the decision goes on.

Policy: a hook that raises, is late or returns no verdict is skipped, as if it had allowed the purchase. The limits and
the card's own rules still decide, and a hook that fails must not stop every purchase. What came of each hook is in the
decision's trace, from which it is counted (docs/decisions/0061).
"""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import wait as wait_for
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, NamedTuple

from django.conf import settings

from issuing.fraud.registry import Hook, hooks
from issuing.fraud.verdicts import ALLOW, Action, FrozenFacts, Verdict
from issuing.states import FLAGGED, HookOutcome
from onecard.kit.text import free_text

log = logging.getLogger(__name__)

DECLINE_REASON: Final = "suspected_fraud"
LONGEST_REASON: Final = 200


# Nearly every answer; to ask an enumeration for its value each time costs as much as a hook.
_ALLOWED: Final = HookOutcome.ALLOW.value


class Answered(NamedTuple):
    """What came of one hook."""

    outcome: HookOutcome
    took_ms: float
    score: int = 0
    reason: str = ""

    def for_trace(self) -> list[Any]:
        """Returns what the trace keeps (issuing/sql/keep_verdicts.sql reads it)."""
        if self.outcome is HookOutcome.ALLOW:
            return [_ALLOWED, self.took_ms]
        return [self.outcome.value, self.took_ms, self.score, self.reason]


Answers = Mapping[str, Answered]
NOBODY: Final[Answers] = {}


@dataclass(frozen=True, slots=True)
class _Call:
    """A call in a thread that has begun."""

    hook: Hook
    future: "Future[Any]"
    began: float


def ask(facts: FrozenFacts, *, remaining_ms: float) -> Answers:
    """Returns what came of each hook, for a thread that may wait; at most the budget, and no longer than remains."""
    found, calls = _begin(facts)
    if calls:
        wait_for([each.future for each in calls], timeout=_budget_ms(remaining_ms) / 1000)
        found |= {each.hook.name: _ended(each) for each in calls}
    return found


async def ask_soon(facts: FrozenFacts, *, remaining_ms: float) -> Answers:
    """Returns what `ask` does, for the event loop, which goes on while hooks run in threads."""
    found, calls = _begin(facts)
    if calls:
        futures = [asyncio.wrap_future(each.future) for each in calls]
        await asyncio.wait(futures, timeout=_budget_ms(remaining_ms) / 1000)
        for future in futures:
            # A call that runs goes on; one that has not begun never will.
            future.cancel()
        found |= {each.hook.name: _ended(each) for each in calls}
    return found


def declines(answers: Answers) -> bool:
    """Returns whether a hook that may decline did."""
    return any(each.outcome is HookOutcome.DECLINE for each in answers.values())


def flags(answers: Answers) -> bool:
    """Returns whether a hook flags the purchase, so that a case is opened."""
    return any(each.outcome in FLAGGED for each in answers.values())


def _begin(facts: FrozenFacts) -> tuple[dict[str, Answered], list[_Call]]:
    """Asks the inline hooks, and begins to ask the others."""
    found: dict[str, Answered] = {}
    calls: list[_Call] = []
    everyone, budget_ms = hooks(), float(settings.FRAUD_HOOK_BUDGET_MS)
    for hook in everyone:
        if not hook.is_inline:
            _begin_one(hook, facts, found, calls)
    _ask_inline([hook for hook in everyone if hook.is_inline], facts, budget_ms, found)
    return found, calls


def _begin_one(hook: Hook, facts: FrozenFacts, found: dict[str, Answered], calls: list[_Call]) -> None:
    if not hook.breaker.may_ask():
        found[hook.name] = Answered(HookOutcome.OPEN, 0)
        return
    future = hook.threads.submit(partial(_said, hook, facts))
    if future is None:
        hook.breaker.count_answer(is_late=True)
        found[hook.name] = Answered(HookOutcome.BUSY, 0)
        return
    calls.append(_Call(hook, future, time.perf_counter()))


def _ask_inline(inline: Sequence[Hook], facts: FrozenFacts, budget_ms: float, found: dict[str, Answered]) -> None:
    """Asks hooks here and now, and notes what came of each. The clock is read once for each of them."""
    began = time.perf_counter()
    for hook in inline:
        if not hook.breaker.may_ask():
            found[hook.name] = Answered(HookOutcome.OPEN, 0)
            continue
        said = _asked(hook, facts)
        ended = time.perf_counter()
        took_ms, began = int((ended - began) * 1_000_000) / 1000, ended
        is_late = took_ms > budget_ms
        hook.breaker.count_answer(is_late=is_late)
        found[hook.name] = Answered(HookOutcome.LATE, took_ms) if is_late else _read(hook, said, took_ms)


def _ended(call: _Call) -> Answered:
    is_late = not call.future.done() or call.future.cancelled()
    call.hook.breaker.count_answer(is_late=is_late)
    if is_late:
        took_ms = _since(call.began)
        log.warning("fraud hook %s: late after %d ms, skipped", call.hook.name, took_ms)
        return Answered(HookOutcome.LATE, took_ms)
    return _read(call.hook, *call.future.result())


def _said(hook: Hook, facts: FrozenFacts) -> tuple[Any, float]:
    """Returns what a hook returned or raised, and its milliseconds."""
    began = time.perf_counter()
    return _asked(hook, facts), _since(began)


def _asked(hook: Hook, facts: FrozenFacts) -> Any:
    """Returns what a hook returned or raised."""
    try:
        return hook.call(facts)
    except BaseException as error:  # noqa: BLE001  (the policy above; an exit that a hook asks for ends nothing)
        return error


def _read(hook: Hook, said: Any, took_ms: float) -> Answered:
    if said is ALLOW:
        return Answered(HookOutcome.ALLOW, took_ms)
    if isinstance(said, BaseException):
        log.warning("fraud hook %s: skipped, it raised %s: %s", hook.name, type(said).__name__, said)
        return Answered(HookOutcome.RAISED, took_ms, reason=type(said).__name__)
    if not isinstance(said, Verdict) or not said.is_valid():
        log.warning("fraud hook %s: skipped, it returned no valid Verdict", hook.name)
        return Answered(HookOutcome.INVALID, took_ms, reason=type(said).__name__)
    if said.action == Action.ALLOW:
        return Answered(HookOutcome.ALLOW, took_ms)
    declined = HookOutcome.DECLINE if hook.may_decline else HookOutcome.WOULD_DECLINE
    outcome = declined if said.action == Action.DECLINE else HookOutcome.FLAG
    return Answered(outcome, took_ms, said.score, free_text(said.reason, limit=LONGEST_REASON))


def _budget_ms(remaining_ms: float) -> float:
    """Returns how long to wait: no more than half of what remains, since the decision still has to be committed."""
    return max(0.0, min(float(settings.FRAUD_HOOK_BUDGET_MS), remaining_ms / 2))


def _since(began: float) -> float:
    return round((time.perf_counter() - began) * 1000, 3)
