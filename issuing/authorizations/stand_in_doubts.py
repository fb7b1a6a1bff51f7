"""Approvals of stand-in of which nobody knows whether they were given: only their issuer's word has them charged.

Between an approval's way to the disk and its hand-over the process died, or the disk refused its mark. Such an approval
waits in a file of its own until the issuer reports the purchase. Approved, it is written down as any other; declined,
it was not given. When the issuer says nothing for a day, a case asks a person (docs/decisions/0056).
"""

import datetime as dt
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from issuing import states
from issuing.authorizations import stand_in_writing
from issuing.models import Authorization
from issuing.stand_in import files, reading
from issuing.stand_in.entries import Entry, line_of
from onecard.kit import clock
from onecard.kit.transactions import transaction

log = logging.getLogger(__name__)

# Issuers report within seconds, and the hourly sync brings what was lost on the way.
SILENT_AFTER: Final = dt.timedelta(hours=24)
Fold = Callable[[Entry], str]


def keep(journal: Path, entries: Sequence[Entry]) -> None:
    """Keeps a journal file's approvals that are in doubt, once, whoever dies at any step."""
    if entries:
        files.replace_whole(journal.with_suffix(files.DOUBTS), _lines(entries))


def resolve(place: Path, fold: Fold) -> "Counter[str]":
    """Does with each what its issuer has said since; returns how many by outcome.

    "in_doubt" and "failed" ones stay. `fold` writes one down and returns its outcome.
    """
    outcomes: Counter[str] = Counter()
    for path in files.doubts(place):
        outcomes += _resolve_file(path, fold)
    return outcomes


def _resolve_file(path: Path, fold: Fold) -> "Counter[str]":
    content = reading.read(path)
    if content.damaged:
        with transaction():
            stand_in_writing.open_case_about_damage(path.name, content.damaged)
    found = [(entry, _resolved(entry, fold)) for entry in content.in_doubt]
    left = [entry for entry, outcome in found if outcome in ("in_doubt", "failed")]
    if len(left) < len(found) or not found:
        files.replace_whole(path, _lines(left))
    return Counter(outcome for _entry, outcome in found)


def _resolved(entry: Entry, fold: Fold) -> str:
    asked = entry.asked()
    known = Authorization.objects.filter(
        provider=asked.provider, issuer_authorization_id=asked.authorization_id
    ).values_list("status", flat=True)
    status = known.first()
    if status is not None and status != states.Authorization.DECLINED:
        return fold(entry)
    if status is not None:
        log.warning("stand-in: %s is declined at its issuer, so its approval was not given", asked.authorization_id)
        return "not_given"
    if clock.now().timestamp() - entry.answered_at < SILENT_AFTER.total_seconds():
        return "in_doubt"
    with transaction():
        stand_in_writing.open_case_about_silence(entry)
    return "silent"


def _lines(entries: Sequence[Entry]) -> bytes:
    return b"".join(map(line_of, entries))
