"""The rules as frozen values, compiled once per process and version, so that a decision need not read them again."""

from dataclasses import dataclass, field

from routing.engine import Row, Rules
from routing.models import PreferenceMultiplier, RankingRow, RewardClass, Threshold


@dataclass(slots=True)
class _Compiled:
    version: int
    rules: Rules
    multiplier_versions: dict[str, int]
    rows: dict[str, tuple[Row, ...]] = field(default_factory=dict)


_compiled: _Compiled | None = None


def rules_for(*, version: int, mcc: str) -> tuple[Rules, tuple[Row, ...], dict[str, int]]:
    """The rules, the ranking rows of an MCC, and the versions of the numbers, as of a rulebook version.

    `version` is what the caller just read from the database. Only the first purchase at an MCC after a change reads
    anything here. The version comes from a sequence, so two different books never share one.
    """
    global _compiled  # noqa: PLW0603  (the process's one compiled book; swapped whole, so threads need no lock)
    book = _compiled
    if book is None or book.version != version:
        book = _compiled = _compile_rules(version)
    rows = book.rows.get(mcc)
    if rows is None:
        rows = book.rows[mcc] = _compile_rows(mcc)
    return book.rules, rows, book.multiplier_versions


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
