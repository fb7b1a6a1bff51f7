"""The rules of docs/routing.md, case by case, as golden_cases.txt has them."""

from dataclasses import replace

import pytest

from routing.engine import choose
from tests.routing.golden import PURCHASE, Case, describe, read_cases

CASES = read_cases()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_golden_case(case: Case) -> None:
    choice = choose(PURCHASE, case.methods, case.rows, case.preference, case.rules)
    assert describe(choice) == case.expected


def test_every_rule_and_every_reason_has_a_case() -> None:
    told = " ".join(case.expected for case in CASES)
    rules = {
        "highest_reward",
        "highest_with_cash_available",
        "significantly_better_than_backup",
        "backup_without_cash",
        "highest_without_backup",
        "backup_unranked",
        "no_funding_card",
    }
    reasons = {"not_active", "expired", "cooling_down", "currency_not_supported", "no_ranking_row"}
    assert {word for word in rules | reasons if word not in told} == set()


def test_no_card_pays_without_a_customer_at_the_processor() -> None:
    case = CASES[0]
    methods = [replace(method, has_customer=False) for method in case.methods]

    choice = choose(PURCHASE, methods, case.rows, case.preference, case.rules)

    assert (choice.method, choice.rule) == (None, "no_funding_card")
    assert {candidate.left_out for candidate in choice.candidates if candidate.method.active} == {
        "no_processor_customer"
    }


def test_the_choice_points_at_the_candidate_that_pays() -> None:
    case = CASES[0]
    choice = choose(PURCHASE, case.methods, case.rows, case.preference, case.rules)
    assert choice.chosen is not None
    assert choice.chosen.method is choice.method
    assert choice.chosen.row is case.rows[2]
