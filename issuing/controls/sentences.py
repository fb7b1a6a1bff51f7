"""What people read of a control: its name for staff, its sentence for the cardholder, and what "it was me" does."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from issuing.models import ControlPass, ControlVersion, Decision
from onecard.kit import display

NOTED: Final = "Thank you. We have noted it for our staff, who look at your card."


@dataclass(frozen=True, slots=True)
class Said:
    """A version's words; they never change once it has met a purchase."""

    name: str
    number: int
    sentence: str


def of_decision(decision: Decision) -> Said | None:
    """Returns the words of the control that declined; None where none did."""
    found = counted_by(decision)
    version = found.get("version")
    return _said(version) if isinstance(version, int) else None


def counted_by(decision: Decision) -> Mapping[str, Any]:
    """Returns what the trace keeps of the control that declined: its version, and of a velocity what it had counted."""
    trace = decision.trace if isinstance(decision.trace, Mapping) else {}
    found = trace.get("control")
    return found if isinstance(found, Mapping) and not decision.approved else {}


def after_answer(opened: ControlPass | None, merchant: str) -> str:
    """Tells a cardholder who said "it was me" what follows: a retry up to an amount, or staff who look at the card."""
    if opened is None:
        return NOTED
    most = display.money(opened.most_minor, opened.decision.currency)
    where = f" at {merchant}" if merchant else ""
    return f"Pay again{where}: one purchase up to {most} passes."


@functools.lru_cache(maxsize=4096)
def _said(version_id: int) -> Said | None:
    version = ControlVersion.objects.select_related("control").filter(pk=version_id).first()
    return Said(version.control.name, version.number, version.sentence) if version else None
