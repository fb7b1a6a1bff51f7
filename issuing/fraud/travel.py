"""Whether a card that is present somewhere can have come there since it was present elsewhere."""

from typing import Final

from issuing.fraud.distances import least_km
from issuing.history.card_history import Place

# As fast as an airliner, without any time to get to it.
FASTEST_KM_H: Final = 900
MS_PER_HOUR: Final = 3_600_000


def hours_since(last: Place, at_ms: float) -> float:
    """Returns the hours since a card was present; 0 where the clocks disagree."""
    return max(0.0, (at_ms - last.at_ms) / MS_PER_HOUR)


def too_far_km(last: Place, country: str, at_ms: float) -> float | None:
    """Returns the least distance in km where nobody travels it in that time; None otherwise, or if it is unknown."""
    km = None if country == last.country else least_km(last.country, country)
    return km if km is not None and km > FASTEST_KM_H * hours_since(last, at_ms) else None
