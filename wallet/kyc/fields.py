"""The fields of a person's profile: under which name people know each, what it may hold, and which ones are missing.

The issuers set the bounds (docs/issuers/stripe.md, Cardholders; docs/issuers/marqeta.md, Users and cards).
"""

import datetime as dt
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.utils.functional import lazy
from django.utils.translation import gettext_lazy

from onecard.kit import time_zones
from onecard.kit.countries import is_country
from onecard.kit.errors import OneCardError
from onecard.kit.fields import refuse_card_number
from onecard.kit.text import normalized
from onecard.kit.words import Words
from wallet.models import Cardholder, Preference

ADULT_YEARS: Final = 18
OLDEST_YEARS: Final = 120
EMAIL, TERMS = "email", "terms"
# The card's terms that a person accepts now; whoever accepted other ones is asked again before the next card.
TERMS_VERSION: Final = "2026-11"
# States, the capital's district, territories and military addresses, as the postal service writes them.
_US_STATES: Final = """
    AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA
    RI SC SD TN TX UT VT VA WA WV WI WY DC AS GU MP PR VI AA AE AP
"""
US_STATES: Final = frozenset(_US_STATES.split())
_E164: Final = re.compile(r"\+[1-9][0-9]{6,14}")
_US_POSTAL_CODE: Final = re.compile(r"[0-9]{5}(-[0-9]{4})?")
_NAME: Final = re.compile(r"[^\W\d_][^\d_]*")


class ProfileError(OneCardError):
    """A field of a profile is wrong; `errors` has the sentences of each, by its name."""

    code = "profile_invalid"

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__("Some fields of the profile are wrong: errors names each.")
        self.by_name = dict(errors)
        self.errors = nested({name: [words] for name, words in errors.items()})


@dataclass(frozen=True, slots=True)
class Field:
    """A field: its column, its longest text, whether cards need it, whether it says who the person is."""

    column: str
    longest: int
    check: Callable[[str], str] = lambda _text: ""
    needed: bool = True
    is_identity: bool = False


def checked(given: Mapping[str, Any], *, known: Mapping[str, Any], today: dt.date) -> dict[str, Any]:
    """Returns the given fields as they are stored, by column; raises ProfileError naming each wrong one.

    `known` has the person's other fields, since a state and a postal code are checked by the country. An empty field
    is not wrong: `missing` names it.
    """
    whole = {**known, **given}
    country = str(whole.get("address.country") or "").upper()
    cleaned = {name: _cleaned(name, value, country) for name, value in given.items()}
    errors = {name: words for name, value in cleaned.items() if (words := _why_wrong(name, value, today))}
    rest = {name: cleaned.get(name, whole.get(name)) or "" for name in FIELDS}
    if any(name.startswith("address.") for name in given):
        errors = {**_why_wrong_there(rest, country), **errors}
    if errors:
        raise ProfileError(errors)
    return {FIELDS[name].column: _stored(value) for name, value in cleaned.items()}


def values_of(holder: Cardholder) -> dict[str, Any]:
    """Returns a person's fields by the names under which people know them."""
    return {name: getattr(holder, field.column) for name, field in FIELDS.items()}


def missing(holder: Cardholder) -> list[str]:
    """Returns the names of the fields that a card needs and the person has not given, with `email` and `terms`."""
    empty = [name for name, field in FIELDS.items() if field.needed and not getattr(holder, field.column)]
    if holder.address_country != "US" and "address.state" in empty:
        empty.remove("address.state")
    email = [] if holder.user.email else [EMAIL]
    terms = [] if holder.terms_accepted_at and holder.terms_version == TERMS_VERSION else [TERMS]
    return [*empty, *email, *terms]


def nested(errors: Mapping[str, Any]) -> dict[str, Any]:
    """Returns sentences by field as a form nests them: address.city under address."""
    found: dict[str, Any] = {}
    for name, words in errors.items():
        outer, _, inner = name.partition(".")
        if inner:
            found.setdefault(outer, {})[inner] = words
        else:
            found[outer] = words
    return found


def _in_words(names: list[str]) -> str:
    return ", ".join(str(WORDS[name]) for name in names)


# Returns field names in a sentence's words: the date of birth, the city.
in_words: Any = lazy(_in_words, str)


def _cleaned(name: str, value: Any, country: str) -> Any:
    if not isinstance(value, str):
        return value if name == "birth_date" else ""
    text = value.strip()
    if name == "birth_date":
        return _date(text)
    if name == "address.country" or (name == "address.state" and country == "US"):
        return text.upper()
    return time_zones.canonical(text) if name == "time_zone" else text


def _date(text: str) -> Any:
    try:
        return dt.date.fromisoformat(text) if text else None
    except ValueError:
        return text


def _why_wrong(name: str, value: Any, today: dt.date) -> str:
    """Returns what is wrong with one field by itself, in a sentence; "" for an empty one that may be empty."""
    if not value:
        return "Choose one." if FIELDS[name].column in DEFAULTED else ""
    if name == "birth_date":
        return _why_wrong_birth(value, today)
    if any(unicodedata.category(character) in ("Cc", "Cf", "Co", "Cs") for character in value):
        return "It has control characters or invisible ones: type it again."
    if len(_stored(value)) > FIELDS[name].longest:
        return f"It has more than {FIELDS[name].longest} characters."
    return FIELDS[name].check(value) or _why_no_text(name, value)


def _why_no_text(name: str, value: str) -> str:
    """Refuses a card's number where people may write anything; a phone number may look like one."""
    try:
        refuse_card_number("" if name == "phone" else value)
    except ValidationError as error:
        return str(error.message)
    return ""


def _stored(value: Any) -> Any:
    """Returns the form in which text is stored, so that the same text is no change."""
    return normalized(value) if isinstance(value, str) else value


def _why_wrong_birth(value: Any, today: dt.date) -> str:
    if not isinstance(value, dt.date):
        return "Write the date as YYYY-MM-DD."
    age = today.year - value.year - ((today.month, today.day) < (value.month, value.day))
    if age > OLDEST_YEARS or age < 0:
        return "This is nobody's date of birth."
    return "" if age >= ADULT_YEARS else f"A card is for people of {ADULT_YEARS} and older."


def _why_wrong_there(address: Mapping[str, Any], country: str) -> dict[str, str]:
    """Returns what is wrong with an address by the rules of its country."""
    if country != "US":
        return {}
    state, postal_code = str(address["address.state"]).upper(), str(address["address.postal_code"])
    return {
        **({"address.state": "Write a state of the US by its two letters, such as CA."} if _is_odd(state) else {}),
        **(
            {"address.postal_code": "Write a ZIP code of five digits, or of five and four: 94103, 94103-1234."}
            if postal_code and not _US_POSTAL_CODE.fullmatch(postal_code)
            else {}
        ),
    }


def _is_odd(state: str) -> bool:
    return bool(state) and state not in US_STATES


def _name(text: str) -> str:
    return "" if _NAME.fullmatch(text) else "Write the name with letters, and without digits."


def _phone(text: str) -> str:
    return "" if _E164.fullmatch(text) else "Write the number with + and the country's code, such as +14155550100."


def _country(text: str) -> str:
    return "" if is_country(text) else "Write the country by its two letters (ISO 3166-1), such as US."


def _time_zone(text: str) -> str:
    return "" if time_zones.is_known(text) else "This is not a time zone; write it like America/New_York."


def _preference(text: str) -> str:
    return "" if text in Preference.values else f"Choose one of: {', '.join(Preference.values)}."


FIELDS: Final[dict[str, Field]] = {
    "first_name": Field("legal_first_name", 40, _name, is_identity=True),
    "last_name": Field("legal_last_name", 40, _name, is_identity=True),
    "birth_date": Field("birth_date", 10, is_identity=True),
    "phone": Field("phone", 16, _phone),
    "address.line1": Field("address_line1", 120),
    "address.line2": Field("address_line2", 120, needed=False),
    "address.city": Field("address_city", 40),
    "address.state": Field("address_state", 40),
    "address.postal_code": Field("address_postal_code", 10),
    "address.country": Field("address_country", 2, _country),
    "time_zone": Field("time_zone", 60, _time_zone),
    "preference": Field("preference", 20, _preference),
}
IDENTITY: Final = tuple(name for name, field in FIELDS.items() if field.is_identity)
# These have a value from the beginning.
DEFAULTED: Final = ("time_zone", "preference")
WORDS: Final[dict[str, Words]] = {
    "first_name": gettext_lazy("the legal first name"),
    "last_name": gettext_lazy("the legal last name"),
    "birth_date": gettext_lazy("the date of birth"),
    "phone": gettext_lazy("the phone number"),
    "address.line1": gettext_lazy("the street address"),
    "address.line2": gettext_lazy("the second line of the address"),
    "address.city": gettext_lazy("the city"),
    "address.state": gettext_lazy("the state"),
    "address.postal_code": gettext_lazy("the postal code"),
    "address.country": gettext_lazy("the country"),
    "time_zone": gettext_lazy("the time zone"),
    "preference": gettext_lazy("the preference"),
    EMAIL: gettext_lazy("the e-mail address"),
    TERMS: gettext_lazy("the acceptance of the card's terms"),
}
