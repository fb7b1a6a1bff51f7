"""What is on the cards' two sides: virtual cards, funding cards, and the wallets that join them.

A task counts them over whole tables every ten minutes; the page shows the counts with their age.
"""

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Final

from django.db.models import Count, OuterRef, Q
from django.urls import reverse
from django.utils.translation import gettext as _

from issuing import states
from issuing.models import VirtualCard
from onecard.desk import kept_figures
from onecard.desk.health.item import Item, State
from onecard.kit import clock, display
from wallet.methods.condition_counts import CAN_PAY, CANNOT_PAY, can_pay
from wallet.methods.condition_counts import counts as count_funding_cards

VIRTUAL, FUNDING, WALLETS = "virtual_cards", "funding_cards", "wallets"
STALE_AFTER: Final = dt.timedelta(minutes=30)
# More than one card in so many that cannot pay is worth a look.
ONE_IN: Final = 10


def virtual_cards() -> Iterator[Item]:
    """How many can be used, are frozen or suspended, or wait to be made."""
    counts, at = _kept(VIRTUAL)
    active = counts.get(states.Card.ACTIVE, 0)
    waiting = counts.get(states.Card.PENDING, 0)
    stopped = counts.get(states.Card.FROZEN, 0) + counts.get(states.Card.SUSPENDED, 0)
    words = _("%(active)s active, %(stopped)s frozen or suspended, %(waiting)s not active yet.")
    yield _item(
        name=_("Virtual cards"),
        state="good" if active else "warn",
        measured=words % {"active": active, "stopped": stopped, "waiting": waiting},
        at=at,
        to_do=_("Order a card on a person's page, or see under card changes why cards are not made."),
        page=f"{reverse('admin:issuing_virtualcard_changelist')}?status__exact=active",
    )


def funding_cards() -> Iterator[Item]:
    """How many can pay, expire soon, rest after a declined charge, or cannot pay at all."""
    counts, at = _kept(FUNDING)
    usable = sum(counts.get(state, 0) for state in CAN_PAY)
    unusable = sum(counts.get(state, 0) for state in CANNOT_PAY)
    words = _(
        "%(usable)s available, of which %(expiring)s expire within 30 days; %(cooling)s resting after a declined "
        "charge, %(expired)s expired, %(off)s switched off or gone at the processor."
    )
    measured = words % {
        "usable": usable,
        "off": counts.get("disabled", 0) + counts.get("detached", 0),
        **{state: counts.get(state, 0) for state in ("expiring", "cooling", "expired")},
    }
    shown = "cooling" if counts.get("cooling") else "expired"
    state: State = "good" if usable and unusable * ONE_IN <= usable + unusable else "warn" if usable else "bad"
    yield _item(
        name=_("Funding cards"),
        state=state,
        measured=measured,
        at=at,
        to_do=_("The list of wallets has a filter by how their cards stand. Only their owner can add a card."),
        page=f"{reverse('admin:wallet_cardholder_changelist')}?cards={shown}",
    )


def wallets() -> Iterator[Item]:
    """How many people with an active card have a funding card behind it that can pay."""
    counts, at = _kept(WALLETS)
    people, ready = counts.get("people", 0), counts.get("ready", 0)
    words = _("%(ready)s of %(people)s people with an active card have a funding card that can pay.")
    state: State = "good" if people and ready == people else "warn" if ready or not people else "bad"
    yield _item(
        name=_("Wallet configuration"),
        state=state,
        measured=words % {"ready": ready, "people": people},
        at=at,
        to_do=_("Purchases of the others are declined. Ask them to add a funding card, or to renew theirs."),
        page=reverse("admin:wallet_cardholder_changelist"),
    )


def count_virtual_cards() -> kept_figures.Rows:
    """Reads all cards."""
    rows = VirtualCard.objects.order_by().values_list("status").annotate(count=Count("pk"))
    return [{"name": status, "count": count} for status, count in rows]


def count_all_funding_cards() -> kept_figures.Rows:
    """Reads all funding cards."""
    return [{"name": state, "count": count} for state, count in count_funding_cards(clock.now()).items()]


def count_wallets() -> kept_figures.Rows:
    """Reads all active cards with the funding cards of their owners."""
    active = VirtualCard.objects.filter(status=states.Card.ACTIVE)
    is_ready = Q(can_pay(OuterRef("cardholder"), clock.now()))
    found = active.aggregate(
        people=Count("cardholder", distinct=True), ready=Count("cardholder", distinct=True, filter=is_ready)
    )
    return [{"name": name, "count": count} for name, count in found.items()]


def _kept(name: str) -> tuple[dict[str, int], dt.datetime | None]:
    rows, at = kept_figures.read(name)
    return {row["name"]: row["count"] for row in rows or []}, at


def _item(*, name: str, state: State, measured: str, at: dt.datetime | None, to_do: str, page: str) -> Item:
    if at is None:
        return Item(name=name, state="warn", measured=_("Not counted yet; it is every ten minutes."), to_do=to_do)
    if clock.now() - at > STALE_AFTER and state == "good":
        state = "warn"
    counted = _("Counted %(age)s ago.") % {"age": display.age(at)}
    return Item(name=name, state=state, measured=f"{measured} {counted}", to_do=to_do, page=page)


FIGURES: Final[dict[str, Callable[[], kept_figures.Rows]]] = {
    VIRTUAL: count_virtual_cards,
    FUNDING: count_all_funding_cards,
    WALLETS: count_wallets,
}
