"""The wallet's rooms: what people own, what they owe, and what needs a person."""

from wallet.admin import cards, cases, entered_amounts, funding, ledger, refunds

__all__ = ["cards", "cases", "entered_amounts", "funding", "ledger", "refunds"]
