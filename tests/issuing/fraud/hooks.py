"""Hooks as others might write them, good and bad; FRAUD_HOOKS names them by their paths."""

import time
from typing import Any

from issuing.fraud.verdicts import ALLOW, Action, FrozenFacts, Verdict

HERE = "tests.issuing.fraud.hooks"
calls: list[FrozenFacts] = []


def allows(facts: FrozenFacts) -> Verdict:
    calls.append(facts)
    return ALLOW


def flags(_facts: FrozenFacts) -> Verdict:
    return Verdict(Action.FLAG, 55, "Looks odd.")


def refuses(_facts: FrozenFacts) -> Verdict:
    return Verdict(Action.DECLINE, 99, "Surely stolen.")


def raises(_facts: FrozenFacts) -> Verdict:
    raise RuntimeError("broken")


def exits(_facts: FrozenFacts) -> Verdict:
    raise SystemExit(1)


def hangs(_facts: FrozenFacts) -> Verdict:
    calls.append(_facts)
    time.sleep(10)
    return ALLOW


def babbles(_facts: FrozenFacts) -> Any:
    return {"action": "decline"}


def scores_too_high(_facts: FrozenFacts) -> Verdict:
    return Verdict(Action.FLAG, 101, "Beyond.")


def takes_two(_facts: FrozenFacts, _more: Any) -> Verdict:
    return ALLOW


async def waits(_facts: FrozenFacts) -> Verdict:
    return ALLOW


def inline_raises(_facts: FrozenFacts) -> Verdict:
    raise RuntimeError("broken")


def inline_is_slow(_facts: FrozenFacts) -> Verdict:
    time.sleep(0.06)
    return Verdict(Action.DECLINE, 99, "Too late to count.")


inline_raises.inline = True  # type: ignore[attr-defined]
inline_is_slow.inline = True  # type: ignore[attr-defined]
NOT_CALLABLE = 5
