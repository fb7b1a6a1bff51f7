"""The card network's rooms: purchases with their decisions, virtual cards, and the evidence behind both."""

from issuing.admin import authorizations, cards, changes, evidence

__all__ = ["authorizations", "cards", "changes", "evidence"]
