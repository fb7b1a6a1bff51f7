"""A card's past as decisions use it: what controls see of it, and whether anything looks at it at all."""

import datetime as dt
from collections.abc import Iterable

from django.conf import settings

from issuing.authorizations.facts import CardFacts, KnownCard
from issuing.controls import compiled
from issuing.controls.attributes import History
from issuing.controls.evaluation import ControlInForce
from issuing.fraud.travel import too_far_km
from issuing.history.card_history import History as CardHistory
from issuing.history.card_history import in_ms, is_present
from issuing.history.freshness import is_fresh
from issuing.issuers.messages import AuthorizationRequest
from routing import strategy

QUARTER, HOUR, DAY = dt.timedelta(minutes=15), dt.timedelta(hours=1), dt.timedelta(hours=24)


def for_controls(asked: AuthorizationRequest, card: CardFacts, *, now: dt.datetime) -> History:
    """Returns the attributes of the card's past, as they are before this purchase."""
    return of(asked, card.history, currency=card.currency, now=now)


def of(asked: AuthorizationRequest, past: CardHistory, *, currency: str, now: dt.datetime) -> History:
    """Returns the attributes of a past, for a purchase with a card of this currency."""
    merchant = asked.merchant
    return History(
        new_merchant=past.is_new_merchant(merchant),
        new_country=past.is_new_country(merchant.country),
        new_mcc=past.is_new_mcc(merchant.mcc),
        declines_15_min=past.declines_within(QUARTER, now),
        declines_1_h=past.declines_within(HOUR, now),
        declines_24_h=past.declines_within(DAY, now),
        consecutive_declines=past.consecutive_declines,
        z_score=past.z_score(asked.amount_minor) if asked.currency == currency else None,
        impossible_travel=_is_impossible(asked, past, now),
    )


def may_decide(known: KnownCard) -> bool:
    """Returns whether a card in memory may be decided on: its past is new enough, or nothing looks at it."""
    return is_fresh(known.facts.past.read_at) or not is_used(known)


def is_used(known: KnownCard) -> bool:
    """Returns whether a hook or a control of the card looks at the past, or a choice by value at caps."""
    if settings.FRAUD_HOOKS or strategy.is_by_value(known.facts.preference):
        return True
    if not compiled.is_compiled(version=known.controls_version):
        return True
    return look_back((*compiled.of_programme(version=known.controls_version), *known.facts.controls))


def look_back(controls: Iterable[ControlInForce]) -> bool:
    """Returns whether one of these controls has a condition over the past."""
    return any(each.rule.looks_back for each in controls)


def _is_impossible(asked: AuthorizationRequest, past: CardHistory, now: dt.datetime) -> bool | None:
    last = past.last_present
    if last is None or not is_present(asked) or not asked.merchant.country:
        return None
    return too_far_km(last, asked.merchant.country, in_ms(now)) is not None
