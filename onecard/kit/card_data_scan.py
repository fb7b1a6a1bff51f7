"""A quick look at a delivery's bytes: nearly all hold no card data, and to read them token by token takes milliseconds.

It may only err to one side. Where it is not sure, it says so, and the body is read as onecard/kit/masked_body.py does.
"""

import re
from typing import Final

from onecard.kit.masking import CODE_IN_TEXT, SHORTEST, is_card_number, is_secret_name

# Digits, letters, and all else, which may stand between the digits of a number.
_CLASSES: Final = bytes(
    ord("0") if chr(each).isdigit() else ord("a") if chr(each).isalpha() else ord(" ") for each in range(128)
) + bytes(128)
# As many digits as a card's number has, with at most six signs between two.
_MANY_DIGITS: Final = re.compile(rb"0(?: {0,6}0){%d,}" % (SHORTEST - 1))
# Escapes in which a blank or a quote may be written, and what an encoding of two bytes has in it.
_ESCAPES: Final = (b"\\", b"%", b"&", b"\0")
_CODES: Final = (b"cvv", b"cvc", b"cvn", b"csc", b"security code", b"card verification ")
_KEPT_NAMES: Final = 5_000
_harmless_names: set[bytes] = set()


def holds_no_card_data(body: bytes) -> bool:
    """Returns True only for a body in which nothing has to be covered."""
    if not body.isascii() or any(escape in body for escape in _ESCAPES):
        return False
    return not (_has_number(body) or _has_secret_name(body) or _names_a_code(body))


def _has_number(body: bytes) -> bool:
    for found in _MANY_DIGITS.finditer(body.translate(_CLASSES)):
        run = body[found.start() : found.end()]
        # Digits without anything between them are a number as a whole or not at all.
        if not run.isdigit() or is_card_number(run.decode()):
            return True
    return False


def _has_secret_name(body: bytes) -> bool:
    """Returns whether a member of an object has the name of a code; strings stand between the quotes."""
    parts = body.split(b'"')
    names = {name for name, behind in zip(parts[1::2], parts[2::2], strict=False) if behind.lstrip()[:1] == b":"}
    for name in names - _harmless_names:
        if is_secret_name(name.decode()):
            return True
        if len(_harmless_names) < _KEPT_NAMES:
            _harmless_names.add(name)
    return False


def _names_a_code(body: bytes) -> bool:
    """Returns whether a text says a code, as in "CVV: 123"; in a name such as cvc_check an underscore follows."""
    small = body.lower()
    return any(code in small.replace(code + b"_", b"") for code in _CODES if code in small) and (
        CODE_IN_TEXT.search(body.decode()) is not None
    )
