"""A person's own rules, and how likely a card is to pay."""

import datetime as dt

import pytest

from routing.value.choice import ValueChoice, choose_by_value
from routing.value.likelihood import Odds, estimate_odds
from routing.value.personal_rules import Action, PersonalRule, PersonalRules, list_overlaps
from routing.value.spend import Purchase, Spend
from routing.value.terms import Holding
from routing.value.wallet import Wallet
from tests.routing.value.golden import CATALOGUE, MATCHER

SAVOR, FLAT = "capital-one-savor", "wells-fargo-active-cash"
WALLET = Wallet(MATCHER, CATALOGUE, [Holding(key, CATALOGUE.products[key]) for key in (SAVOR, FLAT)])
DINNER = Purchase(dt.datetime.fromisoformat("2025-05-02T20:00"), "5812", "Bistro Paris", 10_000)


def choose(*rules: PersonalRule, purchase: Purchase = DINNER, **more: object) -> ValueChoice:
    spent = more.pop("target_spent", {})
    return choose_by_value(purchase, WALLET, Spend(), personal=PersonalRules(rules, spent), **more)


def rule(action: Action, card: str = FLAT, number: int = 1, **conditions: object) -> PersonalRule:
    return PersonalRule(id=number, version=1, position=number, action=action, card=card, **conditions)


def card(choice: ValueChoice) -> str | None:
    return choice.chosen.card.holding.card if choice.chosen else None


def test_without_rules_the_highest_value_pays() -> None:
    assert card(choose()) == SAVOR


@pytest.mark.parametrize(
    ("conditions", "decides"),
    [
        ({"merchants": ("bistro",)}, True),
        ({"merchants": ("Cafe",)}, False),
        ({"above_minor": 9_999}, True),
        ({"above_minor": 10_000}, False),
        ({"is_foreign": False}, True),
        ({"is_foreign": True}, False),
        ({"until": dt.date(2025, 5, 2)}, True),
        ({"until": dt.date(2025, 5, 1)}, False),
    ],
)
def test_a_rule_decides_what_its_conditions_cover(conditions: dict[str, object], decides: bool) -> None:
    choice = choose(rule(Action.USE, **conditions))

    assert (card(choice) == FLAT) is decides
    assert (choice.rule == "personal_rule") is decides


def test_the_first_rule_in_order_decides() -> None:
    assert card(choose(rule(Action.USE, SAVOR, 2), rule(Action.USE, FLAT, 1))) == FLAT


def test_a_forbidden_card_is_left_out_with_its_rule_wherever_it_stands() -> None:
    choice = choose(rule(Action.USE, SAVOR, 1), rule(Action.NEVER, SAVOR, 2))

    assert card(choice) == FLAT
    assert choice.left_out == {SAVOR: "personal_rule_2"}
    assert [(skipped.id, why) for skipped, why in choice.skipped] == [(1, "personal_rule_2")]


def test_with_every_card_forbidden_nobody_pays() -> None:
    choice = choose(rule(Action.NEVER, SAVOR, 1), rule(Action.NEVER, FLAT, 2))

    assert choice.chosen is None
    assert choice.rule == "no_funding_card"


def test_a_card_that_may_not_be_charged_passes_its_rule_on() -> None:
    choice = choose(rule(Action.USE, FLAT), left_out={FLAT: "expired"})

    assert card(choice) == SAVOR
    assert choice.skipped[0][1] == "expired"


@pytest.mark.parametrize(("spent", "expected"), [(49_999, FLAT), (50_000, SAVOR)])
def test_a_spend_target_holds_until_it_is_reached(spent: int, expected: str) -> None:
    target = rule(Action.TARGET, target_minor=50_000, until=dt.date(2025, 6, 30))

    assert card(choose(target, target_spent={1: spent})) == expected


def test_overlaps_are_pairs_that_contradict_each_other() -> None:
    paris = rule(Action.USE, SAVOR, 1, merchants=("Bistro",))
    any_card, abroad = rule(Action.USE, FLAT, 2, is_foreign=False), rule(Action.USE, FLAT, 3, is_foreign=True)
    never = rule(Action.NEVER, SAVOR, 4, merchants=("Bistro Paris",))
    other = rule(Action.NEVER, SAVOR, 5, merchants=("Cafe",))

    found = [(first.id, second.id) for first, second in list_overlaps([never, paris, any_card, abroad, other])]

    assert found == [(1, 2), (1, 3), (1, 4)]


def test_a_card_that_is_likely_to_decline_loses_to_one_that_pays() -> None:
    choice = choose(odds={SAVOR: Odds(approved_ppm=500_000)})

    assert card(choice) == FLAT
    assert choice.rule == "likelier_to_pay"


def test_the_processors_fee_counts_against_a_card() -> None:
    assert card(choose(odds={SAVOR: Odds(fee_bp=150)})) == FLAT
    assert card(choose(odds={SAVOR: Odds(fee_bp=50)})) == SAVOR


def test_odds_start_at_the_prior_and_move_with_outcomes() -> None:
    assert estimate_odds(0, 0, 950_000).approved_ppm == 950_000
    assert estimate_odds(20, 20, 950_000).approved_ppm == 975_000
    assert estimate_odds(0, 180, 950_000).approved_ppm == 95_000
    with pytest.raises(ValueError, match="Approvals"):
        estimate_odds(3, 2, 950_000)
