"""How we are registered at an issuer: what was found there, and the calls that would put it right.

What is found has a code, so that it can be stored and shown in each reader's language (issuing/registration/words.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn


@dataclass(frozen=True, slots=True)
class Doors:
    """Our addresses at which the issuer shall call us; `also_events` are others that lead to the door for events."""

    events: str
    decisions: str
    also_events: tuple[str, ...] = ()

    def takes_events(self, url: object) -> bool:
        """Returns whether events that are sent to this address reach us."""
        return url in (self.events, *self.also_events)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: `part` names it, `code` says how it is, `values` fill in the code's sentence."""

    part: str
    code: str
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Repair:
    """One call that puts something right; done twice it is done once.

    `target` is the issuer's id of what is changed, and "" where something is made. The body may hold passwords, so a
    repair is never stored, logged or shown; `code` stands for it.
    """

    code: str
    target: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict, repr=False)
    key: str = ""


@dataclass(frozen=True, slots=True)
class Registration:
    """What an issuer has of us, and the calls, in their order, that would put right what is wrong."""

    findings: tuple[Finding, ...]
    repairs: tuple[Repair, ...] = ()


@dataclass(frozen=True, slots=True)
class Repaired:
    """What a repair made: its id, and the signing secret that the issuer shows this once; "" where there is none."""

    id: str
    secret: str = field(default="", repr=False)

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("A signing secret is never pickled.")
