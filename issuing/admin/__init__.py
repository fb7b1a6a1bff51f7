"""The card network's admin pages: purchases with their decisions, cards, issuers, and the evidence behind them."""

from issuing.admin import (
    authorizations,
    cards,
    changes,
    dispute_evidence,
    dispute_requests,
    disputes,
    inbox_and_holds,
    issuers,
    legacy,
    paid_receivable,
    reconciliations,
    rewards,
    rollout,
    sync,
    transactions,
    unfunded,
)

__all__ = [
    "authorizations",
    "cards",
    "changes",
    "dispute_evidence",
    "dispute_requests",
    "disputes",
    "inbox_and_holds",
    "issuers",
    "legacy",
    "paid_receivable",
    "reconciliations",
    "rewards",
    "rollout",
    "sync",
    "transactions",
    "unfunded",
]
