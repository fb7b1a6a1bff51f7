"""Card numbers and codes are seen in any text and covered; ids, times, telephones and amounts are left alone."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onecard.kit.luhn import passes_luhn
from onecard.kit.masked_body import evidence_of, mac_of, masked_body
from onecard.kit.masking import is_card_number, masked, masked_json

NUMBERS = (
    "4242424242424242", "4000056655665556",
    "5555555555554444", "2223003122003222", "378282246310005", "6011111111111117",
    "30569309025904", "36227206271667", "3566002020360505", "6205500000000000004", "4222222222222",
)  # fmt: skip
WIDE = "\uff14\uff12\uff14\uff12"
SEPARATORS = (
    " ", "-", ".", "\u00a0", "\u202f", "\u2011", "\u2013", "/", "_", "\u200b", "  ", " - ", ",", "\t", "%20",
    "|", ", ", ":", ";", "~", ")(", "\u2022", "----", "     ", "%C2%A0", "%2520", "&#160;", "\\xa0",
)  # fmt: skip


def complete(body: str) -> str:
    return next(body + check for check in "0123456789" if passes_luhn(body + check))


def grouped(number: str, sizes: list[int], separator: str) -> str:
    places = [sum(sizes[:n]) for n in range(len(sizes) + 1)]
    return separator.join(number[a:b] for a, b in zip(places, [*places[1:], len(number)], strict=True) if number[a:b])


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("separator", ["", *SEPARATORS])
def test_a_number_is_covered_however_it_is_grouped(number: str, separator: str) -> None:
    for sizes in ([4, 4, 4], [4, 6], [1] * 12):
        written = grouped(number, sizes, separator)
        shown = masked(f"Shop {written} Ltd")

        assert written not in shown
        bare = shown.replace(separator, "") if separator else shown
        assert (
            bare == f"Shop{' ' * (separator != ' ')}{'*' * (len(number) - 4)}{number[-4:]}{' ' * (separator != ' ')}Ltd"
        )
        assert len(shown) == len(f"Shop {written} Ltd")


@given(body=st.from_regex(r"4[0-9]{14}", fullmatch=True), before=st.text(max_size=8), after=st.text(max_size=8))
def test_only_the_last_four_digits_of_a_number_stay(body: str, before: str, after: str) -> None:
    number = complete(body)
    for text in (f"{before} {number} {after}", f"{before}:{number};{after}", f"%B{number}^{after}"):
        assert number not in masked(text)
        assert masked(masked(text)) == masked(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"{WIDE} {WIDE} {WIDE} {WIDE}", f"**** **** **** {WIDE}"),
        ("\u0664\u0662\u0664\u0662" * 4, "*" * 12 + "\u0664\u0662\u0664\u0662"),
        ("pan=4242424242424242&cvv=123", "pan=************4242&cvv=***"),
        ("card_4242424242424242", "card_************4242"),
        ("x4242424242424242y", "x************4242y"),
        ("item_1 4242 4242 4242 4242", "item_1 **** **** **** 4242"),
        ("4242424242424242 5555555555554444", "************4242 ************4444"),
        ("12 4242 4242 4242 4242 07/28 CVC 987", "12 **** **** **** 4242 07/28 CVC ***"),
        ("4242 4242 4242 4242 12/28 123", "**** **** **** 4242 12/28 ***"),
        ("4242424242424242|12|2028|123|Ann", "************4242|12|2028|***|Ann"),
        (";4242424242424242=28121010000000000000?", ";************4242=********************?"),
        ("%B4242424242424242^DOE/ANN^2812101000?", "%B************4242^DOE/ANN^**********?"),
        ("4242\u20284242\n4242\r\n4242", "****\u2028****\n****\r\n4242"),
        ("https://x.example/4242424242424242", "https://x.example/************4242"),
    ],
)
def test_a_number_inside_other_text_is_covered(text: str, shown: str) -> None:
    assert masked(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "ipi_4242424242424242", "pi_3MtwBwLkdIwHu7ix28a3tqPa", "2026-11-28 10:11:12.123456", "1764320000000",
        "+49 151 23456784", "+4242424242420", "650000000000000000000001", "74537604221222132710423", "425 USD of 600",
        "4242 4242 4242 4241", "42424242-4242-4242-8242-424242424242", "the CVV did not match", "9" * 40, "", "12.50",
        "1111111111111117", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b4242424242424242",
    ],
)  # fmt: skip
def test_ids_times_telephones_and_amounts_are_left_alone(text: str) -> None:
    assert masked(text) == text


@given(st.text(alphabet="0123456789 -.,/x", max_size=60))
def test_any_digits_keep_their_length_and_are_covered_once_for_all(text: str) -> None:
    assert len(masked(text)) == len(text)
    assert masked(masked(text)) == masked(text)


@given(st.from_regex(r"[0-9]{13,19}", fullmatch=True))
def test_a_card_number_has_a_networks_beginning_and_check_digit(digits: str) -> None:
    if is_card_number(digits):
        assert digits[0] in "23456"
        assert passes_luhn(digits)


SAID: list[tuple[Any, Any]] = [
    ({"name": "4242 4242 4242 4242"}, {"name": "**** **** **** 4242"}),
    ({"number": 4242424242424242}, {"number": "************4242"}),
    ({"cvc": "123", "cvc_check": "pass"}, {"cvc": "removed", "cvc_check": "pass"}),
    ({"cvv2": 1234, "cardVerificationValue": "123"}, {"cvv2": "removed", "cardVerificationValue": "removed"}),
    ({"cvv": {"value": "123"}}, {"cvv": {"value": "removed"}}),
    ({"security_code": ["123"]}, {"security_code": ["removed"]}),
    ({"track_2": "5555=2512", "pin_block": "A9"}, {"track_2": "removed", "pin_block": "removed"}),
    ({"verification_data": {"cvc_check": "match"}}, {"verification_data": {"cvc_check": "match"}}),
    ({"card_security_code_verification": {"response": {"code": "0000"}}},) * 2,
    ({"user_token": "4242424242424242", "merchantId": "5555555555554444"},) * 2,
    ({"network_reference_id": "4242424242424242", "mid": "4242424242424242"},) * 2,
    ({"order_id": "4242 4242 4242 4242"}, {"order_id": "**** **** **** 4242"}),
    ({"valid": "4242424242424242"}, {"valid": "************4242"}),
    ({"4242424242424242": 1}, {"************4242": 1}),
    ({"created": 1764320000000, "amount": 10**13, "ok": True, "no": None, "part": 0.5},) * 2,
    ({"acquirer_reference_number": "74537604221222132710423", "retrieval_reference_number": "528294182583"},) * 2,
]


@pytest.mark.parametrize(("said", "kept"), SAID)
def test_a_json_value_keeps_its_ids_and_loses_its_card_data(said: Any, kept: Any) -> None:
    assert masked_json(said) == kept
    for body in (json.dumps(said).encode(), json.dumps(said, ensure_ascii=False, indent=1).encode()):
        assert json.loads(masked_body(body)) == kept


def test_a_body_without_card_data_stays_byte_for_byte() -> None:
    body = b'{"a": 1.50,\n "b":[1e3, "x\\u00e9", true], "a":{"id":"iauth_4242424242424242"}}\n'

    assert evidence_of(body).body is body
    assert evidence_of(body).original_mac == ""


def test_a_covered_body_changes_nowhere_else_and_says_what_it_was() -> None:
    body = b'{"a": 1.50,\n "a":"4242 4242 4242 4242", "n":"\\u00e9",  "cvc":123}'
    kept = evidence_of(body)

    assert kept.body == b'{"a": 1.50,\n "a":"**** **** **** 4242", "n":"\\u00e9",  "cvc":"removed"}'
    assert kept.original_mac == mac_of(body) != mac_of(kept.body)


@pytest.mark.parametrize(
    "body",
    [
        b"card=4242+4242+4242+4242",
        b'{"a":"4242 4242 4242 4242"', f'{{"a":"{WIDE * 4}"}}'.encode("utf-16"),
        '{"a":"4242424242424242"}'.encode("utf-32-le"), b"\xff\xfe4242424242424242", b'"\\u0034242424242424242"',
        b"[" * 5000 + b'"4242\\u00a04242 4242 4242"', b"4242424242424242",
        b"\xef\xbb\xbf" + b'{"a":"4242424242424242"}',
        b'{"a":"{\\"number\\":\\"4242424242424242\\"}"}',
    ],
)  # fmt: skip
def test_a_body_in_any_encoding_or_out_of_shape_is_covered(body: bytes) -> None:
    kept = masked_body(body)

    assert kept != body
    assert masked_body(kept) == kept
    for encoding in ("utf-8", "utf-16", "utf-32-le"):
        assert "4242424242424242" not in kept.decode(encoding, "replace").replace(" ", "").replace("+", "")


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=20)
    | st.sampled_from(["4242 4242 4242 4242", "cvv 1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["cvc", "id", "a"]), inner, max_size=3),
    max_leaves=10,
)


@given(json_values)
def test_a_body_and_its_values_are_covered_alike(value: Any) -> None:
    assert json.loads(masked_body(json.dumps(value).encode())) == masked_json(value)


@given(st.binary(max_size=80))
def test_no_bytes_break_the_covering(body: bytes) -> None:
    assert masked_body(masked_body(body)) == masked_body(body)


@pytest.mark.parametrize(
    "name",
    [
        "CVV", "cvv2", "c_v_v", "card-cvc", "CVN", "csc", "csc2", "CID", "security_code", "cardVerificationNumber",
        "verificationValue", "track", "Track1", "magneticTrackData", "PIN", "encryptedPinBlock",
        "pin_data", "magStripe", "encrypted_PAN", "EMV-data",
    ],
)  # fmt: skip
def test_each_name_of_a_secret_is_seen_however_it_is_spelled(name: str) -> None:
    assert masked_json({name: "123"}) == {name: "removed"}


@pytest.mark.parametrize(
    "code",
    ["CVV", "cvv2", "Cvc", "CVC2", "cvn", "CSC", "security code", "Card Verification Code", "card verification value",
     "card verification number", "c\u017fc"],
)  # fmt: skip
def test_each_way_to_name_a_code_in_a_text_is_seen(code: str) -> None:
    assert masked(f"It says {code}: 123") == f"It says {code}: ***"
