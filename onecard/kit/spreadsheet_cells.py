"""Cells of CSV files that people open with a spreadsheet."""

from typing import Final

# A spreadsheet takes a cell that begins so for a formula, which may send the other cells elsewhere.
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def safe(value: object) -> str:
    """Returns a cell that no spreadsheet takes for a formula."""
    text = str(value)
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA) or text.startswith(FORMULA) else text
