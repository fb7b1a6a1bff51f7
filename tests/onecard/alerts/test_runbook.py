"""Whoever is woken finds what to do."""

from pathlib import Path

import pytest

from onecard.alerts import messages
from onecard.alerts.models import Incident
from onecard.alerts.registry import RULE_FAILING, RULES
from onecard.alerts.rule import Rule

RUNBOOK = Path(__file__).resolve().parents[3] / "docs" / "runbook.md"


@pytest.mark.parametrize("rule", [*RULES, RULE_FAILING], ids=lambda rule: rule.kind)
def test_the_runbook_has_a_section_for_each_rule(rule: Rule) -> None:
    _before, heading, after = RUNBOOK.read_text("utf-8").partition(f"\n### {rule.label}\n")
    assert heading
    assert len(after.partition("\n#")[0]) > 100
    anchor = str(rule.label).lower().replace(" ", "-").replace(",", "")
    assert messages.runbook_of(Incident(kind=rule.kind)) == f"docs/runbook.md#{anchor}"


def test_each_rule_has_a_kind_of_its_own() -> None:
    kinds = [rule.kind for rule in (*RULES, RULE_FAILING)]
    assert len(set(kinds)) == len(kinds)
