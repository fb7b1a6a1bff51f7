"""The rules as frozen values, compiled once per process and version, so that decisions do not read them again."""

from dataclasses import dataclass, field

from django.db import connection

from onecard.kit.transactions import limited_read
from routing.catalogue.compiled import CompiledCatalogue, compile_catalogue
from routing.engine import Row, Rules
from routing.models import PreferenceMultiplier, RankingRow, RewardClass, Threshold


@dataclass(slots=True)
class _Compiled:
    version: int
    rules: Rules
    multiplier_versions: dict[str, int]
    rows: dict[str, tuple[Row, ...]] = field(default_factory=dict)
    catalogue: CompiledCatalogue | None = None


_compiled: _Compiled | None = None


def current_version() -> int:
    """Returns the version of the rules in the database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT version FROM routing_rulebook")
        return int(cursor.fetchone()[0])


def rules_for(*, version: int, mcc: str, limit_ms: float = 1000) -> tuple[Rules, tuple[Row, ...], dict[str, int]]:
    """Returns the rules, an MCC's ranking rows and the numbers' versions, for a rulebook version.

    `version` is what the caller has just read from the database. Only the first purchase at an MCC after a change reads
    anything here, and the database ends that after `limit_ms` (django.db.OperationalError). The version comes from a
    sequence, so two different rulebooks never share one.
    """
    book = _compiled
    if book is None or book.version != version or mcc not in book.rows:
        with limited_read(limit_ms):
            book = _complete(book, version, mcc)
    return book.rules, book.rows[mcc], book.multiplier_versions


def catalogue_for(*, version: int, limit_ms: float = 1000) -> CompiledCatalogue:
    """Returns the reward catalogue of a rulebook version, as `rules_for` returns the rest."""
    book = _compiled
    if book is None or book.version != version or book.catalogue is None:
        with limited_read(limit_ms):
            book = _with_catalogue(book, version)
    if book.catalogue is None:
        raise AssertionError("The catalogue was compiled just now.")
    return book.catalogue


def current_rules() -> Rules:
    """Returns the numbers that staff set, as of now."""
    return _compile_rules(current_version()).rules


def is_compiled(*, version: int, mcc: str, with_catalogue: bool = False) -> bool:
    """Returns whether `rules_for`, and if asked `catalogue_for`, answers from this process's memory."""
    book = _compiled
    if book is None or book.version != version or mcc not in book.rows:
        return False
    return book.catalogue is not None or not with_catalogue


def forget() -> None:
    """Drops what this process has compiled, as a restart does: for tests."""
    global _compiled  # noqa: PLW0603  (see `_complete`)
    _compiled = None


def _complete(book: _Compiled | None, version: int, mcc: str) -> _Compiled:
    global _compiled  # noqa: PLW0603  (the process's one compiled book; swapped whole, so threads need no lock)
    if book is None or book.version != version:
        book = _compiled = _compile_rules(version)
    if mcc not in book.rows:
        book.rows[mcc] = _compile_rows(mcc)
    return book


def _with_catalogue(book: _Compiled | None, version: int) -> _Compiled:
    global _compiled  # noqa: PLW0603  (see `_complete`)
    if book is None or book.version != version:
        book = _compiled = _compile_rules(version)
    if book.catalogue is None:
        book.catalogue = compile_catalogue()
    return book


def _compile_rules(version: int) -> _Compiled:
    multipliers = list(PreferenceMultiplier.objects.all())
    thresholds = {threshold.name: threshold for threshold in Threshold.objects.all()}
    rules = Rules(
        multipliers={(m.preference, m.reward_class == RewardClass.CASH): m.multiplier for m in multipliers},
        tie_within=thresholds[Threshold.Name.TIE_WITHIN].value,
        significantly_better=thresholds[Threshold.Name.SIGNIFICANTLY_BETTER].value,
    )
    versions = {f"multiplier {m.preference}/{m.reward_class}": m.version for m in multipliers}
    versions |= {f"threshold {name}": threshold.version for name, threshold in thresholds.items()}
    return _Compiled(version, rules, versions)


def _compile_rows(mcc: str) -> tuple[Row, ...]:
    return tuple(
        Row(
            id=row.pk,
            version=row.version,
            product_id=row.product_id,
            network=row.network,
            reward_rate=row.reward_rate,
            reward_type=row.reward_type,
            valid_from=row.valid_from,
            valid_to=row.valid_to,
        )
        for row in RankingRow.objects.filter(mcc=mcc).order_by("id")
    )
