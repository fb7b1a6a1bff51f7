"""Every rule of the alerts. A new one: a module in rules/, a line here, a section of docs/runbook.md, a test."""

from typing import Final

from django.utils.translation import gettext_lazy

from onecard.alerts.rule import Rule
from onecard.alerts.rules import (
    cards,
    decisions,
    events,
    issuer_balance,
    issuers,
    one_card,
    outbox,
    purchases,
    stand_in,
    unknown_charges,
)

RULES: Final[tuple[Rule, ...]] = (
    decisions.ANSWERS,
    decisions.JOURNAL,
    stand_in.RULE,
    purchases.DECLINES,
    purchases.VOLUME,
    one_card.RULE,
    unknown_charges.RULE,
    cards.RULE,
    events.SIGNATURES,
    events.FAILING,
    events.WAITING,
    events.FOREIGN,
    issuers.CREDENTIALS,
    issuers.RATE_LIMIT,
    issuer_balance.RULE,
    outbox.RULE,
)
# Its incidents are opened by the evaluation, for each rule whose measurement raises.
RULE_FAILING: Final = Rule(
    kind="rule_failing",
    label=gettext_lazy("A rule of the alerts cannot measure"),
    to_do=gettext_lazy(
        "Read the worker's log: until it is mended nobody hears of what this rule watches, so look at Health yourself."
    ),
    measure=lambda: (),
)


def rule_of(kind: str) -> Rule | None:
    """Returns the rule of a kind; None for one that an earlier version had."""
    return next((rule for rule in (*RULES, RULE_FAILING) if rule.kind == kind), None)
