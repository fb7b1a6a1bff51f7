"""Country codes: three letters become two, and nothing is guessed."""

import itertools
import string

import pytest

from onecard.kit import countries


@pytest.mark.parametrize(
    ("given", "kept"),
    [("USA", "US"), ("gbr", "GB"), (" DEU ", "DE"), ("CHE", "CH"), ("SWE", "SE"), ("AUT", "AT"), ("UKR", "UA")],
)
def test_three_letters_become_two(given: str, kept: str) -> None:
    assert countries.alpha_2(given) == kept


@pytest.mark.parametrize("given", ["US", "de"])
def test_two_letters_stay(given: str) -> None:
    assert countries.alpha_2(given) == given.upper()


@pytest.mark.parametrize("given", ["", "840", "XXX", "U", "USAA", "+1", "ÄÖÜ", "ß"])
def test_what_is_no_country_comes_back_as_it_was(given: str) -> None:
    assert countries.alpha_2(given) == given


def test_every_country_has_both_codes_once() -> None:
    codes = ["".join(letters) for letters in itertools.product(string.ascii_uppercase, repeat=3)]
    known = {code: two for code in codes if (two := countries.alpha_2(code)) != code}

    assert len(known) == len(set(known.values())) == 249
    assert all(len(two) == 2 for two in known.values())
