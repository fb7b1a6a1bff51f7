"""Card numbers and codes in other people's text: covered before anything is stored (docs/decisions/0035).

A number is seen however it is written: in groups with blanks, dashes, dots or slashes between them, with non-breaking
blanks, in full-width digits, inside a longer text. It has the length and the first digits of a card network and the
right check digit. All but its last four digits become stars, so a text keeps its length.
"""

import functools
import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from django.views.decorators.debug import sensitive_variables

from onecard.kit.digit_runs import SHORTEST, digit_runs, is_plain
from onecard.kit.luhn import passes_luhn

LONGEST = 19
REMOVED: Final = "removed"
# The first digits of each network and its lengths (ISO/IEC 7812, the networks' published ranges).
_NETWORKS: Final = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})"  # Visa
    r"|(?=5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720)\d{16}"  # Mastercard
    r"|3[47]\d{13}"  # American Express
    r"|(?=3(?:0[0-59]|[689]))\d{14,19}"  # Diners Club
    r"|(?=35(?:2[89]|[3-8]))\d{16,19}"  # JCB
    r"|(?=5[0678]|6)\d{13,19}"  # Maestro, Discover, UnionPay
    r"|(?=220[0-4])\d{16,19}"  # Mir
)
# What people and programs put between the digits of a number; escapes too, for text that is not read as JSON.
_BETWEEN: Final = (
    r"(?:(?:[\s.·/_+*\u2010-\u2015\u2212\-\u00ad\u200b-\u200f\u2060\ufeff]"
    r"|%(?:25)?20|%(?:25)?2[dD]|%[cC]2%[aA]0|%[eE]2%80%[0-9a-fA-F]{2}|&nbsp;|&#160;|&#[xX][aA]0;"
    r"|\\[tnr]|\\x[aA]0|\\u(?:00a0|00ad|20[0-6][0-9a-f]|3000|feff)){1,3}|,)"
)
_PIECE: Final = re.compile(rf"{_BETWEEN}|(\d)")
_RUN: Final = re.compile(rf"(?<!\d)\d(?:{_BETWEEN}?\d){{12,}}(?!\d)")
# Groups with the same signs between them, whichever these are: 4242|4242|4242|4242, (4242)(4242)(4242)(4242).
_ALIKE: Final = re.compile(
    r"(?<![\d*])(?=\d(?:[\W_]{0,6}\d){12})\d{1,12}(?P<gap>[\W_]{1,6})(?:\d{1,12}(?P=gap))+\d{1,12}(?!\d)"
)
# What stands behind a covered number: its expiry and code, as in 12/28 123 or |12|28|123, and the rest of a track.
_BEHIND: Final = re.compile(
    r"(?P<before>\*(?:[ .\-]?\d){4}(?:\W{1,3}(?:exp\w*\W{1,3})?(?:0?[1-9]|1[0-2])\W{0,3}(?:20)?[2-4]\d\W{1,3}))"
    r"(?P<code>\d{3,4})(?!\d)"
    r"|(?P<track>\*\d{4}(?:[=D]|\^[^^]{2,26}\^))(?P<rest>\d{7,})"
)
_WORD_BEFORE: Final = re.compile(r"([A-Za-z]{2,}[A-Za-z0-9]*)_$")
# `card_4242…` says what it is; every other word with an underscore begins an id, such as ipi_….
_WORDS_FOR_NUMBERS: Final = frozenset({"pan", "card", "number", "cardnumber", "cc", "num", "no", "account", "acct"})
_HASH: Final = re.compile(r"[0-9a-fA-F]{24,}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
CODE_IN_TEXT: Final = re.compile(
    r"\b(cv[vcn]2?|csc|security code|card verification (?:code|value|number))\b(\W{0,4}(?:is\W)?)[0-9]{3,4}\b",
    re.IGNORECASE,
)
_WORDS_FOR_CODES: Final = ("cvv", "cvc", "cvn", "csc", "security code", "card verification ")
# Names of what must never be kept, and endings that say that only the outcome of a check stands there.
_CODE_NAMES: Final = re.compile(r"cvv|cvc|cvn|securitycode|cardverification|verificationvalue|^csc|^cid$")
_TRACK_NAMES: Final = re.compile(r"^track|trackdata|^pin$|pinblock|pindata|magstripe|encryptedpan|emvdata")
# One of these words is in each name that the two patterns find.
_SECRET_WORDS: Final = (
    "cvv", "cvc", "cvn", "csc", "cid", "security", "verification", "track", "pin", "magstripe", "encryptedpan",
    "emvdata",
)  # fmt: skip
_ANY_SECRET_WORD: Final = re.compile("|".join(_SECRET_WORDS).encode())
_SIGNS: Final = bytes(sign for sign in range(128) if not chr(sign).isalnum())
_OUTCOMES: Final = re.compile(r"(check|result|response|verification|match|status|type|present|provided|required|memo)$")
# The last word of a name that says: what stands here is compared, not read.
_ID_WORDS: Final = frozenset(
    {
        "id",
        "ids",
        "token",
        "tokens",
        "reference",
        "references",
        "ref",
        "key",
        "uuid",
        "hash",
        "sha256",
        "digest",
        "mid",
        "tid",
    }
)
_WORDS: Final = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")
# What a JSON text without any of these holds needs no covering; escapes are read first.
_MAY_NEED_COVER: Final = re.compile(
    f"{_RUN.pattern}|{_ALIKE.pattern}|{CODE_IN_TEXT.pattern}"
    r'|\\u|"[^"]*(?:cvv|cvc|cvn|csc|cid|security|verification|track|pin|magstripe|encryptedpan|emv)[^"]*"'
    r'\s*+:\s*+(?!null|true|false|"[A-Za-z_ ]*+"|"")',
    re.IGNORECASE,
)
_NO_DIGITS: Final = bytes(sign for sign in range(128) if not chr(sign).isdigit())
Cover = Callable[[str], str]
LooksLike = Callable[[str], bool]


@sensitive_variables()
def is_card_number(digits: str) -> bool:
    """Returns whether plain digits have the length, the beginning and the check digit of a payment card's number."""
    return _NETWORKS.fullmatch(digits) is not None and passes_luhn(digits)


def starred(number: str) -> str:
    """Returns the number as it was written, each digit but the last four a star: **** **** **** 4242."""
    shown_from = _places(number)[-4]
    return _PIECE.sub(lambda piece: "*" if piece[1] and piece.start() < shown_from else piece[0], number)


@sensitive_variables()
def masked(text: str, *, cover: Cover = starred, looks_like: LooksLike = is_card_number) -> str:
    """Returns the text with the card numbers in it covered, and with the codes that are named in it as such."""
    if len(text) < 6:
        return text
    covered = text
    for runs in (_RUN, _ALIKE) if _may_hold_number(text, looks_like) else ():
        covered = runs.sub(lambda run: _covered(run, cover, looks_like), covered)
    if covered is not text:
        covered = _BEHIND.sub(_starred_behind, covered)
    return CODE_IN_TEXT.sub(r"\1\2***", covered) if may_name_code(text) else covered


def _may_hold_number(text: str, looks_like: LooksLike) -> bool:
    """Returns False only for a text in which no card's number can be."""
    if not text.isascii():
        return True
    plain = text.encode()
    if len(plain.translate(None, _NO_DIGITS)) < SHORTEST:
        return False
    # Digits without anything between them are a number as a whole or not at all.
    return not is_plain(plain) or any(not run.isdigit() or looks_like(run.decode()) for run in digit_runs(plain))


def may_name_code(text: str) -> bool:
    """Returns False only for a text that names no code, as in "CVV: 123"; in cvc_check an underscore follows."""
    small = text.lower()
    return not text.isascii() or any(
        code in small.replace(f"{code}_", "") for code in _WORDS_FOR_CODES if code in small
    )


def may_say_secret(text: bytes) -> bool:
    """Returns False only for ASCII that `is_secret_name` and `may_name_code` do not find either."""
    return _ANY_SECRET_WORD.search(text.lower().translate(None, _SIGNS)) is not None


def _starred_behind(found: re.Match[str]) -> str:
    return (found["before"] or found["track"]) + "*" * len(found["code"] or found["rest"])


def may_need_cover(json_text: str) -> bool:
    """Returns whether anything in a JSON text may have to be covered: one look over it, since most have nothing."""
    return _MAY_NEED_COVER.search(json_text) is not None


def masked_json(value: Any, name: str = "") -> Any:
    """Returns a JSON value that may be stored; what stands under a name of an id is kept as `masked_value` says."""
    if isinstance(value, dict):
        return {masked(str(key)): masked_json(member, inherited(name, str(key))) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [masked_json(member, name) for member in value]
    return masked_value(value, name)


@sensitive_variables()
def masked_value(value: Any, name: str) -> Any:
    """Returns what may be stored of a text or number under this name.

    It is removed where the name is a code's, and covered where it holds a card's number. One word under the name of
    an id (…id, …token, …reference, …key) stays, whatever its digits are: it is compared.
    """
    if is_secret_name(name) and _is_secret(value, name):
        return REMOVED
    if isinstance(value, bool) or value is None:
        return value
    text = value if isinstance(value, str) else format(value, "f").partition(".")[0]
    if is_id_name(name) and _is_one_word(text):
        return value
    covered = masked(text)
    return value if covered == text else covered


@functools.lru_cache(maxsize=2048)
def is_secret_name(name: str) -> bool:
    """Returns whether a field of this name holds a card's code, its track or its PIN."""
    plain = _letters_and_digits(name)
    if not any(word in plain for word in _SECRET_WORDS):
        return False
    return bool(_TRACK_NAMES.search(plain) or (_CODE_NAMES.search(plain) and not _OUTCOMES.search(plain)))


@functools.lru_cache(maxsize=2048)
def is_id_name(name: str) -> bool:
    """Returns whether a field of this name holds what is compared:

    Its last word is id, token, reference, key or such.
    """
    words = _WORDS.findall(name)
    return bool(words) and words[-1].lower() in _ID_WORDS


def _is_secret(value: Any, name: str) -> bool:
    """Returns whether the value is a code: three or four digits under such a name.

    Words such as "match" only tell the outcome of a check, so they stay. A track is any text.
    """
    if _TRACK_NAMES.search(_letters_and_digits(name)):
        return isinstance(value, str | int) and not isinstance(value, bool) and value != ""
    return re.fullmatch(r"\s*[0-9]{3,4}\s*", str(value)) is not None


def inherited(outer: str, inner: str) -> str:
    """Returns the name that counts for a member of an object:

    {"cvv": {"value": …}} holds the code as {"cvv": …} does.
    """
    plain = _letters_and_digits(inner)
    return outer if is_secret_name(outer) and plain in ("value", "data", "number", "code", "plain", "raw") else inner


def _letters_and_digits(name: str) -> str:
    return name.lower().encode("ascii", "ignore").translate(None, _SIGNS).decode()


def _is_one_word(text: str) -> bool:
    return bool(re.fullmatch(r"[0-9]+|(?=.*[A-Za-z])[\w:.\-]+", text))


@sensitive_variables()
def _covered(run: re.Match[str], cover: Cover, looks_like: LooksLike) -> str:
    """Returns the run with each card number in it covered."""
    text, pieces, at = run[0], [], 0
    for start, end in _numbers(run, looks_like):
        pieces += [text[at:start], cover(text[start:end])]
        at = end
    return "".join([*pieces, text[at:]])


def _places(text: str) -> list[int]:
    """Returns where the digits of a run stand; those of a separator, such as %20, are none."""
    return [piece.start() for piece in _PIECE.finditer(text) if piece[1]]


@sensitive_variables()
def _numbers(run: re.Match[str], looks_like: LooksLike) -> Iterator[tuple[int, int]]:
    """Yields where the numbers in a run stand. One begins and ends where a group of digits does; the longest counts."""
    text = run[0]
    places = _places(text)
    digits = "".join(str(int(text[at])) for at in places)
    begins = [0, *(n for n in range(1, len(places)) if places[n] != places[n - 1] + 1)]
    ends, free_from = {*begins[1:], len(places)}, 0
    for first in begins:
        if first < free_from or digits[first] not in "23456":
            continue
        for last in range(min(first + LONGEST, len(digits)), first + SHORTEST - 1, -1):
            number, start, end = digits[first:last], places[first], places[last - 1] + 1
            if last in ends and looks_like(number) and not _is_something_else(run, start, end, number):
                yield start, end
                free_from = last
                break


def _is_something_else(run: re.Match[str], start: int, end: int, digits: str) -> bool:
    """Returns whether a run of digits is something other than a card number.

    A telephone number with its + has at most fifteen digits (ITU-T E.164); a part of an id or a hash has letters
    beside it.
    """
    text, start, end = run.string, run.start() + start, run.start() + end
    if text[max(0, start - 1) : start] == "+" and len(digits) <= 15:
        return True
    word = _WORD_BEFORE.search(text[max(0, start - 40) : start])
    if word and end - start == len(digits):
        return word[1].lower() not in _WORDS_FOR_NUMBERS
    cut = max(0, start - 64)
    hashes = (each for each in _HASH.finditer(text[cut : end + 64]) if _has_letters(each[0]))
    return any(each.start() <= start - cut and end - cut <= each.end() for each in hashes)


def _has_letters(text: str) -> bool:
    return any(map(str.isalpha, text)) or text.count("-") == 4
