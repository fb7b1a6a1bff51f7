"""Every kind of mistake in a JSON file of rankings is named with its line."""

import json
from typing import Any

import pytest

from routing.models import RankingRow
from routing.rankings.entry import RankingsError
from tests.routing.rankings.ranking_files import card, json_lines, take

pytestmark = pytest.mark.django_db

GOOD = json.dumps(card())
NUMBER = "it must be a number such as 1.5"


def refusal(text: str | bytes) -> str:
    with pytest.raises(RankingsError) as caught:
        take(text, "json")
    assert not RankingRow.objects.exists()
    return caught.value.message


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"cardKey": "diners"},
            "cardKey is 'diners'; it must be one of: visa, mastercard, amex, discover, american express",
        ),
        ({"cardKey": 4}, "cardKey is 4; it must be one of: visa, mastercard, amex, discover, american express"),
        ({"cardKey": None}, "cardKey is null; it must be one of: visa, mastercard, amex, discover, american express"),
        (
            {"rewardType": "Stars"},
            "rewardType is 'Stars'; it must be one of: cash, points, miles, default, cash back, cashback",
        ),
        ({"rewardAmount": -0.5}, "rewardAmount is -0.5; it cannot be negative"),
        ({"rewardAmount": 1.2345}, "rewardAmount is 1.2345; at most 3 decimals are kept"),
        ({"rewardAmount": 10000}, "rewardAmount is 10000; it must be below 10000"),
        ({"rewardAmount": "4"}, f"rewardAmount is '4'; {NUMBER}"),
        ({"rewardAmount": True}, f"rewardAmount is true; {NUMBER}"),
        ({"rewardAmount": None}, f"rewardAmount is null; {NUMBER}"),
        ({"rewardAmount": [4]}, f"rewardAmount is a list or an object; {NUMBER}"),
        ({"rewardAmount": {"of": 4}}, f"rewardAmount is a list or an object; {NUMBER}"),
        ({"rewardAmount": float("nan")}, f"rewardAmount is NaN; {NUMBER}"),
        ({"rewardAmount": float("-inf")}, f"rewardAmount is -Infinity; {NUMBER}"),
        ({"annualFee": -1}, "annualFee is -1; it cannot be negative"),
        ({"annualFee": 1.005}, "annualFee is 1.005; at most 2 decimals are kept"),
        ({"annualFee": 10**11}, "annualFee is 100000000000; it must be below 100000000000"),
        ({"annualFee": False}, f"annualFee is false; {NUMBER}"),
        ({"cardName": 7}, "cardName is 7; it must be text"),
        ({"cardName": "x" * 121}, "cardName has 121 characters; at most 120 are kept"),
        ({"cardName": "a\0b"}, "cardName holds a character that cannot be stored"),
        ({"cardName": "a\ud800b"}, "cardName holds a character that cannot be stored"),
        (
            {"colour": "gold"},
            "'colour' is not a field of a card; they are cardName, cardKey, rewardAmount, rewardType, annualFee",
        ),
    ],
)
def test_a_bad_card_is_named_with_its_line(changes: dict[str, object], sentence: str) -> None:
    text = json_lines(GOOD, json.dumps(card(**changes)), json.dumps(card(cardName="Third")))
    assert refusal(text) == f"some.json has 1 mistake, so nothing was imported:\n  line 4: {sentence}"


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        ("1e5", "rewardAmount is 1E+5; it must be below 10000"),
        ("1e999999", "rewardAmount is 1E+999999; it must be below 10000"),
        ("1e99999999999999999999", f"rewardAmount is Infinity; {NUMBER}"),
        ("1e-99999", "rewardAmount is 1E-99999; at most 3 decimals are kept"),
        ("9" * 6000, f"rewardAmount is {'9' * 40}…; it must be below 10000"),
    ],
)
def test_numbers_of_any_size_get_a_sentence(number: str, sentence: str) -> None:
    assert f"  line 3: {sentence}" in refusal(json_lines(GOOD.replace("4", number, 1)))


@pytest.mark.parametrize("number", ["4", "4.0", "4.000000", "0.4e1", "40E-1"])
def test_a_number_may_be_written_in_any_way(number: str) -> None:
    take(json_lines(GOOD.replace("4", number, 1)), "json")
    assert RankingRow.objects.get().reward_rate == 4


@pytest.mark.parametrize("field", ["cardName", "cardKey", "rewardAmount", "rewardType", "annualFee"])
def test_a_missing_field_is_named(field: str) -> None:
    entry = {name: value for name, value in card().items() if name != field}
    assert refusal(json_lines(json.dumps(entry))).endswith(f"  line 3: {field} is missing")


def test_a_field_that_comes_twice_is_named() -> None:
    text = json_lines(GOOD.replace("{", '{"cardKey": "visa", '))
    assert refusal(text).endswith("  line 3: cardKey is there 2 times")


@pytest.mark.parametrize("entry", ["5", "null", "[]", '"Gold"'])
def test_a_card_that_is_no_object_is_named(entry: str) -> None:
    assert "  line 4: a card must be an object with cardName, " in refusal(json_lines(GOOD, entry))


@pytest.mark.parametrize("cards", ["{}", "7", "null", '"amex"'])
def test_an_mcc_without_a_list_is_named(cards: str) -> None:
    assert refusal(f'{{\n"5812": {cards}}}').endswith("  line 2: MCC '5812' must have a list of cards")


@pytest.mark.parametrize(
    ("mcc", "sentence"),
    [
        ("581", "the MCC is '581'; it must be four digits"),
        ("58 12", "the MCC is '58 12'; it must be four digits"),
        ("٥٨١٢", "the MCC is '٥٨١٢'; it must be four digits"),
        ("0001", "MCC 0001 is not on the list of merchant categories; mend it, or add it to the list first"),
    ],
)
def test_a_bad_mcc_is_named_once(mcc: str, sentence: str) -> None:
    text = json_lines(GOOD, json.dumps(card(cardName="Second")), mcc=mcc)
    assert refusal(text) == f"some.json has 1 mistake, so nothing was imported:\n  line 2: {sentence}"


def test_an_mcc_that_comes_twice_is_named_with_both_lines() -> None:
    text = f'{{\n"5812": [{GOOD}],\n"5411": [],\n"5812": []\n}}'
    assert refusal(text).endswith("  line 4: MCC 5812 was on line 2 already; put its cards together")


def test_a_card_that_comes_twice_is_named_with_both_lines() -> None:
    text = json_lines(GOOD, json.dumps(card(cardName="Other")), json.dumps(card(rewardAmount=5)))
    sentence = "the same card, MCC and first day as on line 3; keep one of the two"
    assert refusal(text).endswith(f"  line 5: {sentence}")


def test_all_mistakes_are_reported_together_in_their_order() -> None:
    bad = json.dumps(card(cardKey="x"))
    text = f'{{\n"5812": [\n{GOOD},\n{bad},\n{GOOD}\n],\n"99": 5}}'
    lines = refusal(text).splitlines()
    assert lines[0] == "some.json has 4 mistakes, so nothing was imported:"
    assert [line.split(":")[0].strip() for line in lines[1:]] == ["line 4", "line 5", "line 7", "line 7"]


def test_the_line_is_where_the_card_starts() -> None:
    text = json.dumps({"5812": [card(), card(cardKey="x")]}, indent=2)
    assert "  line 10: cardKey" in refusal(text)
    assert text.splitlines()[9] == "    {"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "some.json is empty, so nothing was imported."),
        (" \n ", "some.json is empty, so nothing was imported."),
        (b"\xef\xbb\xbf", "some.json is empty, so nothing was imported."),
        ("{}", "some.json holds no rankings, so nothing was imported."),
        ('{"5812": []}', "some.json holds no rankings, so nothing was imported."),
        ("[]", "some.json must be a JSON object from MCC to a list of cards, and start with {."),
        ("mcc,scope", "some.json must be a JSON object from MCC to a list of cards, and start with {."),
        ('{"5812": [', "some.json is not JSON: Expecting value at line 1, column 11. Nothing was imported."),
        (
            '{"5812": [],\n}',
            "some.json is not JSON: Expecting property name enclosed in double quotes at line 2, column 1.",
        ),
        ('{"5812": []\n"5411": []}', "some.json is not JSON: Expecting ',' at line 2, column 1. Nothing was imported."),
        ('{"5812" []}', "some.json is not JSON: Expecting ':' at line 1, column 9. Nothing was imported."),
        ('{"5812": []} {}', "some.json is not JSON: Extra data at line 1, column 14. Nothing was imported."),
        ("{5812: []}", "some.json is not JSON: Expecting property name enclosed in double quotes at line 1, column 2."),
        ('{"58\n12": []}', "some.json is not JSON: Invalid control character at"),
        ("{\n" + '"5812": ' + "[" * 100_000, "some.json is nested too deeply at line 2. Nothing was imported."),
        (
            "{" * 100_000,
            "some.json is not JSON: Expecting property name enclosed in double quotes at line 1, column 2.",
        ),
        (b'{"5812": [\n"\xff"]}', "some.json is not UTF-8 text: line 2 has a byte that does not belong there."),
        ("{}".encode("utf-16"), "some.json is not UTF-8 text: line 1 has a byte that does not belong there."),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_file_that_is_no_ranking_file_gets_a_sentence(text: str | bytes, message: str) -> None:
    assert refusal(text).startswith(message)


def test_a_byte_order_mark_is_no_mistake() -> None:
    assert take(b"\xef\xbb\xbf" + json_lines(GOOD).encode(), "json").created == 1


def test_windows_line_ends_count_as_one_line() -> None:
    text = json_lines(GOOD, json.dumps(card(cardKey="x"))).replace("\n", "\r\n")
    assert "  line 4: cardKey" in refusal(text)


def minified(*cards: dict[str, Any], mcc: str = "5812") -> str:
    return json.dumps({mcc: list(cards)}, separators=(",", ":"))


def test_a_card_that_comes_twice_on_one_line_is_named_by_its_place() -> None:
    said = refusal(minified(card(), card(cardName="Other"), card(rewardAmount=5)))

    assert said == (
        "some.json has 1 mistake, so nothing was imported:\n  line 1: entry 3 of MCC 5812: "
        "the same card, MCC and first day as entry 1 of MCC 5812; keep one of the two"
    )
    assert not RankingRow.objects.exists()


def test_names_that_look_alike_are_one_card_on_one_line_too() -> None:
    names = (
        "Caf\u00e9 Gold",
        "Cafe\u0301 Gold",
        "Caf\u00e9\u00a0Gold",
        "Caf\u00e9 Go\u200bld",
        "\u202eCaf\u00e9 Gold\u202c",
    )
    said = refusal(minified(*(card(cardName=name) for name in names)))

    assert "some.json has 4 mistakes" in said
    assert take(minified(card(cardName=names[0])), "json").created == 1
    for name in names:
        assert take(minified(card(cardName=name)), "json").unchanged == 1


def test_a_bad_card_on_a_crowded_line_is_named_by_its_place() -> None:
    said = refusal(minified(card(), card(cardName="Two", cardKey="x"), card(cardName="Three")))

    assert "  line 1: entry 2 of MCC 5812: cardKey is 'x'" in said


def test_an_mcc_that_comes_twice_on_one_line_is_named() -> None:
    assert refusal(f'{{"5812":[{GOOD}],"5812":[]}}').endswith(
        "  line 1: MCC 5812 was on this line already; put its cards together"
    )
