"""Facts about a merchant, the same for every issuer."""

import csv
import functools
from collections.abc import Mapping

from django.conf import settings


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
