"""What people read of a control that declined: its name for staff, its sentence for the cardholder."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from issuing.models import ControlVersion, Decision


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


@functools.lru_cache(maxsize=4096)
def _said(version_id: int) -> Said | None:
    version = ControlVersion.objects.select_related("control").filter(pk=version_id).first()
    return Said(version.control.name, version.number, version.sentence) if version else None
