"""What a bonus is paid for, and what must be so beside that, in words for staff."""

from typing import Any

from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from onecard.kit import display
from routing.models import RewardBonus


def covers_in_words(bonus: RewardBonus) -> SafeString | str:
    """Returns what a bonus is paid for, a line for each scope with its dates."""
    if bonus.top_categories:
        return _("The highest spend of: %(tags)s") % {"tags": display.joined(bonus.top_categories)}
    if bonus.choice_options:
        words = {"count": bonus.choice_pick, "tags": display.joined(bonus.choice_options)}
        return _("%(count)s chosen of: %(tags)s") % words
    return format_html_join("", "<p>{}</p>", ((_scope(each),) for each in bonus.scopes)) or display.NOTHING


def conditions_in_words(bonus: RewardBonus) -> str:
    """Returns what must be so beside that."""
    said = [
        _("activated") if bonus.activation_required else "",
        _("in its own country") if bonus.domestic_only else "",
        bonus.get_channel_display() if bonus.channel else "",
        _("from %(day)s") % {"day": bonus.valid_from} if bonus.valid_from else "",
        _("until %(day)s") % {"day": bonus.valid_to} if bonus.valid_to else "",
    ]
    return display.joined([each for each in said if each]) or display.NOTHING


def _scope(scope: dict[str, Any]) -> str:
    ranges = [low if low == high else f"{low}-{high}" for low, high in scope.get("mcc_ranges", ())]
    covers = [_("everything") if each == "*" else each for each in scope.get("categories", ())]
    said = display.joined([*covers, *ranges, *scope.get("merchants", ())])
    out = [*scope.get("excluded_categories", ()), *scope.get("excluded_merchants", ())]
    if out:
        said = _("%(said)s; not at %(out)s") % {"said": said, "out": display.joined(out)}
    if scope.get("valid_from") or scope.get("valid_to"):
        days = {"said": said, "first": scope.get("valid_from", "…"), "last": scope.get("valid_to", "…")}
        return _("%(said)s (%(first)s to %(last)s)") % days
    return said
