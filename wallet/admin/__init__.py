"""The wallet's rooms: what people own, what they owe, and what needs a person."""

from wallet.admin import cards, cases, funding, ledger, refunds

__all__ = ["cards", "cases", "funding", "ledger", "refunds"]
