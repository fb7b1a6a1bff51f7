"""What a choice by value saw and found, as JSON in the decision's trace; and the same choice again from it.

The terms are stored as far as they cover the purchase: the base rate, the bonuses that it may earn and their caps. So a
decision stays explained, and can be made again, whatever becomes of the catalogue.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

import msgspec

from routing.catalogue.entries import Entry, entry_of
from routing.value.choice import ValueChoice, choose_by_value
from routing.value.earning import NOTHING, Earning, Part
from routing.value.likelihood import Odds
from routing.value.matching import Matcher
from routing.value.offers import Offer, PricedProduct
from routing.value.prices import Prices
from routing.value.spend import Booking, Bucket, Purchase, Spend, Tally, Used
from routing.value.terms import EVERYTHING, Bonus, Cap, Catalogue, Category, Channel, Holding, Product, Scope, Source
from routing.value.top_category import Gains
from routing.value.wallet import Card, Wallet
from routing.valued.holdings import Held
from routing.valued.person import PersonFacts, kept_prices, kept_rule, prices_of, rules_of, spend_of, sums_of

ALL: Final = (Scope(categories=(EVERYTHING,)),)
FORMAT: Final = 1
MOST_REMEMBERED: Final = 5_000


def describe(
    chosen: ValueChoice,
    purchase: Purchase,
    wallet: Wallet,
    person: PersonFacts,
    *,
    is_passed_through: bool,
    held: Sequence[Held],
) -> dict[str, Any]:
    """Returns what the engine saw of the purchase, the wallet, its caps and their prices, and what each card earns."""
    offers = wallet.offers(purchase)
    pairs = list(zip(wallet.cards, offers, strict=True))
    earnings = {each.card.holding.card: each for each in chosen.candidates}
    basis = {each.card.holding.card: each for each in held}
    spend, prices = person.spend, person.prices
    if spend.buckets or spend.tallies:
        spend = _spend(pairs, purchase.at.date(), spend)
    if prices.space or prices.tops:
        prices = _prices(chosen.candidates, purchase, spend, prices)
    return {
        "format": FORMAT,
        "purchase": _purchase(purchase),
        "passed_through": is_passed_through,
        "cards": [
            _card(card, offer, purchase.mcc, basis[card.holding.card], earnings.get(card.holding.card))
            for card, offer in pairs
        ],
        "spend": sums_of(spend),
        "prices": kept_prices(prices),
        **({"takes": booked(chosen.booking)} if chosen.booking != NOTHING else {}),
        **(_personal(chosen, purchase, person) if person.rules.rules else {}),
        **({"point_cents": dict(person.point_cents)} if person.point_cents else {}),
        **_odds(chosen),
    }


def _personal(chosen: ValueChoice, purchase: Purchase, person: PersonFacts) -> dict[str, Any]:
    """Returns the personal rules that cover the purchase, which of them decided, and why others did not."""
    covering = [each for each in person.rules.rules if each.covers(purchase)]
    if not covering:
        return {}
    spent = {str(each.id): person.rules.target_spent.get(each.id, 0) for each in covering}
    return {
        "rules": [kept_rule(each) for each in covering],
        "target_spent": spent,
        "decided_by": chosen.personal_rule.id if chosen.personal_rule else None,
        "skipped": [[rule.id, why] for rule, why in chosen.skipped],
    }


def _odds(chosen: ValueChoice) -> dict[str, Any]:
    """Returns the odds of each card: the likelihood in millionths, and the processor's fee in basis points."""
    found = {card: [odds.approved_ppm, odds.fee_bp] for card, odds in sorted(chosen.odds.items())}
    return {"odds": found} if found else {}


def odds_of(kept: Mapping[str, Any]) -> dict[str, Odds]:
    """Returns the odds of a trace; empty where the choice was made without."""
    return {card: Odds(*each) for card, each in kept.get("odds", {}).items()}


def again(
    saw: Mapping[str, Any], left_out: Mapping[str, str], *, odds: Mapping[str, Odds] | None = None
) -> ValueChoice:
    """Makes the choice again from what a trace holds; `odds` stand in for its own.

    Raises KeyError, TypeError or ValueError for another format.
    """
    if saw["format"] != FORMAT:
        raise ValueError(f"A trace of format {saw['format']} is of another release.")
    purchase, person = purchase_of(saw["purchase"]), person_of(saw)
    wallet = wallet_of(saw, purchase.mcc)
    odds = (odds_of(saw) if odds is None else odds) or None
    return choose_by_value(purchase, wallet, person.spend, person.prices, left_out, personal=person.rules, odds=odds)


def results_of(chosen: ValueChoice) -> dict[str, Any]:
    """Returns what the engine found, as `describe` keeps it: of each card by its name, and of the personal rules."""
    return {
        "cards": {each.card.holding.card: _result(each) for each in chosen.candidates},
        "decided_by": chosen.personal_rule.id if chosen.personal_rule else None,
        "skipped": [[rule.id, why] for rule, why in chosen.skipped],
    }


def person_of(saw: Mapping[str, Any]) -> PersonFacts:
    """Returns what a trace holds of its person: own cents, and the spend, prices and rules that concern its purchase.

    Raises KeyError, TypeError or ValueError for another format.
    """
    spent = {int(key): minor for key, minor in saw.get("target_spent", {}).items()}
    rules = rules_of(saw.get("rules", ()), spent)
    return PersonFacts(saw.get("point_cents", {}), spend_of(saw["spend"]), prices_of(saw["prices"]), rules)


def booked(booking: Booking) -> list[list[Any]]:
    """Returns a booking as lists of a cap or bonus, a tag or "", the first day of its period, and minor units."""
    caps = [[bucket.cap, "", bucket.starts_on.isoformat(), minor] for bucket, minor in booking.buckets]
    return caps + [[tally.bonus, tally.tag, tally.starts_on.isoformat(), minor] for tally, minor in booking.tallies]


def purchase_of(kept: Mapping[str, Any]) -> Purchase:
    at = dt.datetime.fromisoformat(kept["at"])
    return Purchase(at, kept["mcc"], kept["merchant"], kept["amount_minor"], kept["country"], Channel(kept["channel"]))


def wallet_of(saw: Mapping[str, Any], mcc: str) -> Wallet:
    """Returns the wallet that a trace holds, with the terms as far as they cover its purchase."""
    holdings = [_holding(each) for each in saw["cards"]]
    covering = {tag for each in saw["cards"] for tag in each["tags"]}
    tags = {
        tag: Category(tag, "", ((mcc, mcc),) if tag in covering else ())
        for holding in holdings
        for bonus in holding.product.bonuses
        for tag in bonus.top_categories
    }
    catalogue = Catalogue({each.product.key: each.product for each in holdings}, {}, tags, {})
    return Wallet(Matcher(catalogue), catalogue, holdings)


def _purchase(purchase: Purchase) -> dict[str, Any]:
    return {
        "at": purchase.at.isoformat(),
        "mcc": purchase.mcc,
        "merchant": purchase.merchant,
        "amount_minor": purchase.amount_minor,
        "country": purchase.country,
        "channel": purchase.channel.value,
    }


def _card(card: Card, offer: Offer, mcc: str, held: Held, earning: Earning | None) -> dict[str, Any]:
    holding, source = card.holding, card.prepared.product.source
    tags = [tier.tag for tier in offer.tiers if tier.tag]
    return {
        "card": holding.card,
        "basis": held.basis,
        "terms_id": source.row_id,
        "terms_version": source.version,
        "terms": _terms(card.priced, offer),
        "cents": _cents(card.point),
        "statement_day": holding.statement_day,
        "opened_on": holding.opened_on.isoformat() if holding.opened_on else None,
        "is_backup": holding.is_backup,
        "tags": tags,
        **({} if earning is None else _result(earning)),
    }


def _result(earning: Earning) -> dict[str, Any]:
    """Returns what the purchase earns on a card; reward, fee and space in the engine's units (1e-8 minor units)."""
    return {
        "reward": earning.reward,
        "fee": earning.fee,
        "space": earning.space,
        "excluded": earning.is_excluded,
        "flat": earning.card.flat_value,
        "parts": [_part(each, earning.card.point) for each in earning.parts],
    }


def _part(part: Part, point: int) -> dict[str, Any]:
    source = part.source
    said = {"amount_minor": part.amount_minor, **_pays(part.value, part.bonus, source.row_id, source.version, point)}
    if part.bucket is not None:
        left = {"left_before_minor": part.left_before_minor, "left_after_minor": part.left_after_minor}
        said |= {"cap": part.bucket.cap, "since": part.bucket.starts_on.isoformat(), **left}
    return said


@lru_cache(MOST_REMEMBERED)
def _pays(value: int, bonus: str, row_id: int, row_version: int, point: int) -> dict[str, Any]:
    rate = Decimal(value) / (point * 100) if point else Decimal(0)
    row = {"bonus": bonus, "row_id": row_id, "row_version": row_version} if bonus else {}
    return {"rate": f"{rate.normalize():f}", **row}


@lru_cache(MOST_REMEMBERED)
def _cents(point: int) -> str:
    return f"{Decimal(point) / 10_000:f}"


@lru_cache(MOST_REMEMBERED)
def _terms(priced: PricedProduct, offer: Offer) -> Entry:
    """Returns a card's terms as JSON, as far as they cover this purchase; equal for everybody with this product.

    They are remembered, since most of the time of a decision would go into them. Nobody may change what is returned.
    """
    return entry_of(_reduced(priced, offer))


def _reduced(priced: PricedProduct, offer: Offer) -> Product:
    """Returns a card's terms as far as they cover this purchase, without names and sources."""
    product = replace(
        priced.prepared.product,
        name="", issuer="", annual_fee_minor=0, notes="", confidence="", source=Source(), valid_from=None,
        valid_to=None, exclusions=(), programme="",
        foreign_fee_percent=priced.prepared.product.foreign_fee_percent if offer.fee else Decimal(0),
    )  # fmt: skip
    if offer.is_excluded:
        return replace(product, bonuses=(), caps=(), exclusions=ALL)
    hits = [tier.hit.prepared.bonus for tier in offer.tiers if tier.hit is not None]
    caps = {tier.cap.key: replace(tier.cap, source=Source()) for tier in offer.tiers if tier.cap is not None}
    return replace(product, bonuses=tuple(_covering(each) for each in hits), caps=tuple(caps.values()))


def _covering(bonus: Bonus) -> Bonus:
    """Returns a bonus that covers the purchase, since it was found to."""
    return Bonus(
        key=bonus.key,
        rate=bonus.rate,
        cap=bonus.cap,
        scopes=() if bonus.top_categories else ALL,
        top_categories=bonus.top_categories,
    )


def _holding(kept: Mapping[str, Any]) -> Holding:
    opened_on = kept["opened_on"]
    return Holding(
        card=kept["card"],
        product=_product(kept),
        cents_per_point=Decimal(kept["cents"]),
        statement_day=kept["statement_day"],
        opened_on=dt.date.fromisoformat(opened_on) if opened_on else None,
        is_backup=kept["is_backup"],
    )


def _product(kept: Mapping[str, Any]) -> Product:
    """Returns a card's terms as they were kept, with the rows that the trace names."""
    terms = msgspec.convert(kept["terms"], Product, str_keys=True)
    rows = {
        each["bonus"]: Source(each["row_id"], each["row_version"]) for each in kept.get("parts", ()) if "bonus" in each
    }
    return replace(
        terms,
        key=f"card-{kept['card']}",
        source=Source(kept["terms_id"], kept["terms_version"]),
        bonuses=tuple(replace(each, source=rows.get(each.key, each.source)) for each in terms.bonuses),
    )


def _spend(pairs: Iterable[tuple[Card, Offer]], day: dt.date, known: Spend) -> Spend:
    """Returns how full the buckets are that the purchase could use on any of the cards."""
    buckets: dict[Bucket, Used] = {}
    tallies: dict[Tally, Used] = {}
    for card, offer in pairs:
        for tier in offer.tiers:
            if tier.cap is None or tier.hit is None:
                continue
            bucket, bonus = card.bucket(tier.cap, day), tier.hit.prepared.bonus
            if bucket in known.buckets:
                buckets[bucket] = known.buckets[bucket]
            if tier.tag and known.tallies:
                own = [Tally(bucket.card, bonus.key, bucket.starts_on, tag) for tag in bonus.top_categories]
                tallies |= {each: known.tallies[each] for each in own if each in known.tallies}
    return Spend(buckets, tallies)


def _prices(candidates: Iterable[Earning], purchase: Purchase, spend: Spend, known: Prices) -> Prices:
    """Returns the prices that were looked up, each as far as it was: of the space from before to after the purchase."""
    space: dict[Bucket, Gains] = {}
    tops: dict[Bucket, Mapping[str, Gains]] = {}
    for each in candidates:
        for part in each.split:
            if part.bucket is not None and part.bucket in known.space:
                space[part.bucket] = known.space[part.bucket].between(part.left_after_minor, part.left_before_minor)
        for tally, minor in each.booking.tallies:
            cap = next(tier.cap for tier in each.offer.tiers if tier.tag == tally.tag)
            bucket = Bucket(tally.card, cap.key if cap else "", tally.starts_on)
            found = known.top(bucket, tally.tag, purchase)
            if found:
                tops[bucket] = {
                    tag: _looked_up(found[tag], tally._replace(tag=tag), cap, spend, minor if tag == tally.tag else 0)
                    for tag in dict.fromkeys(each.weighed)
                    if tag in found
                }
    return Prices(space, tops)


def _looked_up(gains: Gains, tally: Tally, cap: Cap | None, spend: Spend, minor: int) -> Gains:
    used = spend.tallies.get(tally)
    left = (cap.limit_minor if cap else 0) - (used.total_minor if used else 0)
    return gains.between(max(0, left - minor), max(0, left))
