"""The card network's side: virtual cards, what the issuer told us, what we answered, and what is held on limits."""

from issuing.models.authorizations import Authorization, Decision, Hold, SpendWindow
from issuing.models.cards import CardChange, IssuerAccount, Provider, VirtualCard
from issuing.models.inbox import IssuerEvent

__all__ = [
    "Authorization",
    "CardChange",
    "Decision",
    "Hold",
    "IssuerAccount",
    "IssuerEvent",
    "Provider",
    "SpendWindow",
    "VirtualCard",
]
