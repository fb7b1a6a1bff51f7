"""A person's funding cards in their order, and how each stands: active, cooling until when and why, expiring, gone."""

from dataclasses import dataclass
from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from onecard.kit import display
from wallet.methods import condition, cooling
from wallet.models import Cardholder, FundingMethod

WORDS: Final = {
    "active": (gettext_lazy("Active"), "good"),
    "cooling": (gettext_lazy("Cooling down"), "warn"),
    "expiring": (gettext_lazy("Expires soon"), "warn"),
    "expired": (gettext_lazy("Expired"), "bad"),
    "disabled": (gettext_lazy("Disabled"), "neutral"),
    "detached": (gettext_lazy("Detached at the processor"), "bad"),
    "removed": (gettext_lazy("Removed by the person"), "neutral"),
}
SENTENCES: Final = {
    "expiring": gettext_lazy("It can pay until its date. A new date from its bank follows by itself."),
    "expired": gettext_lazy("It pays nothing. The person adds the new card."),
    "disabled": gettext_lazy("It pays nothing until somebody enables it on the wallet's page."),
    "detached": gettext_lazy("The processor does not have it any more, so it pays nothing. The person adds it anew."),
}
# Old cards that the person removed; their purchases still name them.
MOST_REMOVED: Final = 20


@dataclass(frozen=True, slots=True)
class ShownMethod:
    """One funding card: its state as a label, and a sentence unless it can simply pay."""

    row: FundingMethod
    state: str
    sentence: str
    is_cooling: bool
    expires: str


@dataclass(frozen=True, slots=True)
class ShownWallet:
    """The cards of the wallet in the person's order, those that were removed, and what is wrong with the whole."""

    methods: list[ShownMethod]
    removed: list[ShownMethod]
    warning: str


def wallet_of(holder: Cardholder) -> ShownWallet:
    """Returns the wallet as it is now, from two statements."""
    rows = holder.funding_methods.select_related("cardholder", "product", "detachment").order_by("position", "pk")
    found = [(each, condition.condition_of(each)) for each in rows]
    why = cooling.reasons(each.pk for each, now in found if now.state == "cooling")
    shown = [(now.state, _shown(each, now, why.get(each.pk, ""))) for each, now in found]
    removed = [each for state, each in shown if state == "removed"]
    methods = [each for state, each in shown if state != "removed"]
    return ShownWallet(methods, removed[-MOST_REMOVED:], _warning(methods))


def _shown(method: FundingMethod, now: condition.Condition, why: str) -> ShownMethod:
    word, tone = WORDS[now.state]
    return ShownMethod(
        row=method,
        state=display.label(word, tone),
        sentence=_cooling(now, why) if now.state == "cooling" else str(SENTENCES.get(now.state, "")),
        is_cooling=now.state == "cooling",
        expires=f"{method.expiry_month:02d}/{method.expiry_year}",
    )


def _cooling(now: condition.Condition, why: str) -> str:
    until = display.moment(now.until)
    if not why:
        return _("It is left out until %(until)s, after a failed charge.") % {"until": until}
    return _("It is left out until %(until)s, because its bank declined a charge: %(why)s.") % {
        "until": until, "why": why,
    }  # fmt: skip


def _warning(methods: list[ShownMethod]) -> str:
    """Returns what keeps purchases from being paid, or ""."""
    if not methods:
        return _("The wallet has no funding card, so every purchase is declined. Send the person a link to add one.")
    backup = next((each.row for each in methods if each.row.is_backup), None)
    if backup is None:
        return _("No card is the backup card: a purchase at a merchant without rankings is declined.")
    if backup.status != FundingMethod.Status.ACTIVE:
        return _("The backup card cannot pay. Make another card the backup.")
    return ""
