"""Country codes: three letters become two, and nothing is guessed."""

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
    assert len(countries._ALPHA_2) == len(countries._KNOWN) == 249
    assert all(len(three) == 3 and len(two) == 2 for three, two in countries._ALPHA_2.items())
