"""The charts of a monthly report: what was earned beside what else was possible, and what each card earned."""

from typing import Final

from django.utils.translation import gettext as _

from issuing.rewards.monthly.report import CardLine, Report
from onecard.kit.charts import BarChart, Value, bar_chart

LONGEST_NAME: Final = 22


def charts_of(report: Report) -> list[BarChart]:
    """Returns the charts of a report that has purchases on cards with terms, else none."""
    if not report.purchases:
        return []
    return [_sums(report), _cards(report)]


def _sums(report: Report) -> BarChart:
    return bar_chart(
        _("Earned, and what was possible"),
        _("Three bars: what %(card)s alone would have earned, what was earned, and the most with hindsight.")
        % {"card": report.baseline_card},
        [
            Value(_("Best single card"), report.baseline.minor, str(report.baseline), "neutral"),
            Value(_("Earned"), report.earned.minor, str(report.earned), "good"),
            Value(_("Most that was possible"), report.most.minor, str(report.most), "info"),
        ],
    )


def _cards(report: Report) -> BarChart:
    return bar_chart(
        _("Earned by card"),
        _("One bar for each card of the wallet. The table has what each paid."),
        [Value(_label(each), each.earned.minor, str(each.earned), "good") for each in report.cards],
    )


def _label(card: CardLine) -> str:
    """The card's name and digits; a long name is cut, since an SVG does not wrap its words."""
    name = card.name if len(card.name) <= LONGEST_NAME else f"{card.name[: LONGEST_NAME - 1].rstrip()}…"
    return f"{name} •••• {card.last_four}"
