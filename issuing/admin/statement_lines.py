"""A statement's report as its page shows it: rewards in words, a line for each rule, and what fits nowhere."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from issuing.statements import corrections, unmatched
from issuing.statements.corrections import Correction
from issuing.statements.report import MOST_LISTED, Report, RuleSum, day_of
from issuing.statements.rules import CORRECTED
from onecard.kit import display
from onecard.kit.separators import localised


@dataclass(frozen=True, slots=True)
class RuleLine:
    """One rule's purchases."""

    title: str
    rate: str
    purchases: int
    spent: str
    expected: str
    earned: str
    difference: str
    is_off: bool
    corrected: str


@dataclass(frozen=True, slots=True)
class ReportLines:
    """Everything that the page shows."""

    expected: str
    earned: str
    difference: str
    tone: str
    rules: list[RuleLine]
    refunds: RuleLine | None
    elsewhere: list[tuple[Any, str, str, str]]
    missing: list[tuple[Any, str]]
    elsewhere_count: int
    missing_count: int
    unbooked: int
    notes: list[str] = field(default_factory=list)
    can_correct: bool = False


def of_report(found: Report) -> ReportLines:
    """Returns a report in words."""
    fixes = corrections.find(found)
    by_rule = {fix.rule_sum.rule: fix for fix in fixes}
    return ReportLines(
        expected=_in_words(found.expected, found),
        earned=_in_words(found.earned, found),
        difference=_in_words(found.difference, found),
        tone="bad" if found.difference < 0 else "good",
        rules=[_line(each, found, by_rule.get(each.rule)) for each in found.rules],
        refunds=_line(found.refunds, found, None) if found.refunds else None,
        elsewhere=[
            (
                each.posted_on,
                display.money(each.amount_minor, found.currency),
                _units(Decimal(each.units_micro).scaleb(-6), found),
                why,
            )
            for each, why in unmatched.explain(found)
        ],
        missing=[(day_of(each, found.method), str(each.asked)) for each in found.missing[:MOST_LISTED]],
        elsewhere_count=len(found.elsewhere),
        missing_count=len(found.missing),
        unbooked=found.unbooked,
        notes=list(dict.fromkeys(fix.why_not for fix in fixes if fix.why_not)),
        can_correct=any(not fix.why_not for fix in fixes),
    )


def correction_in_words(fix: Correction) -> tuple[str, str]:
    """Returns a correction as a fact: the rule, and what it changes from and to, or why it does not."""
    rule = fix.rule_sum.rule
    rates = {"was": _rate(rule.rate), "now": _rate(fix.observed), "count": len(fix.rule_sum.compared)}
    words = _("%(was)s becomes %(now)s, by %(count)s purchases") % rates
    return rule.title, fix.why_not or words


def _line(each: RuleSum, found: Report, fix: Correction | None) -> RuleLine:
    return RuleLine(
        title=each.rule.title,
        rate=_rate(each.rule.rate) if each.rule.kind in CORRECTED else display.NOTHING,
        purchases=len(each.compared),
        spent=display.money(each.amount_minor, found.currency),
        expected=_units(each.expected, found),
        earned=_units(each.earned, found),
        difference=_units(each.difference, found),
        # A point or a cent for each purchase may be rounding.
        is_off=abs(each.difference) > len(each.compared),
        corrected=_rate(fix.observed) if fix else "",
    )


def _units(units: Decimal, found: Report) -> str:
    if found.in_money:
        return display.estimate(units / 100, found.currency)
    return localised(f"{round(units, 2).normalize():,f}")


def _in_words(units: Decimal, found: Report) -> str:
    said = _units(units, found)
    return said if found.in_money else _("%(count)s points") % {"count": said}


def _rate(rate: Decimal) -> str:
    return localised(f"{rate.normalize():f}")
