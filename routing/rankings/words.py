"""Rankings and their changes in words, for staff."""

from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from onecard.kit.money import Money
from routing.models import RankingChange, RankingRow, RewardType
from routing.rankings.changes import values_after, values_before
from routing.rankings.published import Values


def earns(rate: Decimal, kind: str) -> str:
    """Returns a rate in words: 4 % cash back, 1 point, 2.5 miles."""
    shown = {"rate": f"{rate.normalize():f}"}
    count = 1 if rate == 1 else 2
    words = {
        RewardType.CASH.value: _("%(rate)s %% cash back"),
        RewardType.POINTS.value: ngettext("%(rate)s point", "%(rate)s points", count),
        RewardType.MILES.value: ngettext("%(rate)s mile", "%(rate)s miles", count),
        RewardType.DEFAULT.value: _("%(rate)s x base rate"),
    }
    return words.get(kind, "%(rate)s") % shown


def subject(ranked: RankingChange | RankingRow) -> str:
    """Returns which cards a ranking is about: Citi Double Cash, or: any Visa (Sapphire)."""
    if ranked.product is not None:
        return str(ranked.product)
    network = _("any %(network)s") % {"network": ranked.get_network_display()}
    return f"{network} ({ranked.card_name})" if ranked.card_name else network


def applies(first: Any, last: Any) -> str:
    """Returns the days of a ranking in words."""
    if first is None and last is None:
        return _("always")
    if last is None:
        return _("from %(first)s") % {"first": first}
    if first is None:
        return _("until %(last)s") % {"last": last}
    return _("%(first)s to %(last)s") % {"first": first, "last": last}


def change_in_words(change: RankingChange) -> str:
    """Returns what a change does, such as: 2 % cash back becomes 3 % cash back."""
    before, after = values_before(change), values_after(change)
    if after is None:
        return _("Removed: it was %(before)s") % {"before": _values(before)}
    if before is None:
        return _("Added: %(after)s, %(days)s") % {
            "after": _values(after),
            "days": applies(change.valid_from, change.valid_to),
        }
    said = []
    if before[:2] != after[:2]:
        words = {"before": earns(before[0], before[1]), "after": earns(after[0], after[1])}
        said.append(_("%(before)s becomes %(after)s") % words)
    if before[2] != after[2]:
        said.append(_("annual fee %(before)s becomes %(after)s") % {"before": _fee(before[2]), "after": _fee(after[2])})
    if before[3] != after[3]:
        ends = {"before": before[3] or _("open"), "after": after[3] or _("open")}
        said.append(_("last day %(before)s becomes %(after)s") % ends)
    return "; ".join(said) or _("Nothing changes any more")


def counted(changes: int) -> str:
    return ngettext("%(count)s ranking", "%(count)s rankings", changes) % {"count": f"{changes:,}"}


def _values(values: Values | None) -> str:
    return earns(values[0], values[1]) if values else ""


def _fee(minor: int) -> str:
    return str(Money(minor, "USD"))
