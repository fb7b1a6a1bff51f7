"""Each attribute with each of its operators: a value for which the condition holds, and one for which it does not."""

from typing import Any

import pytest

from issuing.controls.attributes import Attributes
from issuing.controls.conditions import OPERATORS, TYPES, compile_condition
from issuing.controls.errors import DefinitionError
from tests.support.controls import attributes, condition, parsed
from tests.support.stripe_events import authorization_request

# Of each attribute: one value, another one, and what `in`, `between` and `matches` are given that fit only the first.
TEXTS: dict[str, tuple[str, str, tuple[str, str], str]] = {
    "mcc": ("5812", "7995", ("5800", "5899"), "58*"),
    "mcc_group": ("stores", "business", ("s", "t"), "sto*"),
    "country": ("US", "FR", ("UA", "UZ"), "u?"),
    "currency": ("USD", "EUR", ("U", "Z"), "*sd"),
    "merchant_id": ("12345", "9", ("1", "2"), "12*"),
    "merchant_name": ("Starbucks Coffee", "Casino [1]", ("s", "t"), "*BUCKS*"),
    "entry_mode": ("chip", "online", ("a", "d"), "ch*"),
    "channel": ("present", "not_present", ("p", "q"), "pre*"),
    "cvc": ("match", "not_provided", ("m", "n"), "mat*"),
    "expiry": ("match", "not_provided", ("m", "n"), "mat*"),
    "address": ("match", "not_provided", ("m", "n"), "mat*"),
    "three_d_secure": ("authenticated", "failed", ("a", "b"), "auth*"),
    "wallet": ("apple_pay", "google_pay", ("a", "b"), "apple*"),
    "kyc_state": ("verified", "rejected", ("v", "w"), "ver*"),
}
NUMBERS = ("amount", "declines_15_min", "declines_1_h", "declines_24_h", "consecutive_declines", "z_score",
           "card_age_days", "network_risk", "issuer_risk", "kyc_days_left")  # fmt: skip
# Named here and not found by their type, so that none is lost from the list.
YES_OR_NO = ("cash", "foreign_currency", "new_merchant", "new_country", "new_mcc", "impossible_travel")
CASES: list[tuple[str, str, Any, Any, Any]] = [
    *((name, "is", fits, fits, other) for name, (fits, other, _, _) in TEXTS.items()),
    *((name, "in", [fits, "x"], fits, other) for name, (fits, other, _, _) in TEXTS.items()),
    *((name, "between", list(bounds), fits, other) for name, (fits, other, bounds, _) in TEXTS.items()),
    *((name, "matches", pattern, fits, other) for name, (fits, other, _, pattern) in TEXTS.items()),
    *((name, "is", 7, 7, 8) for name in NUMBERS),
    *((name, "in", [7, 9], 9, 8) for name in NUMBERS),
    *((name, "between", [7, 9], 9, 10) for name in NUMBERS),
    *((name, "is", True, True, False) for name in YES_OR_NO),
    ("compliance_flags", "is", "fraud", frozenset({"fraud", "watched"}), frozenset({"watched"})),
    ("compliance_flags", "in", ["fraud"], frozenset({"fraud"}), frozenset[str]()),
    ("compliance_flags", "matches", "fr*", frozenset({"fraud"}), frozenset({"watched"})),
]


@pytest.fixture(scope="module")
def plain() -> Attributes:
    return attributes(parsed("stripe", authorization_request(card="ic_1")))


def test_each_attribute_and_operator_has_a_case() -> None:
    pairs = {(name, operator) for name, kind in TYPES.items() for operator in OPERATORS[kind]}
    assert {(name, operator) for name, operator, *_ in CASES} == pairs


@pytest.mark.parametrize(("name", "operator", "value", "fits", "other"), CASES)
def test_it_holds_for_what_fits_only(
    plain: Attributes, name: str, operator: str, value: Any, fits: Any, other: Any
) -> None:
    written = condition(name, value, operator)
    for negate in (False, True):
        found = compile_condition(written | {"negate": negate})
        results = [found.holds(plain._replace(**{name: each})) for each in (fits, other)]
        assert results == [not negate, negate]


@pytest.mark.parametrize("name", TYPES)
def test_an_unknown_attribute_holds_only_where_that_is_said(plain: Attributes, name: str) -> None:
    written = next(condition(each, value, operator) for each, operator, value, _, _ in CASES if each == name)
    unknown = plain._replace(**{name: None})

    for more in ({}, {"negate": True}):
        assert not compile_condition(written | more).holds(unknown)
        assert compile_condition(written | more | {"if_unknown": True}).holds(unknown)


def test_a_star_matches_no_brackets_but_themselves(plain: Attributes) -> None:
    found = compile_condition(condition("merchant_name", "casino [1]*", "matches"))

    names = ("Casino [1] Bar", "Casino 1 Bar")
    assert [found.holds(plain._replace(merchant_name=name)) for name in names] == [True, False]


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("mcc", "A condition is an object"),
        (condition("colour", 1), "There is no attribute colour"),
        (condition("mcc", "1", "near"), "mcc cannot be compared with near"),
        (condition("amount", "*", "matches"), "amount cannot be compared with matches"),
        (condition("cash", [True], "in"), "cash cannot be compared with in"),
        (condition("cash", 1), "cash is compared with true or false"),
        (condition("amount", "5"), "amount is compared with a number"),
        (condition("amount", True), "amount is compared with a number"),
        (condition("amount", [9, 1], "between"), "the lowest value comes first"),
        (condition("amount", [None, None], "between"), "one of them may be null"),
        (condition("amount", [1], "between"), "give the lowest and the highest value"),
        (condition("mcc", [], "in"), "give a list of 1 to 500"),
        (condition("mcc", ""), "a text of 1 to 120 characters"),
        (condition("mcc", 5812), "a text of 1 to 120 characters"),
        (condition("merchant_name", "*" * 9, "matches"), "at most 4 stars"),
        (condition("mcc", "5812", negate="no"), "negate of mcc is true or false"),
        (condition("mcc", "5812", weight=1), "has no part weight"),
    ],
)
def test_what_is_wrong_is_said(written: Any, sentence: str) -> None:
    with pytest.raises(DefinitionError, match=sentence):
        compile_condition(written)
