"""A definition is checked before anybody can put it into force."""

from typing import Any

import pytest

from issuing.controls.definition import compile_definition
from issuing.controls.errors import DefinitionError
from tests.support.controls import DECLINE, condition, velocity

CASH = [condition("cash", True)]


@pytest.mark.parametrize(
    ("written", "scope", "sentence"),
    [
        ([], "programme", "A definition is an object"),
        ({"when": CASH, "action": DECLINE, "then": 1}, "programme", "A definition is an object"),
        ({"action": DECLINE}, "programme", "would apply to every purchase"),
        ({"when": CASH * 21, "action": DECLINE}, "programme", "at most 20 conditions"),
        ({"when": CASH, "action": {"kind": "explode"}}, "programme", "action.kind is one of"),
        ({"when": CASH, "action": {"kind": "adjust_hold"}}, "programme", "needs percent or fixed_minor"),
        ({"when": CASH, "action": {"kind": "adjust_hold", "percent": 101}}, "programme", "percent is a whole number"),
        ({"when": CASH, "action": {"kind": "approve_in_part"}}, "programme", "most_minor is a whole number"),
        ({"velocity": velocity(5, "fortnight"), "action": DECLINE}, "programme", "window is one of"),
        ({"velocity": velocity(5, "purchase", measure="count"), "action": DECLINE}, "card", "an amount only"),
        ({"velocity": velocity(-1), "action": DECLINE}, "programme", "most is a whole number"),
        ({"velocity": velocity(5) | {"currency": "XXY"}, "action": DECLINE}, "programme", "ISO 4217"),
        ({"velocity": velocity(5, measure="count", currency="USD"), "action": DECLINE}, "card", "no currency"),
        ({"velocity": velocity(5, per="cardholder"), "action": DECLINE}, "card", "never wider"),
        ({"velocity": velocity(5, "trailing"), "action": DECLINE}, "card", "trailing_s is a whole number"),
        ({"velocity": velocity(5, trailing_s=9), "action": DECLINE}, "card", "window trailing only"),
        ({"velocity": velocity(5), "action": {"kind": "adjust_hold", "percent": 5}}, "card", "without a velocity"),
        (
            {"velocity": velocity(5, measure="count"), "action": {"kind": "approve_in_part"}},
            "card",
            "a count has none",
        ),
    ],
)
def test_what_is_wrong_is_said(written: Any, scope: str, sentence: str) -> None:
    with pytest.raises(DefinitionError, match=sentence):
        compile_definition(written, scope=scope)


def test_head_room_is_rounded_up() -> None:
    rule = compile_definition({"when": CASH, "action": {"kind": "adjust_hold", "percent": 20, "fixed_minor": 50}})

    assert rule.action.headroom_minor(1_001) == 201 + 50
