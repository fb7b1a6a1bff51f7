"""Amounts and dates of old documents keep their value to the last digit, and card numbers are seen in any text."""

import contextlib
import datetime as dt
import io
import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from issuing.legacy.extended_json import differences, digest_of, moment_of, plain
from issuing.legacy.fields import Fields
from issuing.legacy.json_line import LineError, read_object
from issuing.legacy.lines import LONGEST_LINE_BYTES, Line, lines_of
from issuing.legacy.redaction import MASK, masked_text, redacted
from onecard.kit.luhn import passes_luhn
from onecard.kit.money import MAX_AMOUNT_MINOR, Money, currency_exponent

milliseconds = st.integers(946_684_800_000, 4_102_444_799_999)

plain_values = st.none() | st.booleans() | st.integers() | st.text(max_size=9)
values = st.recursive(
    plain_values,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def read(text: str) -> dict[str, object]:
    return read_object(Line(1, text.encode(), len(text)))


@given(minor=st.integers(0, MAX_AMOUNT_MINOR), currency=st.sampled_from(["USD", "JPY", "KWD", "CLF"]))
def test_an_amount_is_read_as_it_was_written(minor: int, currency: str) -> None:
    major = Money(minor, currency).major
    spellings = [f"{major:f}", f'"{major:f}"', json.dumps({"$numberDecimal": f"{major:f}"})]
    for spelling in spellings:
        fields = Fields(plain(read(f'{{"amount": {spelling}, "amount_minor": {minor}}}')))
        assert fields.amount("amount", currency=currency) == minor
        assert not fields.faults


@given(minor=st.integers(0, 10**9), currency=st.sampled_from(["USD", "JPY", "KWD"]), digit=st.integers(1, 9))
def test_more_decimals_than_the_currency_has_are_a_fault(minor: int, currency: str, digit: int) -> None:
    too_fine = Money(minor, currency).major + Decimal(digit).scaleb(-currency_exponent(currency) - 1)
    fields = Fields(read(f'{{"amount": {too_fine:f}}}'))
    assert fields.amount("amount", currency=currency) is None
    assert "must be an amount of" in fields.faults[0]


@given(ms=milliseconds)
def test_a_date_is_the_same_moment_in_every_spelling(ms: int) -> None:
    moment = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(milliseconds=ms)
    iso = moment.isoformat()
    elsewhere = moment.astimezone(dt.timezone(dt.timedelta(hours=-5))).isoformat()
    for spelled in (ms, iso, iso.replace("+00:00", "Z"), iso.removesuffix("+00:00"), elsewhere):
        assert moment_of(spelled) == moment
        assert plain({"$date": spelled}) == moment
    assert plain({"$date": {"$numberLong": str(ms)}}) == moment
    documents = [{"at": {"$date": iso}}, {"at": {"$date": {"$numberLong": str(ms)}}}]
    assert digest_of("transaction", documents[0]) == digest_of("transaction", documents[1])


@pytest.mark.parametrize("value", [True, 1.5, None, [], "soon", "", 10**20, {"$date": "2024"}, "2024-13-01"])
def test_what_is_no_date_is_none(value: object) -> None:
    assert moment_of(value) is None


def numbers() -> st.SearchStrategy[str]:
    bodies = st.from_regex(r"[2-6][0-9]{12,17}", fullmatch=True)
    return bodies.map(lambda body: next(body + check for check in "0123456789" if passes_luhn(body + check)))


@given(number=numbers(), before=st.sampled_from(["", "card ", "12 ", "pan="]), after=st.sampled_from(["", " 07", "."]))
def test_a_card_number_is_masked_in_any_place_and_any_grouping(number: str, before: str, after: str) -> None:
    for grouped in (number, f"{number[:4]} {number[4:8]}-{number[8:]}"):
        shown = masked_text(f"{before}{grouped}{after}")
        assert grouped not in shown
        assert MASK in shown


@pytest.mark.parametrize(
    "text",
    ["650000000000000000000001", "2024-01-02 03:04:05.678", "+1 415 555 0100", "ipi_4242424242424242", "1700000000000"],
)
def test_ids_dates_and_telephones_are_left_alone(text: str) -> None:
    assert masked_text(text) == text


def test_card_data_is_taken_out_at_every_depth() -> None:
    document = {"a": [{"cvv": "123", "b": {"card_number": "x", "keep": 1}}], "encryptedCvv": {"iv": "a"}, "number": "1"}
    cleaned = redacted(document)
    assert cleaned.document == {"a": [{"b": {"keep": 1}}]}
    assert (cleaned.number, cleaned.cvv, cleaned.had_card_data) == ("", "", True)


def test_the_digest_tells_nothing_of_the_card_number() -> None:
    """Whoever holds the digest could try out every number."""
    digests = {
        digest_of("virtual_card", redacted({"_id": "1", "encryptedCardNumber": number, "cvv": cvv}).document)
        for number, cvv in (("4242424242424242", "123"), ("5555555555554444", "999"))
    }
    assert len(digests) == 1


@given(value=values)
def test_a_document_does_not_differ_from_itself(value: object) -> None:
    assert differences({"x": value}, {"x": value}) == []


@given(body=st.binary(max_size=60))
def test_no_bytes_make_anything_but_an_object_or_a_reason(body: bytes) -> None:
    with contextlib.suppress(LineError):
        assert isinstance(read_object(Line(1, body, len(body))), dict)


def test_lines_keep_their_numbers_past_blanks_carriage_returns_and_giants() -> None:
    giant = b"x" * (2 * LONGEST_LINE_BYTES + 5)
    exact = b"y" * LONGEST_LINE_BYTES
    text = b"\xef\xbb\xbf{}\r\n\n" + giant + b"\n  {} \n" + exact[:-1] + b"\nlast"
    lines = list(lines_of(io.BytesIO(text)))
    assert [line.number for line in lines] == [1, 2, 3, 4, 5, 6]
    assert [line.is_too_long for line in lines] == [False, False, True, False, False, False]
    assert [line.is_blank for line in lines] == [False, True, False, False, False, False]
    assert [line.body for line in lines if len(line.body) < 9] == [b"{}", b"", b"", b"{}", b"last"]
    assert sum(line.size for line in lines) == len(text)


@pytest.mark.parametrize(
    ("document", "fault"),
    [
        ({"userId": "a", "user_id": "b"}, "differs from user_id"),
        ({"userId": {"name": "a"}}, "is an object without a good id"),
        ({"userId": ["a"]}, "a list is not allowed"),
        ({"userId": True}, "true is not allowed"),
        ({"userId": "a\nb"}, "cannot be stored"),
    ],
)
def test_an_id_that_is_none_is_named(document: dict[str, object], fault: str) -> None:
    fields = Fields(document)
    fields.identity("userId", "user", limit=64, required=True)
    assert len(fields.faults) == 1
    assert fault in fields.faults[0]
