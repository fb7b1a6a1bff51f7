"""Compares a request with the purchase as we know it and with what its issuer says was approved before; pure.

A later round keeps the purchase's card and currency. Only an increment adds to the amount. What the issuer approved
without us counts in the card's limits (docs/decisions/0027).
"""

from typing import Any

from issuing import states
from issuing.authorizations.facts import Facts
from issuing.issuers.messages import AuthorizationRequest
from onecard.kit.money import Money

# A declined purchase is over: the merchant's next try has an id of its own.
OPEN_STATES = frozenset({"", states.Authorization.APPROVED})
SENTENCES = {
    "another_card": "{purchase} belongs to another card than {card}, with which its issuer asked for more. Declined.",
    "another_person": "{purchase} names {people}, who is not the cardholder of its card, {card}. Declined.",
    "another_currency": "{purchase} is in {currency_before}, and its issuer asked for more in {currency}. Declined.",
    "not_an_increment": "{purchase} was approved before, and its issuer asked again as if it were new. Declined.",
    "increment_of_unknown": (
        "The issuer asked for more on {purchase}, of which we never approved what it says stands, and does not say how "
        "much that is. Declined."
    ),
}


def found(asked: AuthorizationRequest, facts: Facts) -> str:
    """Returns the reason to decline a request that contradicts the known purchase, or "" (docs/decisions/0027)."""
    card, is_known = facts.card.id if facts.card else None, bool(facts.status_before)
    stands = facts.status_before == states.Authorization.APPROVED
    judgements = (
        # A purchase on an unknown card must not become a known cardholder's purchase.
        ("another_card", facts.card_before != card and (facts.card_before is not None or stands)),
        ("another_person", facts.names_another_person),
        ("another_currency", is_known and facts.currency_before != asked.currency),
        ("not_an_increment", stands and not asked.follows),
        (
            "increment_of_unknown",
            card is not None and (facts.unknown_rounds > 0 or (not is_known and asked.approved_before_minor is None)),
        ),
    )
    return next((reason for reason, holds in judgements if holds), "")


def for_the_record(contradiction: str, asked: AuthorizationRequest, facts: Facts) -> dict[str, Any]:
    """Returns what the committing statement needs besides the decision:

    The case's sentence, or the amount approved before.
    """
    return {"contradiction": _sentence(contradiction, asked, facts)} if contradiction else _approved(asked, facts)


def _sentence(contradiction: str, asked: AuthorizationRequest, facts: Facts) -> str:
    return SENTENCES[contradiction].format(
        purchase=asked.authorization_id,
        card=asked.issuer_card_id,
        people=" and ".join(asked.cardholders),
        currency=asked.currency,
        currency_before=facts.currency_before,
    )


def approved_minor(asked: AuthorizationRequest, facts: Facts) -> int:
    """Returns the amount approved before, by us or by the issuer alone: the larger of what the two sides report."""
    return max(asked.approved_before_minor or 0, facts.approved_before_minor)


def _approved(asked: AuthorizationRequest, facts: Facts) -> dict[str, Any]:
    """Returns the amount that the committing statement adds to the limits when we hold less than was approved."""
    minor = approved_minor(asked, facts)
    is_countable = (
        facts.card is not None and facts.card.currency == asked.currency and facts.status_before in OPEN_STATES
    )
    if not (minor and is_countable):
        return {}
    reported = Money(minor, asked.currency)
    summary = (
        f"The issuer says that {reported} of {asked.authorization_id} stood before it asked us for more. "
        "What we did not approve of that counts in the card's limits, and no funding card was charged for it."
    )
    return {"standing_minor": minor, "standing_summary": summary}
