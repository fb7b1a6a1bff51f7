"""Which format a file of rankings has."""

from pathlib import Path
from typing import Final, Literal

from routing.rankings.entry import RankingsError

Format = Literal["json", "csv"]
FORMATS: Final[dict[str, Format]] = {"json": "json", "csv": "csv"}


def format_of(file: Path, given: str | None) -> Format:
    """Returns the given format, else the one of the file's ending; raises RankingsError for an unknown ending."""
    word = given or file.suffix.removeprefix(".").lower()
    if word not in FORMATS:
        raise RankingsError(f"{file.name} ends neither in .json nor in .csv; say which it is with --format.")
    return FORMATS[word]
