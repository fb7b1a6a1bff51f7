"""What must hold for any wallet, any rows and any rules; small ranges, so that ties and overlaps are common."""

import datetime as dt
import random as randomness
from dataclasses import dataclass, replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.engine import Method, Row, Rules, choose
from tests.routing import reference_rules
from tests.routing.golden import PURCHASE, make_method
from tests.support.lengths import length

pytestmark = pytest.mark.only_in_proofs

NETWORKS = ["visa", "mastercard", "amex"]
DAY = PURCHASE.local_date
MANY = settings(max_examples=length("ENGINE_EXAMPLES", short=100, whole=400), deadline=None)


def decimals(*numbers: float) -> list[Decimal]:
    return [Decimal(str(number)) for number in numbers]


rates = st.sampled_from(decimals(0, 0.5, 1, 1.01, 1.02, 1.5, 2, 2.01, 2.999, 3, 3.001, 4, 4.02, 5))
multipliers = st.sampled_from(decimals(0, 0.5, 1, 1.0, 1.3, 2))
days = st.none() | st.integers(-2, 2).map(lambda shift: DAY + dt.timedelta(days=shift))
kinds = st.sampled_from(["cash", "points", "miles", "default"])
preferences = st.sampled_from(["cash", "rewards"])


@dataclass(frozen=True)
class Situation:
    """The engine's arguments beside the purchase."""

    methods: list[Method]
    rows: list[Row]
    preference: str
    rules: Rules


@st.composite
def rulebooks(draw: st.DrawFn) -> Rules:
    pairs = [(preference, is_cash) for preference in ("cash", "rewards") for is_cash in (True, False)]
    return Rules(
        multipliers={pair: draw(multipliers) for pair in pairs},
        tie_within=draw(st.sampled_from([Decimal(0), Decimal("0.01"), Decimal("0.5")])),
        significantly_better=draw(st.sampled_from([Decimal(1), Decimal("1.5"), Decimal(3)])),
    )


@st.composite
def wallets(draw: st.DrawFn, most: int = 5) -> list[Method]:
    size = draw(st.integers(0, most))
    backup = draw(st.integers(0, most))
    return [
        replace(
            make_method(number),
            network=draw(st.sampled_from(NETWORKS)),
            product_id=draw(st.none() | st.integers(1, 3)),
            active=draw(st.sampled_from([True, True, True, False])),
            expiry_year=2026,
            expiry_month=draw(st.integers(2, 5)),
            cooling_until=draw(st.none() | st.integers(-1, 1).map(lambda s: PURCHASE.at + dt.timedelta(seconds=s))),
            currencies=draw(st.sampled_from([("USD",), ("EUR", "USD"), ("EUR",)])),
            is_backup=number == backup,
            position=draw(st.integers(1, 3)),
        )
        for number in range(1, size + 1)
    ]


@st.composite
def ranking_rows(draw: st.DrawFn) -> list[Row]:
    rows = []
    for number in range(1, draw(st.integers(0, 8)) + 1):
        product = draw(st.none() | st.integers(1, 3))
        network = "" if product else draw(st.sampled_from(NETWORKS))
        rows.append(Row(number, 1, product, network, draw(rates), draw(kinds), draw(days), draw(days)))
    return rows


situations = st.builds(Situation, wallets(), ranking_rows(), preferences, rulebooks())


@MANY
@given(situations)
def test_the_outcome_is_that_of_the_reference(situation: Situation) -> None:
    choice = choose(PURCHASE, situation.methods, situation.rows, situation.preference, situation.rules)
    chosen = choice.method.id if choice.method else None
    assert (chosen, choice.rule) == reference_rules.decide(
        PURCHASE, situation.methods, situation.rows, situation.preference, situation.rules
    )


@MANY
@given(situations)
def test_the_chosen_method_is_usable_and_every_method_appears_once(situation: Situation) -> None:
    choice = choose(PURCHASE, situation.methods, situation.rows, situation.preference, situation.rules)
    assert choice.method is None or reference_rules.is_usable(choice.method, PURCHASE)
    assert sorted(seen.method.id for seen in choice.candidates) == [method.id for method in situation.methods]
    assert (choice.method is None) == (choice.rule == "no_funding_card")


@MANY
@given(situations, st.randoms(use_true_random=False))
def test_the_order_of_methods_and_rows_changes_nothing(situation: Situation, random: randomness.Random) -> None:
    methods, rows = situation.methods[:], situation.rows[:]
    random.shuffle(methods)
    random.shuffle(rows)
    one = choose(PURCHASE, situation.methods, situation.rows, situation.preference, situation.rules)
    other = choose(PURCHASE, methods, rows, situation.preference, situation.rules)
    assert (one.method, one.rule) == (other.method, other.rule)
    assert [seen for seen in one.candidates if not seen.left_out] == [
        seen for seen in other.candidates if not seen.left_out
    ]


@MANY
@given(wallets(), st.lists(rates, min_size=5, max_size=5), st.lists(kinds, min_size=5, max_size=5), rulebooks(), rates)
def test_under_rewards_a_winner_that_earns_more_still_wins(
    methods: list[Method], their_rates: list[Decimal], their_kinds: list[str], rules: Rules, more: Decimal
) -> None:
    methods = [replace(method, product_id=method.id) for method in methods]
    rows = [
        Row(method.id, 1, method.id, "", their_rates[place], their_kinds[place], None, None)
        for place, method in enumerate(methods)
    ]
    before = choose(PURCHASE, methods, rows, "rewards", rules)
    if before.method is None or before.method.is_backup:
        return
    raised = [replace(r, reward_rate=r.reward_rate + more) if r.id == before.method.id else r for r in rows]
    assert choose(PURCHASE, methods, raised, "rewards", rules).method == before.method
