"""Who pays a purchase in words and links: never a card's name alone where that card pays nothing."""

from typing import Final

from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from onecard.kit import display, references
from onecard.kit.words import Words
from wallet.casework.payers import Payers
from wallet.models import Case, FundingCharge
from wallet.states import Charge

# What is added to the name of a card that has not paid yet.
NOT_PAID_YET: Final[dict[str, Words]] = {
    Charge.INTENDED: gettext_lazy("%(card)s (being charged)"),
    Charge.SENDING: gettext_lazy("%(card)s (being charged)"),
    Charge.PROCESSING: gettext_lazy("%(card)s (being charged)"),
    Charge.CAPTURING: gettext_lazy("%(card)s (being charged)"),
    Charge.HELD: gettext_lazy("%(card)s (held, not charged yet)"),
    Charge.UNKNOWN: gettext_lazy("%(card)s (outcome unknown)"),
    Charge.REQUIRES_ACTION: gettext_lazy("%(card)s (waits for the cardholder)"),
}
SETTLED: Final[dict[str, Words]] = {
    Case.Proposal.WRITE_OFF: gettext_lazy("Nobody: written off"),
    Case.Proposal.OUTSIDE: gettext_lazy("Settled outside"),
}


def payers(found: Payers, *, from_balance: bool = False) -> SafeString:
    """Returns each card that pays, the card's own balance, and what nobody pays with its open case."""
    parts: list[object] = [_("The card's balance")] if from_balance else []
    parts += dict.fromkeys(map(_card, found.charges))
    if found.is_carried:
        parts.append(_("Carried to the next charge"))
    if found.unpaid or found.case is not None:
        parts.append(_unpaid(found, in_part=bool(parts)))
    return format_html_join("; ", "{}", ((part,) for part in parts)) or SafeString(display.NOTHING)


def _card(charge: FundingCharge) -> str:
    words = NOT_PAID_YET.get(charge.status)
    return str(words) % {"card": charge.method} if words else str(charge.method)


def _unpaid(found: Payers, *, in_part: bool) -> str | SafeString:
    if found.case is not None:
        words = _("The rest unpaid, case open") if in_part else _("Unpaid, case open")
        return display.link(references.page_of(f"case:{found.case.pk}"), display.label(words, "bad"))
    if found.settled:
        return str(SETTLED[found.settled])
    # The cascade asks another card in a moment, or the clock asks this one again.
    return display.label(_("Not paid yet"), "warn")
