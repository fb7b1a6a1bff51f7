"""Hooks that look at where a card is used: the first time in a country, and too far from where it just was."""

from typing import Final

from issuing.fraud.travel import hours_since, too_far_km
from issuing.fraud.verdicts import ALLOW, Action, FrozenFacts, Verdict

# A card that was hardly used has no usual countries.
LEAST_APPROVALS: Final = 5


def first_use_of_country(facts: FrozenFacts) -> Verdict:
    """Flags a purchase in a country where the card was never approved, once it was approved elsewhere a few times."""
    country = facts.merchant.country
    if facts.history.approvals < LEAST_APPROVALS or not facts.history.is_new_country(country):
        return ALLOW
    return Verdict(Action.FLAG, 40, f"The first purchase in {country}, after {facts.history.approvals} elsewhere.")


def impossible_travel(facts: FrozenFacts) -> Verdict:
    """Declines a card that is present in a country which it cannot have reached since it was present in another."""
    last, here = facts.history.last_present, facts.merchant.country
    if last is None or facts.signals.channel != "present":
        return ALLOW
    at_ms = facts.now.timestamp() * 1000
    km = too_far_km(last, here, at_ms)
    if km is None:
        return ALLOW
    hours = hours_since(last, at_ms)
    return Verdict(
        Action.DECLINE, 95, f"Used in {last.country} {hours:.1f} hours ago, {km:.0f} km or more from {here}."
    )


first_use_of_country.inline = True  # type: ignore[attr-defined]
impossible_travel.inline = True  # type: ignore[attr-defined]
