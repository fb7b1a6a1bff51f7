"""What several pages show of a purchase and of a reason: in a person's words, ready for a template."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from issuing.activity import declines, reasons
from issuing.activity.purchases import (
    CANCELLED,
    COMPLETED,
    DECLINED,
    PENDING,
    REFUNDED,
    UNPAID,
    Payment,
    PurchaseView,
)
from issuing.rewards.totals import units_in_words
from onecard.api.fields import plain
from onecard.kit import clock, display
from onecard.kit.money import Money
from onecard.kit.time_zones import zone_of
from routing.explanation import Explanation, RankedCard
from routing.words import RULES
from wallet.methods import condition
from wallet.models import Cardholder, FundingMethod, Network

NETWORKS: Final = dict(Network.choices)
STATUS_WORDS: Final = {
    PENDING: "Pending", COMPLETED: "Completed", DECLINED: "Declined", CANCELLED: "Cancelled", REFUNDED: "Refunded",
    UNPAID: "Not paid yet",
}  # fmt: skip
TONES: Final = {PENDING: "wait", COMPLETED: "good", DECLINED: "bad", UNPAID: "bad"}


METHOD_WORDS: Final = {
    "active": ("Ready", "good"),
    "expiring": ("Expires soon", "wait"),
    "cooling": ("Rests", "wait"),
    "expired": ("Expired", "bad"),
    "disabled": ("Switched off", "plain"),
    "detached": ("Not saved", "bad"),
}


@dataclass(frozen=True, slots=True)
class ShownPurchase:
    """A purchase in a list: its row with status and amount, who pays, and why."""

    view: PurchaseView
    status: str
    tone: str
    amount: str
    when: str
    paid_with: str
    why: str


@dataclass(frozen=True, slots=True)
class ShownCard:
    """A card of the ranking: what it earns for this purchase, and what it is worth at 1 cent a unit."""

    card: RankedCard
    network: str
    is_chosen: bool
    rate: str
    earns: str
    value: str


@dataclass(frozen=True, slots=True)
class ShownMethod:
    """A funding card: how it stands in a word with its tone, and in a sentence unless it can simply pay."""

    row: FundingMethod
    state: str
    tone: str
    help: str


def purchase(view: PurchaseView, *, time_zone: str) -> ShownPurchase:
    """Returns what a list shows of a purchase; `why` is the rule that chose, or the sentence of its decline."""
    return ShownPurchase(
        view=view,
        status=STATUS_WORDS[view.status],
        tone=TONES.get(view.status, "plain"),
        amount=_amount(view),
        when=_when(view.row.created_at, time_zone),
        paid_with=paid_with(view.payments),
        why=_why(view, time_zone),
    )


def paid_with(payments: list[Payment]) -> str:
    """Names who pays, such as: Citi Double Cash •••• 4444."""
    return " and ".join(str(each.method) if each.method else "the card's balance" for each in payments)


def cards(found: Explanation, amount: Money) -> list[ShownCard]:
    """Returns the table of an explanation's cards, in the engine's order."""
    return [_card(each, found, amount) for each in found.cards]


def methods_of(holder: Cardholder) -> list[ShownMethod]:
    """The funding cards in the person's order, without those that they removed."""
    rows = holder.funding_methods.select_related("cardholder", "detachment").order_by("position", "pk")
    conditions = [(each, condition.condition_of(each)) for each in rows]
    return [
        ShownMethod(each, *METHOD_WORDS[now.state], "" if now.state == "active" else now.sentence)
        for each, now in conditions
        if now.state != "removed"
    ]


def _why(view: PurchaseView, time_zone: str) -> str:
    if view.status == DECLINED:
        return decline_sentence(view, time_zone=time_zone)
    reason = reasons.of_decision(view.decision)
    return str(RULES.get(reason.explanation.rule, reason.explanation.sentence)) if reason else ""


def _amount(view: PurchaseView) -> str:
    """The amount; "" where the issuer declined by itself and did not say how much was asked for."""
    return str(view.money) if view.money.minor or view.status != DECLINED else ""


def _when(at: dt.datetime, time_zone: str) -> str:
    """The time in the person's zone, such as 28 Nov, 12:39; with the year unless it is this one."""
    zone = zone_of(time_zone)
    local, now = at.astimezone(zone), clock.now().astimezone(zone)
    year = "" if local.year == now.year else f" {local.year}"
    return f"{local.day} {local:%b}{year}, {local:%H:%M}"


def decline_sentence(view: PurchaseView, *, time_zone: str) -> str:
    """Returns why a declined purchase was declined, and "" for another."""
    if view.status != DECLINED:
        return ""
    _code, sentence = declines.why(view.row, view.decision, time_zone=time_zone)
    return sentence


def _card(card: RankedCard, found: Explanation, amount: Money) -> ShownCard:
    reward = card.reward
    return ShownCard(
        card=card,
        network=str(NETWORKS.get(card.network, card.network)),
        is_chosen=card is found.chosen,
        rate=_rate(card),
        earns=units_in_words(reward.units, card.reward_type, amount.currency) if reward else "",
        value=display.estimate(reward.value, amount.currency) if reward else "",
    )


def _rate(card: RankedCard) -> str:
    """Rate times multiplier, as the order goes by it: 4 x 0.5 = 2."""
    if card.reward_rate is None or card.effective_reward is None:
        return ""
    if card.multiplier in (None, Decimal(1)):
        return plain(card.effective_reward)
    return f"{plain(card.reward_rate)} x {plain(card.multiplier or Decimal(1))} = {plain(card.effective_reward)}"
