"""What a process remembers of a person's caps after a decision, until it reads them again."""

import datetime as dt
from typing import Any

from routing.value.personal_rules import Action, PersonalRule, PersonalRules
from routing.value.spend import Bucket, Spend, Tally, Used
from routing.valued.person import PersonFacts
from routing.valued.spending import after

QUARTER, MONTH = dt.date(2025, 10, 1), dt.date(2025, 11, 1)
DINING = Bucket("7", "dining", QUARTER)


def trace(**value: Any) -> dict[str, Any]:
    bought = {"amount_minor": 4500, "at": "2025-11-15T12:00:00"}
    return {"chosen_method_id": 7, "value": {"purchase": bought, **value}}


def test_an_approved_purchase_takes_space_of_the_card_that_pays() -> None:
    known = PersonFacts(spend=Spend({DINING: Used(1000, 2000)}))

    found = after(known, trace(takes=[["dining", "", "2025-10-01", 4500], ["top", "gas", "2025-11-01", 4500]]), 4500)

    assert found is not None
    assert found.spend.buckets == {DINING: Used(5500, 2000)}
    assert found.spend.tallies == {Tally("7", "top", MONTH, "gas"): Used(4500)}
    assert known.spend.buckets == {DINING: Used(1000, 2000)}


def test_it_counts_towards_the_target_of_its_card_alone() -> None:
    days = {"counts_from": MONTH, "until": dt.date(2025, 12, 31), "target_minor": 50_000}
    rules = PersonalRules(
        tuple(PersonalRule(number, 1, number, Action.TARGET, card, **days) for number, card in ((1, "7"), (2, "8"))),
        {1: 100, 2: 100},
    )

    found = after(PersonFacts(rules=rules), trace(), 4500)

    assert found is not None
    assert found.rules.target_spent == {1: 4600, 2: 100}


def test_another_amount_than_the_one_chosen_for_is_left_to_the_database() -> None:
    assert after(PersonFacts(), trace(), 2000) is None


def test_a_decision_by_another_strategy_changes_nothing() -> None:
    known = PersonFacts()

    assert after(known, {"chosen_method_id": 7}, 4500) is known
