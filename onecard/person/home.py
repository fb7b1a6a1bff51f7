"""The first page: the card with its limits, the wallet, the last purchases with why, and this month's benefit."""

from dataclasses import dataclass
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect

from issuing import states
from issuing.activity.purchases import of_cardholder, views
from issuing.cards import holder as holders_card
from issuing.controls import own as own_controls
from issuing.limits.cardholder_limits import LimitLeft, limits_left
from issuing.models import VirtualCard
from issuing.rewards.totals import overall, totals
from onecard.kit import clock, display
from onecard.kit.clock import local_day
from onecard.kit.money import Money
from onecard.person import shown
from onecard.person.onboarding.steps import steps_of
from onecard.person.page import BACK_OFFICE, PersonPage
from onecard.person.rule_words import in_a_sentence
from wallet.kyc import identity_status
from wallet.kyc.fields import in_words
from wallet.kyc.review import is_renewable
from wallet.models import Cardholder

LAST: Final = 5
STATUS_WORDS: Final = {
    states.Card.PENDING: "Being made",
    states.Card.ACTIVE: "Active",
    states.Card.FROZEN: "Frozen",
    states.Card.SUSPENDED: "Stopped",
    states.Card.CLOSED: "Closed",
}
HELP: Final = {
    states.Card.PENDING: "It can be used as soon as its issuer has made it and it is activated.",
    states.Card.FROZEN: "New purchases are declined. What was approved before can still be taken.",
    states.Card.SUSPENDED: "Its issuer or our support stopped it. Ask our support what is needed.",
    states.Card.CLOSED: "It is closed for good.",
}
LIMIT_WORDS: Final = {"purchase": "One purchase", "day": "Today", "month": "This month"}


@dataclass(frozen=True, slots=True)
class ShownCard:
    """The virtual card: its status in a word with help, its limits and rules, and what its holder can do with it."""

    row: VirtualCard
    status: str
    help: str
    limits: list[tuple[str, LimitLeft]]
    rules: list[str]
    balance: Money
    can_activate: bool
    can_freeze: bool
    can_replace: bool
    is_unfreezing: bool
    why_not_unfreeze: str


class Home(PersonPage):
    """Where a person begins; staff and nobody are led to the back office."""

    menu = "home"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.render(request, "home", **contents(self.holder))

    def turn_away(self, request: HttpRequest) -> HttpResponseBase:
        return redirect(BACK_OFFICE)


def contents(holder: Cardholder, *, refusal: str = "") -> dict[str, Any]:
    """Returns what the page shows; `refusal` stands beside the card's button."""
    living = holder.virtual_cards.select_related("cardholder").exclude(status=states.Card.CLOSED)
    last = of_cardholder(holder).order_by("-pk")[:LAST]
    cards = [_card(each) for each in living.order_by("-pk")]
    return {
        "holder": holder,
        "cards": cards,
        "steps": [] if cards else steps_of(holder.user),
        "wallet": shown.methods_of(holder),
        "purchases": [shown.purchase(each, time_zone=holder.time_zone) for each in views(last)],
        "benefit": _benefit(holder),
        "refusal": refusal,
        **_identity(holder),
    }


def _card(row: VirtualCard) -> ShownCard:
    is_frozen = row.status == states.Card.FROZEN
    return ShownCard(
        row=row,
        status=STATUS_WORDS[states.Card(row.status)],
        help=HELP.get(states.Card(row.status), ""),
        limits=[(LIMIT_WORDS[each.kind], each) for each in limits_left(row)],
        rules=[in_a_sentence(each) for each in own_controls.list_of(row)],
        balance=Money(row.balance_minor, row.currency),
        can_activate=row.status == states.Card.PENDING and bool(row.issuer_card_id),
        can_freeze=row.status == states.Card.ACTIVE,
        can_replace=bool(row.issuer_card_id),
        is_unfreezing=is_frozen and holders_card.is_unfreezing(row),
        why_not_unfreeze=holders_card.why_not_unfreeze(row) if is_frozen else "",
    )


def _identity(holder: Cardholder) -> dict[str, Any]:
    """Where the identity check stands, unless it has succeeded for long: what is missing, and what is asked for."""
    if holder.kyc_verified and not is_renewable(holder):
        return {}
    found = identity_status.of(holder)
    return {"identity": found, "missing": in_words(found.missing)}


def _benefit(holder: Cardholder) -> list[dict[str, Any]]:
    """What routing gained this month, for each currency."""
    month = local_day(clock.now(), holder.time_zone)
    found = totals(by="month", cardholder=holder.user.get_username(), since=month, until=month)
    return [
        {
            "currency": currency,
            "benefit": display.total(value.benefit, currency),
            "earned": display.total(value.face, currency),
            "baseline": display.total(value.baseline, currency),
            "purchases": value.charges,
        }
        for currency, value in overall(found).items()
    ]
