"""A stored decision, decided again with the same rows and rules, comes out the same (routing/replay.py)."""

import datetime as dt
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing import replay, reproduction
from routing.engine import Choice, Method, Purchase, Row, Rules, choose
from routing.trace import describe

RULES = Rules(
    {("cash", True): Decimal(1), ("cash", False): Decimal("0.5"), ("rewards", True): Decimal(1),
     ("rewards", False): Decimal("1.3")}, Decimal("0.01"), Decimal("1.5"),
)  # fmt: skip
NOW = dt.datetime(2026, 3, 3, 12, tzinfo=dt.UTC)
PURCHASE = Purchase("5812", "USD", NOW, NOW.date())
METHODS = st.builds(
    Method, id=st.integers(1, 99), name=st.just("Card"), network=st.sampled_from(["visa", "amex"]),
    product_id=st.sampled_from([None, 1, 2]), last_four=st.just("4242"), processor_method_id=st.just("pm"),
    active=st.booleans(), expiry_year=st.sampled_from([2020, 2030]), expiry_month=st.just(1),
    cooling_until=st.sampled_from([None, NOW + dt.timedelta(hours=1)]),
    currencies=st.sampled_from([("USD",), ("EUR",)]),
    is_backup=st.booleans(), position=st.integers(0, 9), has_customer=st.booleans(),
)  # fmt: skip
ROWS = st.builds(
    Row, id=st.integers(1, 999), version=st.just(1), product_id=st.sampled_from([None, 1, 2]),
    network=st.sampled_from(["visa", "amex"]), reward_rate=st.decimals(0, 9, places=2),
    reward_type=st.sampled_from(["cash", "points"]), valid_from=st.sampled_from([None, dt.date(2026, 1, 1)]),
    valid_to=st.sampled_from([None, dt.date(2026, 2, 1)]),
)  # fmt: skip


def traced(choice: Choice, rows: list[Row], preference: str) -> dict[str, Any]:
    """The trace as it is stored, and read again."""
    known = {"rulebook_version": 1, "versions": {"a number": 1}}
    made = describe(choice, purchase=PURCHASE, preference=preference, rules=RULES, rows=rows, **known)
    return dict(json.loads(json.dumps(made)))


def payer(choice: Choice) -> tuple[int | None, str]:
    return choice.method.id if choice.method else None, choice.rule


@given(
    methods=st.lists(METHODS, max_size=5, unique_by=(lambda each: each.id, lambda each: each.position)),
    rows=st.lists(ROWS, max_size=6, unique_by=lambda each: each.id),
    others=st.lists(ROWS, max_size=6, unique_by=lambda each: each.id),
    preference=st.sampled_from(["cash", "rewards"]),
)
def test_a_decision_comes_out_again_from_its_trace(
    methods: list[Method], rows: list[Row], others: list[Row], preference: str
) -> None:
    first = choose(PURCHASE, methods, rows, preference, RULES)
    trace = traced(first, rows, preference)

    found = replay.circumstances(trace, {})

    assert reproduction.differences(trace) == []
    assert found is not None
    assert payer(replay.decide(found, rows, RULES)) == payer(first)
    # With other rows it is what the engine would have chosen from the wallet itself.
    assert payer(replay.decide(found, others, RULES)) == payer(choose(PURCHASE, methods, others, preference, RULES))


def test_an_older_trace_takes_the_products_that_are_known_now() -> None:
    method = {"method_id": 7, "name": "it", "network": "visa", "last_four": "1", "is_backup": False, "position": 1}
    trace = {
        "mcc": "5812", "currency": "USD", "at": NOW.isoformat(), "local_date": "2026-03-03", "preference": "cash",
        "candidates": [{**method, "left_out": "no_ranking_row"}],
    }  # fmt: skip

    found = replay.circumstances(trace, {7: 2})

    assert found is not None
    assert [each.product_id for each in found.methods] == [2]
    assert replay.circumstances({**trace, "candidates": [{}]}, {}) is None
    assert replay.circumstances({}, {}) is None


SEEN = [
    Method(1, "A", "visa", 1, "4242", "pm", True, 2030, 1, None, ("USD",), False, 1),
    Method(2, "B", "amex", None, "8431", "pm", True, 2020, 1, None, ("USD",), True, 2),
]
LOSES = Row(1, 1, 1, "visa", Decimal(9), "points", None, dt.date(2026, 2, 1))
APPLIES = Row(2, 3, None, "visa", Decimal(2), "cash", None, None)
ELSEWHERE = Row(3, 1, None, "discover", Decimal(5), "cash", None, None)


def test_a_trace_holds_expiry_currencies_and_the_rows_that_lost() -> None:
    rows = [LOSES, APPLIES, ELSEWHERE]
    trace = traced(choose(PURCHASE, SEEN, rows, "cash", RULES), rows, "cash")

    assert [(each["expires"], each["currencies"]) for each in trace["candidates"]] == [
        ("2030-01", ["USD"]), ("2020-01", ["USD"]),
    ]  # fmt: skip
    assert [each[0] for each in trace["rows"]] == [1, 2]
    assert trace["multipliers"] == ["1", "0.5"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"rule": "backup_without_cash"}, "rule: backup_without_cash is stored, highest_with_cash_available"),
        ({"chosen_method_id": 2}, "chosen_method_id: 2 is stored, 1 comes out"),
        ({"multipliers": ["3", "0.5"]}, "candidate 1, effective_reward: 2 is stored, 6 comes out"),
        ({"local_date": "2026-01-31"}, "candidate 1, row_id: 2 is stored, 1 comes out"),
        ({"at": "2026-03-03T12:00:00+01:00"}, ""),
    ],
)
def test_what_comes_out_otherwise_is_named(change: dict[str, Any], said: str) -> None:
    trace = traced(choose(PURCHASE, SEEN, [LOSES, APPLIES], "cash", RULES), [LOSES, APPLIES], "cash")

    found = reproduction.differences(trace | change)

    assert any(said in each for each in found) if said else found == []


@pytest.mark.parametrize("change", [{"rows": [[1]]}, {"candidates": [{}]}, {"tie_within": "x"}, {"local_date": None}])
def test_a_damaged_trace_is_named(change: dict[str, Any]) -> None:
    trace = traced(choose(PURCHASE, SEEN, [APPLIES], "cash", RULES), [APPLIES], "cash")

    (said,) = reproduction.differences(trace | change)

    assert said.startswith("its trace is damaged")


def test_a_trace_of_an_earlier_release_is_no_difference() -> None:
    trace = traced(choose(PURCHASE, SEEN, [APPLIES], "cash", RULES), [APPLIES], "cash")
    trace.pop("rows")

    with pytest.raises(reproduction.TraceTooShortError):
        reproduction.differences(trace)
    assert not reproduction.has_choice({"issuer_card_id": "ic_1"})
