"""Why a decision chose the card that pays, with the amount that the card was chosen for."""

from dataclasses import dataclass

from issuing.models import Decision
from onecard.kit.money import Money
from routing.explanation import Explanation, explain


@dataclass(frozen=True, slots=True)
class Reason:
    """An explanation, and the amount whose rewards it estimates: what the card's own balance does not pay."""

    explanation: Explanation
    amount: Money


def of_decision(decision: Decision | None) -> Reason | None:
    """Returns the reason for a decision's choice; None where no card was looked at."""
    if decision is None or not isinstance(decision.trace, dict) or not decision.trace.get("candidates"):
        return None
    amount = Money(decision.amount_minor - decision.from_balance_minor, decision.currency)
    rule = decision.rule or str(decision.trace.get("rule") or "")
    return Reason(explain(decision.trace, rule=rule, amount=amount), amount)
