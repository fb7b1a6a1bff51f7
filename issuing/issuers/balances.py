"""An issuer's balance that pays our purchases, in our own types."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BalanceThere:
    """What purchases may still take from our balance at the issuer now, after holds; it may be negative."""

    available_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class HoldEntry:
    """One step of a hold: `amount_minor` is negative for what it takes and positive for what it lets go."""

    id: str
    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class OpenHold:
    """The steps of an authorization that may still hold money of the balance."""

    authorization_id: str
    entries: tuple[HoldEntry, ...]


@dataclass(frozen=True, slots=True)
class HoldPage:
    """A part of the list of open holds; `cursor` asks for the next part and is "" at the end."""

    holds: tuple[OpenHold, ...]
    cursor: str
