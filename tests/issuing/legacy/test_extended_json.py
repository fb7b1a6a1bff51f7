"""MongoDB's exports in every spelling: what has one plain meaning is accepted, all else is named with its line."""

import base64
import datetime as dt
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from issuing.legacy.extended_json import digest_of, plain, readable
from issuing.legacy.json_line import LineError, read_object
from issuing.legacy.lines import Line
from issuing.models import CardTransaction, LegacyDocument, VirtualCard
from tests.issuing.legacy.documents import card, transaction
from tests.issuing.legacy.running import run_lines

ID = uuid.UUID("00112233-4455-6677-8899-aabbccddeeff")
BYTES = base64.b64encode(ID.bytes).decode()
MOMENT = dt.datetime(2024, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
MS = 1704164645000


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ({"$numberDouble": "5812.0"}, 5812), ({"$numberDouble": 5812.0}, 5812),
        ({"$numberDecimal": "12.50"}, Decimal("12.50")),
        ({"$numberLong": "5"}, 5), ({"$numberLong": 5}, 5), ({"$numberInt": "-5"}, -5), ({"$numberDouble": "-0.0"}, 0),
        ({"$numberDouble": "1E+2"}, 100), (Decimal("5812.0"), 5812), (Decimal("0.5"), Decimal("0.5")),
        ({"$uuid": str(ID)}, str(ID)), ({"$uuid": ID.hex}, str(ID)), ({"$uuid": str(ID).upper()}, str(ID)),
        ({"$binary": {"base64": BYTES, "subType": "04"}}, str(ID)),
        ({"$binary": {"base64": BYTES, "subType": "4"}}, str(ID)),
        ({"$binary": {"base64": BYTES, "subType": "03"}}, str(ID)), ({"$binary": BYTES, "$type": "04"}, str(ID)),
        ({"$binary": BYTES, "$type": "03"}, str(ID)), ({"$binary": BYTES, "$type": 3}, str(ID)),
        ({"$date": "2024-01-02T03:04:05Z"}, MOMENT), ({"$date": "2024-01-02T03:04:05.000+0000"}, MOMENT),
        ({"$date": {"$numberLong": str(MS)}}, MOMENT), ({"$date": {"$numberLong": MS}}, MOMENT),
        ({"$date": MS}, MOMENT),
        ({"$date": {"$numberDouble": f"{MS}.0"}}, MOMENT), ({"$date": str(MS)}, MOMENT),
        ({"$date": {"$numberLong": "-1000"}}, dt.datetime(1969, 12, 31, 23, 59, 59, tzinfo=dt.UTC)),
        ({"$timestamp": {"t": MS // 1000, "i": 1}}, MOMENT), ({"$oid": "65" + "0" * 22}, "65" + "0" * 22),
        ({"$symbol": "active"}, "active"), ({"$undefined": True}, None),
        ({"a": [{"$numberInt": "1"}, {"b": {"$uuid": str(ID)}}]}, {"a": [1, {"b": str(ID)}]}),
    ],
)  # fmt: skip
def test_a_wrapper_is_read_in_every_form(written: Any, read: Any) -> None:
    found = readable(written)

    assert found == read
    assert type(found) is type(read)


@pytest.mark.parametrize(
    "written",
    [
        {"$binary": {"base64": BYTES, "subType": "00"}}, {"$binary": {"base64": "AAAA", "subType": "04"}},
        {"$binary": {}},
        {"$binary": {"base64": "not base64!", "subType": "04"}}, {"$binary": None}, {"$uuid": "x"}, {"$uuid": 5},
        {"$numberDouble": "NaN"}, {"$numberDouble": "Infinity"}, {"$numberLong": "1.5"}, {"$numberInt": "x"},
        {"$date": "soon"},
        {"$date": {"$numberLong": "9" * 19}}, {"$date": None}, {"$timestamp": {"t": "x"}}, {"$timestamp": 5},
        {"$oid": "x"},
        {"$numberInt": "1", "other": 2},
    ],
)  # fmt: skip
def test_a_wrapper_that_is_wrong_inside_stays_an_object(written: Any) -> None:
    assert isinstance(readable(written), dict)


@pytest.mark.parametrize(
    "written",
    [
        {"$numberLong": {"$numberLong": "0"}}, {"$numberInt": {"$symbol": "5"}}, {"$numberLong": Decimal("5E+2")},
        {"$symbol": {"$symbol": "active"}}, {"$binary": {"$symbol": BYTES}, "$type": 4},
        {"$timestamp": {"$date": 0}}, {"$timestamp": {"$symbol": "x"}},
    ],
)  # fmt: skip
def test_a_wrapper_in_a_wrapper_stays_as_it_was_written(written: Any) -> None:
    assert readable(written) == written


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=True) | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["$date", "$binary", "$uuid", "$numberLong", "a"]), inner, max_size=2)
    ),
    max_leaves=6,
)


@given(values)
def test_any_value_can_be_read_and_reading_it_again_changes_nothing(value: Any) -> None:
    read = readable(value)

    assert repr(readable(read)) == repr(read)


def test_digests_are_those_of_before() -> None:
    """A document that was imported by an older release is unchanged."""
    document = {"x": {"$binary": {"base64": BYTES, "subType": "04"}}, "n": Decimal("5812.0"), "u": {"$uuid": str(ID)}}

    assert plain(document) == {**document, "u": str(ID)}
    assert digest_of("transaction", document) == "1f9af6c7e30b1c202b0b33ea945e45cb9246b6e148b811c9ef7875e8864b1f3a"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ({"$numberDouble": "5812.0"}, "5812"), ({"$numberInt": "5812"}, "5812"), (5812, "5812"), ("5812.0", "5812"),
        ({"$numberDouble": "742.0"}, "0742"), (742, "0742"), ("742", "0742"), ({"$numberLong": "742"}, "0742"),
        ("0742", "0742"), (5812.0, "5812"), ({"$numberDecimal": "5812"}, "5812"),
    ],
)  # fmt: skip
def test_an_mcc_is_read_with_its_lost_zero_and_without_a_point(tmp_path: Path, written: Any, stored: str) -> None:
    ended = run_lines(tmp_path, card(1), transaction(1, merchantInfo={"mcc": written}))

    assert (ended.status, CardTransaction.objects.get().mcc) == (0, stored)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "written", [581, "58", {"$numberDouble": "5812.5"}, {"$numberDouble": "58.0"}, "05812", -742, True]
)
def test_an_mcc_that_is_not_plain_is_refused_with_its_line(tmp_path: Path, written: Any) -> None:
    ended = run_lines(tmp_path, card(1), transaction(1, merchantInfo={"mcc": written}))

    assert ended.status == 1
    assert ":2: " in ended.err
    assert "merchantInfo.mcc: is not allowed; it must be 4 digits" in ended.err
    assert not CardTransaction.objects.exists()


@pytest.mark.django_db
def test_documents_with_binary_ids_and_doubles_are_one_story(tmp_path: Path) -> None:
    old = {"$binary": {"base64": BYTES, "subType": "03"}}
    bought = transaction(
        1, cardId={"$uuid": str(ID)}, userId={"$numberDouble": "77.0"}, amount={"$numberDouble": "45.0"}
    )
    made = card(
        1,
        _id=old,
        userId={"$numberLong": "77"},
        expiryMonth={"$numberDouble": "7.0"},
        expiryYear={"$numberInt": "2031"},
        lastFour={"$numberDouble": "42.0"},
        balance={"$numberDecimal": "12.50"},
        createdAt={"$date": {"$numberDouble": f"{MS}.0"}},
    )
    for _ in range(2):
        ended = run_lines(tmp_path, made, bought)
        assert (ended.status, ended.err) == (0, "")

    stored, moved = VirtualCard.objects.get(), CardTransaction.objects.get()
    assert (stored.expiry_month, stored.expiry_year, stored.last_four, stored.balance_minor) == (7, 2031, "0042", 1250)
    assert (stored.created_at, moved.card, moved.amount_minor) == (MOMENT, stored, 4500)
    assert LegacyDocument.objects.get(kind="virtual_card").legacy_id == str(ID)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"_id": {"$binary": {"base64": "AAAA", "subType": "00"}}}, "_id: is an object"),
        ({"createdAt": {"$date": {"$numberLong": "-62135596800000"}}}, "createdAt: "),
        ({"userId": {"$numberDouble": "7.5"}}, "userId: 7.5"),
        ({"lastFour": "42"}, "lastFour: is not allowed"),
    ],
)
def test_what_is_not_plain_is_refused_with_its_line(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    ended = run_lines(tmp_path, card(7), card(1, **changes))

    assert ended.status == 1
    assert ":2: " in ended.err
    assert words in ended.err
    assert VirtualCard.objects.count() == 1


@pytest.mark.parametrize(
    ("name", "written", "read"),
    [
        ("_id", f"ObjectId('{'65' + '0' * 22}')", "65" + "0" * 22), ("_id", f'UUID("{ID}")', str(ID)),
        ("_id", f'BinData(4, "{BYTES}")', str(ID)), ("_id", f"BinData(3,'{BYTES}')", str(ID)),
        ("createdAt", 'ISODate("2024-01-02T03:04:05Z")', MOMENT), ("createdAt", f"new Date({MS})", MOMENT),
        ("createdAt", f"Timestamp({MS // 1000}, 1)", MOMENT), ("createdAt", "null", None),
        ("expiryYear", 'NumberLong("2031")', 2031), ("expiryYear", "NumberInt(2031)", 2031),
        ("expiryYear", 'NumberDecimal("2031.0")', 2031), ("status", '"a NumberLong(5) (x)"', "a NumberLong(5) (x)"),
    ],
)  # fmt: skip
def test_what_the_shell_prints_is_read_as_its_extended_json(name: str, written: str, read: Any) -> None:
    line = f'{{"note": "ISODate(\\"x\\")", "at": NumberLong(1), "{name}": {written}}}'

    found = readable(read_object(Line(1, line.encode(), len(line))))

    assert found == {"note": 'ISODate("x")', "at": 1, name: read}


@pytest.mark.parametrize("written", ["NumberLong()", "Foo(1)", 'BinData("a", 1)', "ObjectId(x)", "Date(", "eval(1)"])
def test_a_call_that_the_shell_does_not_print_is_no_json(written: str) -> None:
    line = f'{{"a": {written}}}'

    with pytest.raises(LineError, match="is not JSON"):
        read_object(Line(1, line.encode(), len(line)))


@pytest.mark.django_db
@pytest.mark.parametrize(
    "changes", [{"status": "ACTIVE"}, {"cardType": " Visa "}, {"kycVerified": "True"}, {"issuerProvider": "Stripe"}]
)
def test_words_are_read_in_any_letters(tmp_path: Path, changes: dict[str, Any]) -> None:
    assert run_lines(tmp_path, card(**changes)).status == 0

    stored = VirtualCard.objects.get()
    assert (stored.status, stored.card_type, stored.issuer_provider) == ("active", "visa", "stripe")
