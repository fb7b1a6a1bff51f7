"""A person's virtual cards: limits with what is spent and left, the balance, and who stopped them."""

from dataclasses import dataclass, field
from typing import Final

from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from issuing import states
from issuing.admin.cards import TONE
from issuing.cards import holder_rights
from issuing.cards.flags import flags_of
from issuing.limits.cardholder_limits import LimitLeft, limits_left
from issuing.models import VirtualCard
from onecard.desk.customer.buttons import Button, buttons_of
from onecard.kit import display
from wallet.models import Cardholder

# A person has one card, and two for as long as the old one is being replaced.
MOST_LIVING: Final = 5
MOST_CLOSED: Final = 20
KINDS: Final = {
    "purchase": gettext_lazy("One purchase"),
    "day": gettext_lazy("A day"),
    "month": gettext_lazy("A month"),
}


@dataclass(frozen=True, slots=True)
class ShownLimit:
    """One limit in words; `used` is how much of it is spent, from 0 to 100."""

    name: str
    limit: str
    spent: str
    left: str
    renews: str
    used: int


@dataclass(frozen=True, slots=True)
class ShownCard:
    """One virtual card that is not closed."""

    row: VirtualCard
    state: str
    limits: list[ShownLimit]
    facts: list[tuple[str, object]]
    buttons: list[Button] = field(default_factory=list)


def living_cards(request: HttpRequest, holder: Cardholder, *, page: str) -> list[ShownCard]:
    """Returns the cards that are not closed, the newest first, with the buttons that the user may press."""
    rows = VirtualCard.objects.filter(cardholder=holder).exclude(status=states.Card.CLOSED)
    found = list(rows.select_related("cardholder").order_by("-pk")[:MOST_LIVING])
    return [_shown(request, each, page) for each in found]


def closed_cards(holder: Cardholder) -> list[VirtualCard]:
    """Returns the closed cards, the newest first."""
    rows = VirtualCard.objects.filter(cardholder=holder, status=states.Card.CLOSED)
    return list(rows.order_by("-pk")[:MOST_CLOSED])


def _shown(request: HttpRequest, card: VirtualCard, page: str) -> ShownCard:
    return ShownCard(
        row=card,
        state=display.label(card.get_status_display(), TONE.get(card.status, "neutral")),
        limits=[_limit(each) for each in limits_left(card)],
        facts=_facts(card),
        buttons=buttons_of(request, card, page=page),
    )


def _limit(found: LimitLeft) -> ShownLimit:
    spent = found.spent.minor if found.spent else 0
    return ShownLimit(
        name=str(KINDS[found.kind]),
        limit=str(found.limit),
        spent=str(found.spent) if found.spent else display.NOTHING,
        left=str(found.left),
        renews=display.moment(found.renews_at),
        used=min(100, spent * 100 // found.limit.minor) if found.limit.minor else 100,
    )


def _facts(card: VirtualCard) -> list[tuple[str, object]]:
    stopped, flags = holder_rights.stopped_by(card), flags_of(card)
    expires = f"{card.expiry_month:02d}/{card.expiry_year}" if card.expiry_month else ""
    facts: list[tuple[str, object]] = [
        (_("Stopped by"), str(states.Stopper(stopped).label) if stopped else ""),
        (_("Compliance flags"), ", ".join(flags)),
        (_("On the card"), display.money(card.balance_minor, card.currency) if card.balance_minor else ""),
        (_("Expires"), expires),
        (_("Issuer"), card.get_issuer_provider_display()),
    ]
    return [(name, value) for name, value in facts if value]
