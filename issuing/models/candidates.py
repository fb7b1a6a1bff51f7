"""The cards that a stored decision could have chosen, best first."""

from collections.abc import Mapping
from typing import Any

from issuing.models import Decision


def of(decision: Decision | None) -> list[int]:
    """Returns the ids of the funding methods, in the order in which the engine ranked them; none without a decision."""
    candidates = decision.trace.get("candidates") if decision and isinstance(decision.trace, Mapping) else None
    return [
        candidate["method_id"]
        for candidate in (candidates if isinstance(candidates, list) else [])
        if _was_usable(candidate)
    ]


def _was_usable(candidate: Any) -> bool:
    """Returns the candidates of a trace, which is stored JSON and may come from another release."""
    if not isinstance(candidate, Mapping) or candidate.get("left_out"):
        return False
    return isinstance(candidate.get("method_id"), int)
