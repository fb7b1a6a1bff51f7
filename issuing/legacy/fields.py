"""Reads each field of a document; a fault is collected with the field's name and not raised."""

import datetime as dt
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from issuing.issuers.merchants import category_of
from issuing.legacy.extended_json import moment_of
from issuing.legacy.lookup import Lookup
from issuing.legacy.redaction import MASK
from onecard.kit.money import MAX_AMOUNT_MINOR, Money, MoneyError, currency_exponent

_EARLIEST: Final = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
_LATEST: Final = dt.datetime(2100, 1, 1, tzinfo=dt.UTC)
# U+FFFD is what cleaning leaves in place of what the database cannot hold.
_UNPRINTABLE: Final = re.compile("[\x00-\x1f\x7f\ufffd]")
_WHOLE: Final = re.compile(r"-?[0-9]{1,30}")


class Fields(Lookup):
    """Reads fields one by one; a method returns an empty value for a field with a fault."""

    def text(self, name: str, *others: str, limit: int, required: bool = False) -> str:
        """Returns text on one line of at most `limit` characters; a number counts as its digits."""
        return self._text(*self.take(name, *others, required=required), limit)

    def identity(self, name: str, *others: str, limit: int, required: bool = False) -> str:
        """Returns an id as text. Where a reference was replaced by its whole object, returns that object's id."""
        label, value = self.take(name, *others, required=required)
        if isinstance(value, dict):
            inner = Fields(value).own_id(limit=limit)
            return inner or self.fault(label, "is an object without a good id; an id as text is needed", "")
        if isinstance(value, str) and MASK in value:
            return self.fault(label, "looks like a card's number, which is never kept; an id is needed", "")
        if isinstance(value, Decimal):
            return self.wrong(label, value, "must be an id", "")
        return self._text(label, value, limit)

    def own_id(self, *, limit: int) -> str:
        """Returns the document's or reference's own id; MongoDB's `_id` before any other."""
        ids = (self.identity(name, limit=limit) for name in ("_id", "$id", "id"))
        return next(filter(None, ids), "")

    def choice(self, name: str, *others: str, among: Sequence[str], default: str | None = None) -> str:
        """Returns one of the allowed words, read in any case; required when there is no default."""
        label, value = self.take(name, *others, required=default is None)
        if value is None:
            return default or ""
        word = value.strip().lower() if isinstance(value, str) else None
        if word in among:
            return str(word)
        if not isinstance(value, str) or value not in among:
            return self.wrong(label, value, f"must be one of {', '.join(among)}", "")
        return value

    def flag(self, name: str, *others: str) -> bool:
        """Returns a required true or false, which may be text in any case."""
        label, value = self.take(name, *others, required=True)
        if value is None or isinstance(value, bool):
            return bool(value)
        word = value.strip().lower() if isinstance(value, str) else ""
        if word in ("true", "false"):
            return word == "true"
        return self.wrong(label, value, "must be true or false", instead=False)

    def whole(self, name: str, *others: str, low: int, high: int) -> int | None:
        """Returns a required whole number from `low` to `high`."""
        label, value = self.take(name, *others, required=True)
        if value is None:
            return None
        number = _whole_number(value)
        if number is None or not low <= number <= high:
            return self.wrong(label, value, f"must be a whole number from {low} to {high}", None)
        return number

    def mcc(self, name: str, *others: str) -> str:
        """Returns a merchant category code, or "". 5812.0 is 5812, and 742 is 0742 if that is a code."""
        label, value = self.take(name, *others)
        text = re.sub(r"\.0+$", "", str(value).strip()) if isinstance(value, str | int) else ""
        if re.fullmatch(r"[0-9]{3}", text) and category_of(text.zfill(4)):
            return text.zfill(4)
        if value is None or re.fullmatch(r"[0-9]{4}", text):
            return text
        return self.fault(label, "is not allowed; it must be 4 digits", "")

    def digits(self, name: str, *others: str, count: int) -> str:
        """Returns exactly `count` digits, or "". The fault does not repeat the value, which may be a whole card number.

        A number lost its leading zeros, so 42 is 0042. Text is taken as it is.
        """
        label, value = self.take(name, *others)
        if value is None:
            return ""
        is_number = isinstance(value, int) and not isinstance(value, bool) and value >= 0
        text = str(value).strip().zfill(count if is_number else 0) if isinstance(value, str | int) else ""
        if not re.fullmatch(rf"[0-9]{{{count}}}", text):
            return self.fault(label, f"is not allowed; it must be {count} digits", "")
        return text

    def texts(self, name: str, *others: str, limit: int) -> list[str]:
        """Returns a list of texts, each of at most `limit` characters."""
        label, value = self.take(name, *others)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(item, str) and len(item) <= limit for item in value):
            return self.wrong(label, value, f"must be a list of texts of at most {limit} characters", [])
        return list(value)

    def moment(self, name: str, *others: str) -> dt.datetime | None:
        """Returns a time of this century in UTC, or None."""
        label, value = self.take(name, *others)
        if value is None:
            return None
        moment = moment_of(value)
        if moment is None or not _EARLIEST <= moment < _LATEST:
            allowed = "must be a date of 2000 to 2099, as ISO 8601 text or in milliseconds since 1970"
            return self.wrong(label, value, allowed, None)
        return moment

    def currency(self, default: str) -> str:
        """Returns an ISO 4217 code, read in any case."""
        label, value = self.take("currency", "currencyCode")
        code = value.strip().upper() if isinstance(value, str) else "" if value is not None else default
        try:
            currency_exponent(code)
        except MoneyError:
            return self.wrong(label, value, "must be an ISO 4217 currency code such as USD", "")
        return code

    def amount(self, name: str, *others: str, currency: str) -> int | None:
        """Returns an amount in minor units, never negative.

        It is read from whole units, or from minor units in a field whose name ends with `Minor`. Without a
        known currency the amount is not checked, because its decimals are unknown.
        """
        label, value = self.take(name, *others)
        minor_label, minor = self.take(*(f"{given}Minor" for given in (name, *others)))
        if not currency:
            return None
        of_whole = None if value is None else self._minor_of(label, value, currency)
        of_minor = None if minor is None else self._checked_minor(minor_label, minor)
        if of_whole is not None and of_minor is not None and of_whole != of_minor:
            return self.fault(label, f"differs from {minor_label}; give one of them", None)
        return of_minor if of_whole is None else of_whole

    def _text(self, label: str, value: Any, limit: int) -> str:
        if value is None:
            return ""
        if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
            return self.wrong(label, value, "must be text", "")
        text = str(value).strip()
        if len(text) > limit:
            return self.fault(label, f"has {len(text)} characters; at most {limit} are allowed", "")
        if _UNPRINTABLE.search(text):
            return self.fault(label, "holds a character that cannot be stored; one line of text is allowed", "")
        return text

    def _minor_of(self, label: str, value: Any, currency: str) -> int | None:
        try:
            minor = Money.parse(_number_text(value), currency).minor
        except MoneyError:
            decimals = currency_exponent(currency)
            return self.wrong(label, value, f"must be an amount of {currency} with at most {decimals} decimals", None)
        return self._in_bounds(label, value, minor)

    def _checked_minor(self, label: str, value: Any) -> int | None:
        number = _whole_number(value)
        if number is None:
            return self.wrong(label, value, "must be a whole number of minor units", None)
        return self._in_bounds(label, value, number)

    def _in_bounds(self, label: str, value: Any, minor: int) -> int | None:
        if not 0 <= minor <= MAX_AMOUNT_MINOR:
            return self.wrong(label, value, f"must be from 0 to {MAX_AMOUNT_MINOR} minor units", None)
        return minor


def _whole_number(value: Any) -> int | None:
    text = _number_text(value)
    whole, _dot, decimals = text.partition(".")
    return int(whole) if _WHOLE.fullmatch(whole) and not decimals.strip("0") else None


def _number_text(value: Any) -> str:
    """Returns plain digits of a number; "" for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        return ""
    return value.strip() if isinstance(value, str) else format(value, "f")
