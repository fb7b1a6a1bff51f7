"""A quick look at a delivery's bytes: nearly all hold no card data, and to read them token by token takes milliseconds.

It may only err to one side. Where it is not sure, it says so, and the body is read as onecard/kit/masked_body.py does.
"""

from typing import Final

from onecard.kit.digit_runs import digit_runs, is_plain
from onecard.kit.masking import CODE_IN_TEXT, is_card_number, is_secret_name

_CODES: Final = (b"cvv", b"cvc", b"cvn", b"csc", b"security code", b"card verification ")
_KEPT_NAMES: Final = 5_000
_harmless_names: set[bytes] = set()


def holds_no_card_data(body: bytes) -> bool:
    """Returns True only for a body in which nothing has to be covered."""
    return is_plain(body) and not (_has_number(body) or _has_secret_name(body) or _names_a_code(body))


def _has_number(body: bytes) -> bool:
    # Digits without anything between them are a number as a whole or not at all.
    return any(not run.isdigit() or is_card_number(run.decode()) for run in digit_runs(body))


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
