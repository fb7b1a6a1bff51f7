"""Each hook that is shipped: what makes it flag or decline, and what does not."""

import datetime as dt
import importlib
from collections.abc import Callable
from typing import Any

import pytest

from issuing.fraud.distances import least_km
from issuing.fraud.shipped.bursts import card_testing, velocity_jump
from issuing.fraud.shipped.merchants import TIERS, high_risk_mcc
from issuing.fraud.shipped.places import first_use_of_country, impossible_travel
from issuing.fraud.verdicts import Action, FrozenFacts
from issuing.history.card_history import Attempt, History, Place, in_ms, merchant_key
from issuing.issuers.messages import Merchant, Signals
from onecard.fraud_settings import SHIPPED

NOW = dt.datetime(2026, 5, 4, 12, tzinfo=dt.UTC)
PRESENT, ONLINE = Signals(channel="present"), Signals(channel="not_present")


def shop(*, mcc: str = "5812", name: str = "Shop", country: str = "US") -> Merchant:
    return Merchant(mcc, name, "", "", country, "")


def asked(*, minor: int = 4500, merchant: Merchant | None = None, age_days: float = 400, **more: Any) -> FrozenFacts:
    return FrozenFacts(
        provider="stripe",
        now=NOW,
        amount_minor=minor,
        currency=more.pop("currency", "USD"),
        card_currency="USD",
        merchant=merchant or shop(),
        is_first_round=True,
        card_id=1,
        cardholder_id=1,
        card_created_at=NOW - dt.timedelta(days=age_days),
        kyc_status="verified",
        **more,
    )


def tries(count: int, *, minor: int = 9000, approved: bool = True, shops: int = 1, minutes: float = 1) -> History:
    at_ms = in_ms(NOW - dt.timedelta(minutes=minutes))
    keys = [merchant_key(shop(name=f"Shop {number}")) for number in range(shops)]
    return History(attempts=tuple(Attempt(at_ms, minor, keys[n % shops], approved) for n in range(count)))


@pytest.mark.parametrize(
    ("past", "minor", "action", "words"),
    [
        (tries(4, minor=500), 500, Action.FLAG, "5 amounts of at most 5 units"),
        (tries(3, minor=500), 500, Action.ALLOW, ""),
        (tries(4, minor=501), 500, Action.ALLOW, ""),
        (tries(4, minor=500, minutes=11), 500, Action.ALLOW, ""),
        (tries(4, approved=False), 9000, Action.FLAG, "4 declines"),
        (tries(3, approved=False), 9000, Action.ALLOW, ""),
        (tries(5, shops=5), 9000, Action.FLAG, "6 merchants"),
        (tries(4, shops=4), 9000, Action.ALLOW, ""),
        (tries(4, minor=0, approved=False), 0, Action.DECLINE, "5 amounts of at most 5 units, 4 declines"),
    ],
)
def test_card_testing(past: History, minor: int, action: Action, words: str) -> None:
    verdict = card_testing(asked(minor=minor, history=past))

    assert (verdict.action, words in verdict.reason) == (action, True)
    assert verdict.is_valid()


def test_small_amounts_are_small_in_their_currency() -> None:
    past = tries(4, minor=5)

    assert card_testing(asked(minor=5, currency="JPY", history=past)).action == Action.FLAG
    assert card_testing(asked(minor=6, currency="JPY", history=past)).action == Action.ALLOW


@pytest.mark.parametrize(
    ("before", "approvals", "age_days", "action"),
    [
        (7, 100, 400, Action.FLAG),
        (6, 100, 400, Action.ALLOW),
        (7, 1200, 400, Action.ALLOW),
        (7, 0, 0.01, Action.FLAG),
    ],
)
def test_velocity_jump(before: int, approvals: int, age_days: float, action: Action) -> None:
    past = History(approvals=approvals, attempts=tries(before, minutes=59).attempts)

    assert velocity_jump(asked(history=past, age_days=age_days)).action == action


@pytest.mark.parametrize(
    ("approvals", "country", "action"),
    [(5, "BR", Action.FLAG), (4, "BR", Action.ALLOW), (5, "US", Action.ALLOW), (5, "", Action.ALLOW)],
)
def test_first_use_of_a_country(approvals: int, country: str, action: Action) -> None:
    past = History(approvals=approvals, countries=frozenset({"US"}))

    assert first_use_of_country(asked(merchant=shop(country=country), history=past)).action == action


@pytest.mark.parametrize(
    ("hours", "there", "signals", "action"),
    [
        (5, "GB", PRESENT, Action.DECLINE),
        (6, "GB", PRESENT, Action.ALLOW),
        (5, "GB", ONLINE, Action.ALLOW),
        (5, "GB", Signals(), Action.ALLOW),
        (0.01, "CA", PRESENT, Action.ALLOW),
        (0, "US", PRESENT, Action.ALLOW),
        (0, "XX", PRESENT, Action.ALLOW),
    ],
)
def test_impossible_travel_from_the_united_states(hours: float, there: str, signals: Signals, action: Action) -> None:
    last = Place(in_ms(NOW - dt.timedelta(hours=hours)), "US", "Seattle", "98101")
    facts = asked(merchant=shop(country=there), signals=signals, history=History(last_present=last))

    assert impossible_travel(facts).action == action


def test_travel_needs_an_earlier_place() -> None:
    assert impossible_travel(asked(signals=PRESENT)).action == Action.ALLOW


def test_the_least_way_between_countries() -> None:
    assert least_km("US", "GB") == pytest.approx(4570, abs=30)
    assert least_km("US", "MX") == 0
    assert least_km("US", "??") is None


@pytest.mark.parametrize("mcc", sorted(mcc for mccs in TIERS.values() for mcc in mccs))
def test_the_first_purchase_in_a_category_of_high_risk(mcc: str) -> None:
    known = History(mccs=frozenset({mcc}))

    assert high_risk_mcc(asked(merchant=shop(mcc=mcc), signals=ONLINE)).action == Action.FLAG
    assert high_risk_mcc(asked(merchant=shop(mcc=mcc), signals=PRESENT)).action == Action.ALLOW
    assert high_risk_mcc(asked(merchant=shop(mcc=mcc), signals=ONLINE, history=known)).action == Action.ALLOW
    assert high_risk_mcc(asked(merchant=shop(), signals=ONLINE)).action == Action.ALLOW


@pytest.mark.parametrize("path", SHIPPED)
def test_what_is_shipped_is_inline_and_flags_nothing_usual(path: str) -> None:
    module, _, name = path.rpartition(".")
    hook: Callable[[FrozenFacts], Any] = getattr(importlib.import_module(module), name)

    assert getattr(hook, "inline", False) is True
    assert hook(asked(signals=ONLINE)).action == Action.ALLOW


def test_z_score_needs_thirty_approvals_and_is_exact() -> None:
    amounts = [100, 200] * 15
    past = History(approvals=30, approved_minor=sum(amounts), squares=sum(each**2 for each in amounts))
    few = History(approvals=29, approved_minor=2900, squares=290_000)

    assert past.z_score(150) == 0
    assert past.z_score(200) == pytest.approx(50 / 50.8548, rel=1e-4)
    assert (few.z_score(150), few.mean_minor, few.deviation_minor) == (None, None, None)
    assert History(approvals=30, approved_minor=3000, squares=300_000).z_score(200) is None


def test_declines_are_counted_within_a_span_and_in_a_row() -> None:
    made = [Attempt(in_ms(NOW - dt.timedelta(minutes=m)), 1, 1, ok) for m, ok in ((5, False), (20, False), (90, True))]
    past = History(attempts=(*made, Attempt(in_ms(NOW - dt.timedelta(hours=20)), 1, 1, is_approved=False)))

    spans = [dt.timedelta(minutes=15), dt.timedelta(hours=1), dt.timedelta(hours=24)]
    assert [past.declines_within(span, NOW) for span in spans] == [1, 2, 3]
    assert past.consecutive_declines == 2
    assert History(attempts=tuple(made[:2])).consecutive_declines == 2
