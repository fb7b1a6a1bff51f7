"""A choice as JSON: what a decision stores of it, enough to make the same choice again."""

import functools
from decimal import Decimal
from typing import Any

from routing.engine import Candidate, Choice, Purchase, Rules


def describe(
    choice: Choice,
    *,
    purchase: Purchase,
    preference: str,
    rules: Rules,
    rulebook_version: int,
    versions: dict[str, int],
) -> dict[str, Any]:
    """Returns everything that the choice used and its result, with numbers as exact text."""
    return {
        "mcc": purchase.mcc,
        "currency": purchase.currency,
        "at": purchase.at.isoformat(),
        "local_date": purchase.local_date.isoformat(),
        "preference": preference,
        "rulebook_version": rulebook_version,
        "rule_versions": versions,
        "tie_within": plain(rules.tie_within),
        "significantly_better": plain(rules.significantly_better),
        "rule": choice.rule,
        "chosen_method_id": choice.method.id if choice.method else None,
        "candidates": [_describe_candidate(candidate) for candidate in choice.candidates],
    }


def _describe_candidate(candidate: Candidate) -> dict[str, Any]:
    method, row = candidate.method, candidate.row
    return {
        "method_id": method.id,
        "name": method.name,
        "network": method.network,
        "product_id": method.product_id,
        "last_four": method.last_four,
        "is_backup": method.is_backup,
        "position": method.position,
        "left_out": candidate.left_out,
        **_cooling(candidate),
        "row_id": row.id if row else None,
        "row_version": row.version if row else None,
        "row_scope": ("product" if row.product_id is not None else "network") if row else None,
        "reward_rate": plain(row.reward_rate) if row else None,
        "reward_type": row.reward_type if row else None,
        "multiplier": plain(candidate.multiplier) if row else None,
        "effective_reward": plain(candidate.effective_reward) if row else None,
    }


def _cooling(candidate: Candidate) -> dict[str, str]:
    """Returns until when a card rests that was left out for that."""
    until = candidate.method.cooling_until
    return {"cooling_until": until.isoformat()} if candidate.left_out == "cooling_down" and until else {}


@functools.lru_cache(maxsize=4096)
def plain(number: Decimal) -> str:
    """Returns a decimal as text without an exponent and trailing zeros: 4, 0.5, 1.25."""
    return f"{number.normalize():f}"
