"""The settings of fraud hooks and of what they know of a card's past (docs/decisions/0061)."""

import re

from django.core.exceptions import ImproperlyConfigured

from onecard import environment

SHIPPED = (
    "issuing.fraud.shipped.bursts.card_testing",
    "issuing.fraud.shipped.bursts.velocity_jump",
    "issuing.fraud.shipped.places.first_use_of_country",
    "issuing.fraud.shipped.places.impossible_travel",
    "issuing.fraud.shipped.merchants.high_risk_mcc",
)


def read() -> tuple[list[str], list[str], int, int]:
    """Returns FRAUD_HOOKS, FRAUD_DECLINING_HOOKS, FRAUD_HOOK_BUDGET_MS and CARD_HISTORY_MAX_AGE_S.

    They name the hooks that are asked (those shipped, unless told otherwise; empty for none) and those of them whose
    declines are followed, how long a decision waits for them, and how old a card's past may be in a process's memory.
    """
    return (
        _paths("FRAUD_HOOKS", default=",".join(SHIPPED)),
        _paths("FRAUD_DECLINING_HOOKS", default=""),
        environment.number("FRAUD_HOOK_BUDGET_MS", default=20, least=1, most=500),
        environment.number("CARD_HISTORY_MAX_AGE_S", default=30, least=1, most=3600),
    )


def _paths(name: str, *, default: str) -> list[str]:
    """Dotted paths; the hooks are imported once the apps are ready (issuing/fraud/registry.py)."""
    found = environment.words(name, default=default)
    for place, text in enumerate(found, start=1):
        if not re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+", text):
            raise ImproperlyConfigured(f"Entry {place} of {name} is no dotted path, such as {SHIPPED[0]}.")
    if len(set(found)) != len(found):
        raise ImproperlyConfigured(f"{name} names one hook twice; name each once.")
    return found
