"""What a spreadsheet adds to its cells: an encoding, a separator, and a line that names the separator. Pure."""

import csv
import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from dataclasses import dataclass
from typing import Final

from onecard.kit.text import normalized

SEPARATORS: Final = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
# A line with these column names is a header.
_HEADER_COLUMNS: Final = frozenset({"mcc", "scope", "reward_rate", "reward_type", "network", "card_name"})
_SAID: Final = re.compile(r'\s*"?sep=(.)"?[ \t,;|]*(?:\r\n|\r|\n|$)', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Sheet:
    """A CSV text from its header on, the header's line in the file, and the separator of its cells."""

    text: str
    separator: str
    first_line: int = 1

    @property
    def in_words(self) -> str:
        return SEPARATORS.get(self.separator, repr(self.separator))


def encoding_of(content: bytes) -> str:
    """Returns UTF-8, or UTF-16 (Excel's "Unicode text") by its mark or by the zero bytes of its plain letters."""
    if content.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        return "utf-16"
    first = content[:2]
    return {(False, True): "utf-16-le", (True, False): "utf-16-be"}.get(
        (first[:1] == b"\0", first[1:] == b"\0"), "utf-8-sig"
    )


def sheet_of(text: str, columns: frozenset[str] = _HEADER_COLUMNS) -> Sheet:
    """Finds the separator: the file's own statement, else what makes a header with these columns of its first line."""
    said = _SAID.match(text)
    if said:
        return Sheet(
            text[said.end() :], said[1], 1 + said[0].count("\n") + (said[0].count("\r") if "\n" not in said[0] else 0)
        )
    first = next((line for line in text.splitlines() if line.strip()), "")
    return Sheet(text, max(SEPARATORS, key=lambda separator: _columns_in(first, separator, columns)))


def column_name(cell: str) -> str:
    """Returns a header's cell as a column's name: "Reward Rate" is reward_rate."""
    return re.sub(r"[\s\-]+", "_", normalized(cell).lower())


def _columns_in(line: str, separator: str, columns: frozenset[str]) -> int:
    try:
        cells = next(csv.reader([line], delimiter=separator, skipinitialspace=True), [])
    except csv.Error:
        return 0
    return len(columns & {column_name(cell) for cell in cells})
