"""A choice as JSON: what a decision stores of it, enough to make the same choice again."""

import functools
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from routing.engine import Candidate, Choice, Method, Purchase, Row, Rules


def describe(
    choice: Choice,
    *,
    purchase: Purchase,
    preference: str,
    rules: Rules,
    rows: Sequence[Row],
    rulebook_version: int,
    versions: dict[str, int],
    ranked_by: str = "",
) -> dict[str, Any]:
    """Returns everything that the choice used and its result, with numbers as exact text.

    `rows` are those of the MCC; the ones of the wallet's cards are kept, also those that lost. `ranked_by` is the
    preference whose multipliers ranked them, where that is not the cardholder's own.
    """
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
        "multipliers": [plain(rules.multipliers[ranked_by or preference, is_cash]) for is_cash in (True, False)],
        "rows": _rows_of(rows, [each.method for each in choice.candidates]),
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
        **_facts(method),
        "row_id": row.id if row else None,
        "row_version": row.version if row else None,
        "row_scope": ("product" if row.product_id is not None else "network") if row else None,
        "reward_rate": plain(row.reward_rate) if row else None,
        "reward_type": row.reward_type if row else None,
        "multiplier": plain(candidate.multiplier) if row else None,
        "effective_reward": plain(candidate.effective_reward) if row else None,
    }


def _facts(method: Method) -> dict[str, Any]:
    """Returns what else the engine saw of a card; what is as with almost every card is left out."""
    found: dict[str, Any] = {
        "expires": f"{method.expiry_year:04}-{method.expiry_month:02}",
        "currencies": list(method.currencies),
    }
    if not method.active:
        found["active"] = False
    if not method.has_customer:
        found["has_customer"] = False
    if method.cooling_until is not None:
        found["cooling_until"] = method.cooling_until.isoformat()
    if method.statement_day is not None:
        found["statement_day"] = method.statement_day
    if method.opened_on is not None:
        found["opened_on"] = method.opened_on.isoformat()
    if method.activations:
        found["activations"] = dict(method.activations)
    if method.choices:
        found["choices"] = {key: list(tags) for key, tags in method.choices.items()}
    return found


def _rows_of(rows: Iterable[Row], methods: Iterable[Method]) -> list[list[Any]]:
    """Returns the rows of these cards' products and networks, each in the order of the fields of `Row`."""
    held = list(methods)
    products, networks = {each.product_id for each in held}, {each.network for each in held}
    concern = (
        row for row in rows if (row.network in networks if row.product_id is None else row.product_id in products)
    )
    return [
        [
            row.id, row.version, row.product_id, row.network, plain(row.reward_rate), row.reward_type,
            row.valid_from.isoformat() if row.valid_from else None,
            row.valid_to.isoformat() if row.valid_to else None,
        ]
        for row in concern
    ]  # fmt: skip


@functools.lru_cache(maxsize=4096)
def plain(number: Decimal) -> str:
    """Returns a decimal as text without an exponent and trailing zeros: 4, 0.5, 1.25."""
    return f"{number.normalize():f}"
