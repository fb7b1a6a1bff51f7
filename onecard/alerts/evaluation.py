"""Evaluates every rule, each by itself: one that raises hides no other, and is an incident of its own."""

import logging
from collections.abc import Callable, Sequence
from typing import Final

from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.db import connection
from django.utils import translation

from onecard.alerts import incidents
from onecard.alerts.registry import RULE_FAILING, RULES
from onecard.alerts.rule import Condition, Rule
from onecard.alerts.states import Severity
from onecard.kit.postgresql.time_limits import give_up_after
from onecard.kit.transactions import require_no_transaction

log = logging.getLogger(__name__)

# All rules together then end within the task's time, even when the database answers none of them.
MEASURED_WITHIN_S: Final = 3.0


def evaluate(rules: Sequence[Rule] = RULES) -> None:
    """Measures every rule, and opens, continues or resolves its incidents; safe to run at once with itself.

    Raises TransactionError inside a transaction.
    """
    require_no_transaction("The evaluation of alerts")
    failing = [failure for rule in rules if (failure := _each(rule, incidents.follow))]
    incidents.follow(RULE_FAILING.kind, failing)
    incidents.clear_unknown_kinds({RULE_FAILING.kind, *(rule.kind for rule in rules)})


def measure(rules: Sequence[Rule] = RULES) -> dict[str, list[Condition]]:
    """Returns the conditions that hold now, by kind; RULE_FAILING has one for each rule that raised."""
    found: dict[str, list[Condition]] = {}
    failing = [failure for rule in rules if (failure := _each(rule, found.__setitem__))]
    return {**found, RULE_FAILING.kind: failing}


def _each(rule: Rule, use: Callable[[str, list[Condition]], None]) -> Condition | None:
    """Measures one rule in English and uses what it found; returns the condition of a rule that raised."""
    try:
        with translation.override(settings.LANGUAGE_CODE):
            with give_up_after(MEASURED_WITHIN_S):
                conditions = list(rule.measure())
            use(rule.kind, conditions)
    except SoftTimeLimitExceeded:
        raise
    except Exception as error:
        log.exception("The rule %s of the alerts cannot measure.", rule.kind)
        # (in the block that a test wraps around itself there is no other connection)
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()
        return Condition(
            severity=Severity.CRITICAL,
            summary=f"The rule {rule.kind} cannot measure: {type(error).__name__}. What it watches is not watched.",
            key=rule.kind,
        )
    return None
