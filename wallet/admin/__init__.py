"""The wallet's rooms: what people own, what they owe, and what needs a person."""

from wallet.admin import cards, carried, cases, disputes, entered_amounts, funding, ledger, refunds

__all__ = ["cards", "carried", "cases", "disputes", "entered_amounts", "funding", "ledger", "refunds"]
