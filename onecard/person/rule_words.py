"""What a rule that a person put on their card does, in a sentence for them."""

from issuing.controls import own as own_controls
from issuing.controls.own import Own


def in_a_sentence(rule: Own) -> str:
    """Says what the rule does now."""
    if rule.kind == own_controls.SINGLE:
        if rule.is_used:
            return "Its single purchase was made: the card declines everything."
        return "The card declines everything after its next purchase."
    return f"The card declines everywhere but at {rule.merchant_name or f'merchant {rule.network_id}'}."
