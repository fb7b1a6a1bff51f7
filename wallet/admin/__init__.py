"""The wallet's admin pages: people's own cards, what they owe, and the cases that need a person."""

from wallet.admin import (
    cards,
    carried,
    cases,
    disputes,
    entered_amounts,
    funding,
    identity,
    ledger,
    own_money,
    processor_accounts,
    refunds,
)

__all__ = [
    "cards",
    "carried",
    "cases",
    "disputes",
    "entered_amounts",
    "funding",
    "identity",
    "ledger",
    "own_money",
    "processor_accounts",
    "refunds",
]
