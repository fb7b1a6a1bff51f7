"""Secrets are taken out of text by their values and by their shape, and nothing else is."""

import base64
from urllib.parse import quote

import pytest

from onecard.kit.errors import OneCardError
from onecard.kit.redaction import REDACTED, protect, redact
from onecard.kit.text import clean_message

OURS = "pa+ss/w@rd-7Qz"


@pytest.fixture(autouse=True)
def _our_secret() -> None:
    """It stays protected in this process: no other test says it."""
    protect([OURS])


@pytest.mark.parametrize(
    "said",
    [
        OURS,
        f"before{OURS}after",
        quote(OURS, safe=""),
        base64.b64encode(OURS.encode()).decode(),
        f"redis://:{OURS}@host",
    ],
)
def test_a_known_secret_is_taken_out_in_every_form(said: str) -> None:
    assert REDACTED in redact(said)
    assert "7Qz" not in redact(said)
    assert quote(OURS, safe="") not in redact(said)


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("Invalid API Key provided: sk_live_********abcd", "Invalid API Key provided: [secret]"),
        ("Invalid API Key provided: ***ker7", "Invalid API Key provided: [secret]"),
        ("Invalid API Key provided: other", "Invalid API Key provided: [secret]"),
        ("The key *****ker7 is unknown", "The key [secret] is unknown"),
        ("Expired API Key provided: rk_test_51Hx", "Expired API Key provided: [secret]"),
        ("Invalid header value b'Bearer unknown-token-1\\n'", "Invalid header value b'Bearer [secret]'"),
        ("Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic [secret]"),
        ("postgres://u:other@db/x does not answer", "postgres://[secret]@db/x does not answer"),
        ("no match for whsec_abc123", "no match for [secret]"),
    ],
)
def test_a_secret_of_others_is_taken_out_by_its_shape(said: str, kept: str) -> None:
    assert redact(said) == kept


@pytest.mark.parametrize(
    "said",
    [
        "Your card was declined.",
        "card change 7: The issuer did not answer; next try in 2.0 s",
        "https://cards.example.com:8000/admin/?next=/x@y",
        "Basic plan, Bearer of news",
        "pi_3Abc, evt_1, pm_card_visa",
    ],
)
def test_ordinary_text_stays(said: str) -> None:
    assert redact(said) == said


def test_a_short_secret_makes_no_text_unreadable() -> None:
    protect(["x", "no"])
    assert redact("nobody knows x") == "nobody knows x"


def test_an_error_of_ours_and_a_stored_message_hold_no_secret() -> None:
    error = OneCardError(f"It said {OURS}.")
    assert (str(error), error.message) == ("It said [secret].", "It said [secret].")
    assert clean_message(f"It said {OURS}", limit=13) == "It said [secr"
