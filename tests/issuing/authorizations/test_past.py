"""What controls see of a card's past: each attribute for a past of which it is true, and for one of which it is not."""

import datetime as dt
from typing import Any, Final

import pytest

from issuing.authorizations import past
from issuing.controls.attributes import HISTORY
from issuing.history.card_history import Attempt, History, Place, in_ms, merchant_key
from issuing.models import CardHistory, Decision
from tests.support.controls import ask, condition, in_force, parsed
from tests.support.stripe_events import authorization_request
from tests.support.wallets import walkthrough_card

NOW: Final = dt.datetime(2026, 5, 4, 12, tzinfo=dt.UTC)
# 45.00 USD in the United States, with the card itself.
ASKED: Final = parsed("stripe", authorization_request(card="ic_1", card_presence="present"))
HERE: Final = str(merchant_key(ASKED.merchant))


def declines(*minutes: int) -> History:
    return History(attempts=tuple(_attempt(each, is_approved=False) for each in minutes))


def present_in(country: str) -> History:
    return History(last_present=Place(in_ms(NOW - dt.timedelta(hours=1)), country, "", ""))


def _attempt(minutes: int, *, is_approved: bool) -> Attempt:
    return Attempt(in_ms(NOW - dt.timedelta(minutes=minutes)), 4_500, 1, is_approved)


# Thirty approvals, half of 10.00 and half of 20.00: 45.00 is about six deviations above the mean.
USUAL: Final = History(approvals=30, approved_minor=45_000, squares=15 * 1_000**2 + 15 * 2_000**2)
APPROVED_SINCE: Final = History(attempts=(_attempt(1, is_approved=True), _attempt(2, is_approved=False)))
# Of each attribute: a past, its value then, another past, and its value then.
CASES: Final[dict[str, tuple[History, Any, History, Any]]] = {
    "new_merchant": (History(), True, History(merchants=frozenset({HERE})), False),
    "new_country": (History(), True, History(countries=frozenset({"US"})), False),
    "new_mcc": (History(), True, History(mccs=frozenset({"5812"})), False),
    "declines_15_min": (declines(1, 14, 16), 2, declines(16), 0),
    "declines_1_h": (declines(1, 59, 61), 2, declines(61), 0),
    "declines_24_h": (declines(1, 1439, 1441), 2, declines(1441), 0),
    "consecutive_declines": (declines(1, 90), 2, APPROVED_SINCE, 0),
    "z_score": (USUAL, 5.9, History(approvals=29, approved_minor=29_000, squares=30 * 1_000**2), None),
    "impossible_travel": (present_in("JP"), True, present_in("CA"), False),
}


@pytest.mark.parametrize("name", CASES)
def test_each_attribute_of_the_past_is_what_the_past_says(name: str) -> None:
    before, value, other, other_value = CASES[name]

    found, otherwise = (getattr(past.of(ASKED, each, currency="USD", now=NOW), name) for each in (before, other))

    assert found == pytest.approx(value, abs=0.05)
    assert otherwise == other_value


def test_every_attribute_of_the_past_has_a_case() -> None:
    assert set(CASES) == set(HISTORY)


def test_an_amount_in_another_currency_is_compared_with_nothing() -> None:
    assert past.of(ASKED, USUAL, currency="EUR", now=NOW).z_score is None


@pytest.mark.django_db
def test_a_decision_asks_the_cards_own_past() -> None:
    card = walkthrough_card()
    version = in_force(when=[condition("new_mcc", value=True), condition("consecutive_declines", [1, None], "between")])
    assert [ask(card), ask(card, mcc="5411")] == ["", ""]
    known = CardHistory.objects.get(card=card)
    assert (set(known.mccs), known.approvals) == ({"5812", "5411"}, 2)

    assert ask(card, 900_000, mcc="5999") == "per_transaction_limit_exceeded"

    assert [ask(card, mcc="5812"), Decision.objects.filter(decline_reason=version.reason_code).count()] == ["", 0]
    assert ask(card, 900_000) == "per_transaction_limit_exceeded"
    assert ask(card, mcc="5999") == version.reason_code
