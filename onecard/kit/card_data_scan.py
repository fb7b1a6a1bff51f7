"""A quick look at a delivery's bytes: nearly all hold no card data, and to read them token by token takes milliseconds.

It may only err to one side. Where it is not sure, it says so, and the body is read as onecard/kit/masked_body.py does.
"""

import re
from itertools import filterfalse
from typing import Final

from onecard.kit.digit_runs import digit_runs, is_plain
from onecard.kit.masking import CODE_IN_TEXT, is_card_number, is_secret_name, may_name_code, may_say_secret

# Nearly all names and texts of an issuer's deliveries come again and again, so each is looked at once.
_MOST_REMEMBERED: Final = 5_000
_LONGEST_REMEMBERED: Final = 200
_harmless: set[bytes] = set()


def holds_no_card_data(body: bytes) -> bool:
    """Returns True only for a body in which nothing has to be covered."""
    return is_plain(body) and not (_has_number(body) or _has_code(body))


def _has_number(body: bytes) -> bool:
    # Digits without anything between them are a number as a whole or not at all.
    return any(not run.isdigit() or is_card_number(run.decode()) for run in digit_runs(body))


def _has_code(body: bytes) -> bool:
    """Returns whether a code may stand in the body; names, texts and what is between them are what quotes part."""
    for piece in filterfalse(_harmless.__contains__, body.split(b'"')):
        if not may_say_secret(piece):
            _remember(piece)
            continue
        text = piece.decode()
        is_suspect, names_code = is_secret_name(text), may_name_code(text)
        if (is_suspect and _is_name(piece, body)) or (names_code and CODE_IN_TEXT.search(body.decode())):
            return True
        if not (is_suspect or names_code):
            _remember(piece)
    return False


def _is_name(piece: bytes, body: bytes) -> bool:
    """Returns whether a member of an object has this name, or something else that stands before a colon."""
    return re.search(rb'"%b"\s*:' % re.escape(piece), body) is not None


def _remember(piece: bytes) -> None:
    """Ids come once, so the memory is emptied when it is full; what is common is soon in it again."""
    if len(_harmless) >= _MOST_REMEMBERED:
        _harmless.clear()
    if len(piece) <= _LONGEST_REMEMBERED:
        _harmless.add(piece)
