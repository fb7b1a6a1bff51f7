"""A card's past as decisions use it: what controls see of it, and whether anything looks at it at all."""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

from django.conf import settings

from issuing.authorizations.facts import CardFacts, KnownCard
from issuing.controls import compiled
from issuing.controls.attributes import HISTORY, History
from issuing.controls.evaluation import ControlInForce
from issuing.fraud.travel import too_far_km
from issuing.history.card_history import History as CardHistory
from issuing.history.card_history import in_ms, is_present
from issuing.issuers.messages import AuthorizationRequest
from routing import strategy

QUARTER, HOUR, DAY = dt.timedelta(minutes=15), dt.timedelta(hours=1), dt.timedelta(hours=24)


def for_controls(
    asked: AuthorizationRequest, card: CardFacts, names: Iterable[str] = HISTORY, *, now: dt.datetime
) -> History:
    """Returns these attributes of the card's past, as they are before this purchase; the others are unknown."""
    return of(asked, card.history, names, currency=card.currency, now=now)


def of(
    asked: AuthorizationRequest,
    past: CardHistory,
    names: Iterable[str] = HISTORY,
    *,
    currency: str,
    now: dt.datetime,
) -> History:
    """Returns these attributes of a past, for a purchase with a card of this currency."""
    about = _About(asked, past, currency, now)
    return History(**{name: _ATTRIBUTES[name](about) for name in names})


def is_used(known: KnownCard) -> bool:
    """Returns whether a hook or a control of the card looks at the past, or a choice by value at caps."""
    if settings.FRAUD_HOOKS or strategy.is_by_value(known.facts.preference):
        return True
    if not compiled.is_compiled(version=known.controls_version):
        return True
    return bool(compiled.of_programme(version=known.controls_version).history or known.facts.controls.history)


def look_back(controls: Iterable[ControlInForce]) -> bool:
    """Returns whether one of these controls has a condition over the past."""
    return any(each.rule.looks_back for each in controls)


class _About(NamedTuple):
    asked: AuthorizationRequest
    past: CardHistory
    currency: str
    now: dt.datetime


def _declines_within(span: dt.timedelta) -> Callable[[_About], int]:
    return lambda about: about.past.declines_within(span, about.now)


def _z_score(about: _About) -> float | None:
    asked = about.asked
    return about.past.z_score(asked.amount_minor) if asked.currency == about.currency else None


def _is_impossible(about: _About) -> bool | None:
    last, country = about.past.last_present, about.asked.merchant.country
    if last is None or not is_present(about.asked) or not country:
        return None
    return too_far_km(last, country, in_ms(about.now)) is not None


# How each attribute is found. A decision asks for those that a control looks at.
_ATTRIBUTES: Final[Mapping[str, Callable[[_About], Any]]] = {
    "new_merchant": lambda about: about.past.is_new_merchant(about.asked.merchant),
    "new_country": lambda about: about.past.is_new_country(about.asked.merchant.country),
    "new_mcc": lambda about: about.past.is_new_mcc(about.asked.merchant.mcc),
    "declines_15_min": _declines_within(QUARTER),
    "declines_1_h": _declines_within(HOUR),
    "declines_24_h": _declines_within(DAY),
    "consecutive_declines": lambda about: about.past.consecutive_declines,
    "z_score": _z_score,
    "impossible_travel": _is_impossible,
}
