"""Currency codes of ISO 4217: the three letters that we store, from the three digits that networks send."""

import iso4217

_BY_NUMBER = {currency.number: currency.code for currency in iso4217.Currency if currency.number is not None}
_KNOWN = frozenset(currency.code for currency in iso4217.Currency)


def alpha_3(code: object) -> str:
    """Returns a currency's three letters, from letters in any case, from "978", or from 978; "" for anything else."""
    if isinstance(code, str) and code.strip().isascii():
        letters = code.strip().upper()
        number = int(letters) if len(letters) == 3 and letters.isdecimal() else -1
        return letters if letters in _KNOWN else _BY_NUMBER.get(number, "")
    return _BY_NUMBER.get(code, "") if type(code) is int else ""
