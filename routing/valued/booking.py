"""What a charge takes of its card's caps: by the trace of its decision, or by the terms as they are now."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from routing import preview, rulebook
from routing.engine import applicable_rows
from routing.models import PersonalRule
from routing.value.choice import choose_by_value
from routing.value.prices import NO_PRICES
from routing.value.spend import Booking, Purchase, Spend
from routing.value.wallet import Wallet
from routing.valued import trace
from routing.valued.holdings import held
from routing.valued.person import TARGET, spend_of
from wallet.models import FundingMethod

# A name of a cap or bonus, a tag or "", the first day of the period, and minor units.
Share = list[Any]


@dataclass(frozen=True, slots=True)
class Charged:
    """A charge of a purchase: the card, the purchase as terms see it with the amount of the charge, and its trace."""

    method: FundingMethod
    purchase: Purchase
    trace: Mapping[str, Any]


def shares_of(charged: Charged) -> list[Share]:
    """Returns the shares of the charge in the caps and categories of its card; empty for a card without any."""
    found = _by_trace(charged)
    if found is None:
        found = _by_terms(charged)
    caps = [[bucket.cap, "", bucket.starts_on.isoformat(), minor] for bucket, minor in found.buckets]
    targets = _targets(charged)
    return (
        targets
        + caps
        + [[tally.bonus, tally.tag, tally.starts_on.isoformat(), minor] for tally, minor in found.tallies]
    )


def _targets(charged: Charged) -> list[Share]:
    """Returns the shares towards the targets of personal rules about this card, of rules that are there by now."""
    day = charged.purchase.at.date()
    rules = PersonalRule.objects.filter(
        method=charged.method, action=PersonalRule.Action.TARGET, counts_from__lte=day, until__gte=day
    )
    return [
        [f"{TARGET}{each.pk}", "", str(each.counts_from), charged.purchase.amount_minor]
        for each in rules.order_by("pk")
    ]


def _by_trace(charged: Charged) -> Booking | None:
    """Returns the booking by what the decision saw, or None for a decision by another strategy or without this card."""
    saw, card = charged.trace.get("value"), str(charged.method.pk)
    if not isinstance(saw, Mapping) or saw.get("format") != trace.FORMAT:
        return None
    if all(each["card"] != card for each in saw["cards"]):
        return None
    decided = trace.purchase_of(saw["purchase"])._replace(amount_minor=charged.purchase.amount_minor)
    return _of_card(card, decided, trace.wallet_of(saw, decided.mcc), spend_of(saw["spend"]))


def _by_terms(charged: Charged) -> Booking:
    version, purchase = rulebook.current_version(), charged.purchase
    found = rulebook.catalogue_for(version=version)
    if charged.method.product_id not in found.products:
        return Booking()
    rules, rows, _versions = rulebook.rules_for(version=version, mcc=purchase.mcc)
    ranked = applicable_rows(rows, purchase.at.date(), "cash", rules)
    person = preview.person_of(charged.method.cardholder, purchase.at)
    passes = found.account.passes_mcc
    cards = held([preview.method_of(charged.method)], found, ranked, person, is_passed_through=passes)
    wallet = Wallet(found.matcher, found.catalogue, [each.holding for each in cards])
    return _of_card(str(charged.method.pk), purchase, wallet, person.spend)


def _of_card(card: str, purchase: Purchase, wallet: Wallet, spend: Spend) -> Booking:
    others = {each.holding.card: "other" for each in wallet.cards if each.holding.card != card}
    return choose_by_value(purchase, wallet, spend, NO_PRICES, others).booking
