"""A quick look at a delivery's bytes: nearly all hold no card data, and to read them token by token takes milliseconds.

It may only err to one side. Where it is not sure, it says so, and the body is read as onecard/kit/masked_body.py does.
"""

import re
from itertools import filterfalse
from typing import Final

from onecard.kit.digit_runs import digit_runs, is_plain
from onecard.kit.masking import CODE_IN_TEXT, is_card_number, is_secret_name, may_name_code, may_say_secret

# Nearly all lines, names and texts of an issuer's deliveries come again and again, so each is looked at once.
_MOST_REMEMBERED: Final = 5_000
_LONGEST_REMEMBERED: Final = 200
_harmless: set[bytes] = set()
_harmless_lines: set[bytes] = set()
# A line that begins with a letter in quotes, or is without any: no number goes on in it that began in a line before.
_BEGINS_ANEW: Final = re.compile(rb'[ \t\r]*(?:"[A-Za-z]|[\[\]{},\s]*$)')


def holds_no_card_data(body: bytes) -> bool:
    """Returns True only for a body in which nothing has to be covered."""
    if not is_plain(body):
        return False
    lines = list(filterfalse(_harmless_lines.__contains__, body.split(b"\n")))
    if not all(map(_BEGINS_ANEW.match, lines)):
        return not (_has_number(body) or _has_code(body, body))
    text = b"\n".join(lines)
    if _has_number(text) or _has_code(text, body):
        return False
    for line in lines:
        if not may_say_secret(line):
            _remember(line, _harmless_lines)
    return True


def _has_number(text: bytes) -> bool:
    # Digits without anything between them are a number as a whole or not at all.
    return any(not run.isdigit() or is_card_number(run.decode()) for run in digit_runs(text))


def _has_code(text: bytes, body: bytes) -> bool:
    """Returns whether a code may stand in a part of the body.

    Names, texts and what is between them are what quotes part.
    """
    for piece in filterfalse(_harmless.__contains__, text.split(b'"')):
        if not may_say_secret(piece):
            _remember(piece, _harmless)
            continue
        words = piece.decode()
        is_suspect, names_code = is_secret_name(words), may_name_code(words)
        if (is_suspect and _is_name(piece, body)) or (names_code and CODE_IN_TEXT.search(body.decode())):
            return True
        if not (is_suspect or names_code):
            _remember(piece, _harmless)
    return False


def _is_name(piece: bytes, body: bytes) -> bool:
    """Returns whether a member of an object has this name, or something else that stands before a colon."""
    return re.search(rb'"%b"\s*:' % re.escape(piece), body) is not None


def _remember(piece: bytes, memory: set[bytes]) -> None:
    """Ids come once, so a memory is emptied when it is full; what is common is soon in it again."""
    if len(memory) >= _MOST_REMEMBERED:
        memory.clear()
    if len(piece) <= _LONGEST_REMEMBERED:
        memory.add(piece)
