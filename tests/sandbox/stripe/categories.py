"""Merchant categories: Stripe's names and the networks' codes."""

import csv
from pathlib import Path

from tests.sandbox.stripe.errors import RefusedError
from tests.sandbox.wire import Json


def load_categories(path: Path) -> dict[str, str]:
    """Read the code of every category that has one; codes are text, for their leading zeros."""
    with path.open(newline="", encoding="utf-8") as file:
        return {row["stripe_category"]: row["mcc"] for row in csv.DictReader(file) if row["mcc"]}


def merchant(given: Json, categories: dict[str, str]) -> Json:
    """Build `merchant_data` from what a test helper is given; raises RefusedError for an unknown category."""
    category = given.get("category", "ac_refrigeration_repair")
    code = categories.get(category)
    if code is None:
        message = f"Invalid merchant_data[category]: {category!r} is not a category that can be simulated."
        raise RefusedError(message, param="merchant_data[category]")
    defaults = {"name": "Rocket Rides", "city": "San Francisco", "state": "CA", "country": "US"}
    nulls = dict.fromkeys(("postal_code", "tax_id", "terminal_id", "url"))
    return {"network_id": "1234567890", **nulls, **defaults, **given, "category": category, "category_code": code}
