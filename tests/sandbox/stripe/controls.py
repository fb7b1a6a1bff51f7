"""Spending controls: how they are given, and what they forbid."""

from datetime import UTC, datetime, timedelta

from tests.sandbox.state import State
from tests.sandbox.stripe.errors import ApiError
from tests.sandbox.stripe.specs import CLEARED, Field, group, required, rows, text, whole, words
from tests.sandbox.wire import Json

# Stripe's ceiling for one authorization and its limit for cards that were given none, in cents.
CEILING = 1_000_000
DEFAULT_LIMIT: Json = {"amount": 50_000, "categories": [], "interval": "daily"}

_INTERVALS = ("per_authorization", "daily", "weekly", "monthly", "yearly", "all_time")
_PRESENCES = words("present", "not_present")
_PAIRS = ("categories", "merchant_countries", "card_presences")
_LIMIT = group(amount=required(whole(least=0)), interval=required(words(*_INTERVALS)), categories=rows(text()))


def controls_field(**more: Field) -> Field:
    """The parameter `spending_controls`."""
    return group(
        allowed_categories=rows(text()),
        blocked_categories=rows(text()),
        allowed_merchant_countries=rows(text()),
        blocked_merchant_countries=rows(text()),
        allowed_card_presences=rows(_PRESENCES),
        blocked_card_presences=rows(_PRESENCES),
        spending_limits=rows(_LIMIT),
        **more,
    )


def apply_controls(current: Json, given: Json | str) -> Json:
    """Replace the lists that are given, empty those that are cleared; raises ApiError for contradicting lists."""
    if isinstance(given, str):
        return {**current, **{name: None for name in current if name != "spending_limits"}, "spending_limits": []}
    merged = {**current, **{name: _emptied(name) if value == CLEARED else value for name, value in given.items()}}
    for pair in _PAIRS:
        if merged[f"allowed_{pair}"] and merged[f"blocked_{pair}"]:
            message = f"You can give allowed_{pair} or blocked_{pair}, not both."
            raise ApiError(message, param=f"spending_controls[allowed_{pair}]")
    merged["spending_limits"] = [{"categories": [], **limit} for limit in merged["spending_limits"]]
    return merged


def forbidden_by(state: State, owner: Json, authorization: Json, amount: int) -> bool:
    """Tell whether a card's or a cardholder's controls forbid this much at this merchant."""
    controls = owner["spending_controls"]
    merchant = authorization["merchant_data"]
    values = (merchant["category"], merchant["country"], authorization["card_presence"])
    for pair, value in zip(_PAIRS, values, strict=True):
        allowed, blocked = controls[f"allowed_{pair}"], controls[f"blocked_{pair}"]
        if (allowed and value not in allowed) or (blocked and value in blocked):
            return True
    return any(_exceeds(state, owner, limit, authorization, amount) for limit in controls["spending_limits"])


def count_spending(state: State, authorization: Json, delta: int) -> None:
    """Add to what was spent in every window that the authorization falls into, in the card's smallest unit."""
    category = authorization["merchant_data"]["category"]
    for owner in (authorization["card"], authorization["cardholder"]):
        for interval in _INTERVALS[1:]:
            window = window_of(interval, authorization["created"])
            state.spent[owner, interval, window, ""] += delta
            state.spent[owner, interval, window, category] += delta


def _emptied(name: str) -> list[Json] | None:
    return [] if name == "spending_limits" else None


def _exceeds(state: State, owner: Json, limit: Json, authorization: Json, amount: int) -> bool:
    categories = limit["categories"] or [""]
    if limit["categories"] and authorization["merchant_data"]["category"] not in categories:
        return False
    if limit["interval"] == "per_authorization":
        # An increment counts with what is held already.
        return bool(authorization["amount"] + amount > limit["amount"])
    window = window_of(limit["interval"], authorization["created"])
    spent = sum(state.spent[owner["id"], limit["interval"], window, category] for category in set(categories))
    return bool(spent + amount > limit["amount"])


def window_of(interval: str, at: int) -> str:
    # Windows begin at midnight UTC, weeks on Sunday.
    day = datetime.fromtimestamp(at, UTC).date()
    match interval:
        case "daily":
            return day.isoformat()
        case "weekly":
            return (day - timedelta(days=(day.weekday() + 1) % 7)).isoformat()
        case "monthly":
            return f"{day:%Y-%m}"
        case "yearly":
            return f"{day:%Y}"
    return ""
