"""The wallet's rooms: what people own, what they owe, and what needs a person."""

from wallet.admin import cards, cases, funding

__all__ = ["cards", "cases", "funding"]
