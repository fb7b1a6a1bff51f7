"""Facts about a merchant, the same for every issuer."""

import csv
import functools
from collections.abc import Mapping

from django.conf import settings

# Turning a funding card's purchase into cash may need a licence, so it is declined: cash at a counter and at a machine,
# wire transfers, quasi-cash, stored value (MCCs as in Stripe's guide to Issuing and ATM use), and account funding
# (Mastercard's 6538).
CASH_MCCS = frozenset({"4829", "6010", "6011", "6051", "6538", "6540"})


def category_of(mcc: str) -> str:
    """Returns the name of a merchant category, such as "eating_places_restaurants"; "" for a code that is not listed.

    Stripe sends the name beside the code, Marqeta the code alone (fixtures/mcc_codes.csv).
    """
    return _names().get(mcc, "")


def location_of(*, city: str, state: str, country: str) -> str:
    """Returns a place in one line, without its unknown parts: "Seattle, WA, US"."""
    return ", ".join(part for part in (city, state, country) if part)


@functools.cache
def _names() -> Mapping[str, str]:
    with (settings.FIXTURES_DIR / "mcc_codes.csv").open(encoding="utf-8", newline="") as file:
        return {row["mcc"]: row["stripe_category"] for row in csv.DictReader(file) if row["mcc"]}
