"""Reads the earlier rounds of an authorization at Stripe, and the total that is approved."""

from typing import Any

from onecard.kit.money import MAX_AMOUNT_MINOR


def entries(content: dict[str, Any]) -> list[dict[str, Any]]:
    """Returns the earlier rounds, in their order."""
    found = content.get("request_history")
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []


def approved_before_minor(content: dict[str, Any]) -> int | None:
    """Returns what was approved before, in minor units; None where something was, and how much cannot be read.

    The total is believed first: a partial reversal lowers it, and leaves the history as it was.
    """
    total = 0 if content.get("amount") is None else _amount(content)
    if total:
        return total
    parts = [_amount(entry) for entry in entries(content) if entry.get("approved") is True]
    known = [part for part in parts if part is not None]
    if parts and len(known) == len(parts):
        return sum(known)
    return total if content.get("amount") is not None or not parts else None


def _amount(content: dict[str, Any]) -> int | None:
    amount = content.get("amount")
    return amount if type(amount) is int and 0 <= amount <= MAX_AMOUNT_MINOR else None
