"""The rules under which stored purchases are decided again: as published, with a draft, or with files on top."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from routing import rulebook
from routing.catalogue import drafting
from routing.catalogue.compiled import CompiledCatalogue, compiled
from routing.catalogue.files import read_entries as read_catalogue_entries
from routing.engine import Row, Rules
from routing.models import RankingChange, RankingDraft
from routing.rankings import effective
from routing.rankings.changes import change_of
from routing.rankings.formats import Format
from routing.rankings.importing import read_entries as read_rankings

RowsOf = Callable[[str], tuple[Row, ...]]


@dataclass(slots=True)
class World:
    """The numbers that staff set, the rankings by MCC (each MCC is read once), and the reward catalogue."""

    rules: Rules
    catalogue: CompiledCatalogue
    read_rows: RowsOf
    _rows: dict[str, tuple[Row, ...]] = field(default_factory=dict)

    def rows_of(self, mcc: str) -> tuple[Row, ...]:
        if mcc not in self._rows:
            self._rows[mcc] = self.read_rows(mcc)
        return self._rows[mcc]


def published() -> World:
    """Returns the rules as they are published now."""
    catalogue = rulebook.catalogue_for(version=rulebook.current_version())
    return World(rulebook.current_rules(), catalogue, effective.rows_of)


def with_draft(draft: RankingDraft, base: World) -> World:
    """Returns the published rules (`base`) as they will be once the draft is published.

    Raises CatalogueError when its entries do not fit the published catalogue any more.
    """

    def rows_of(mcc: str) -> tuple[Row, ...]:
        return effective.rows_with(mcc, draft.changes.filter(mcc=mcc))

    catalogue = compiled(drafting.catalogue_with(draft)) if draft.entries.exists() else base.catalogue
    return World(base.rules, catalogue, rows_of)


def with_files(base: World, *, rankings: Path | None = None, catalogue: Path | None = None) -> World:
    """Returns the published rules (`base`) with the rows of files in place of theirs; what no file names stays.

    Raises OSError for a file that cannot be read, RankingsError and CatalogueError for one that is wrong.
    """
    terms, read_rows = base.catalogue, base.read_rows
    if rankings is not None:
        read_rows = _rows_of_file(rankings)
    if catalogue is not None:
        entries = read_catalogue_entries(catalogue.read_bytes(), source=catalogue.name)
        terms = compiled(drafting.catalogue_with_entries(entries))
    return World(base.rules, terms, read_rows)


def _rows_of_file(file: Path) -> RowsOf:
    file_format: Format = "json" if file.suffix.lower() == ".json" else "csv"
    entries = read_rankings(file.read_bytes(), source=file.name, file_format=file_format)
    changes: dict[str, list[RankingChange]] = {}
    for number, entry in enumerate(entries, start=1):
        change = change_of(RankingDraft(), entry.key, entry.values, None, None)
        change.pk = number
        changes.setdefault(entry.mcc, []).append(change)
    return lambda mcc: effective.rows_with(mcc, changes.get(mcc, ()))
