"""`manage.py rotate_card_keys`: opens all that CARD_DATA_KEYS sealed, and seals with the first key what is not yet.

That is card numbers and codes, and the evidence of disputes (issuing/disputes/evidence_keys.py).

1. Cards with stored data are read in batches, by id.
2. Each value is opened, also one that is already under the first key: so the end also says that all can be read.
3. What lies under another key is sealed anew and written where the row still holds the very values that were read,
   each row as its own commit. No lock outlasts one update, and a value that changed meanwhile is left alone.
4. What could not be opened is named; then the command ends with an error, as it does when old values are left.

It can be stopped at any point, even killed, and started again: what is done is done.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from django.contrib.contenttypes.models import ContentType
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Q, QuerySet
from django.views.decorators.debug import sensitive_variables
from tqdm import tqdm

from audit import trail
from issuing.card_data.vault import SEALED_COLUMNS, sealing_context
from issuing.disputes import evidence_keys
from issuing.models import VirtualCard
from onecard.kit.crypto import NoKeyError, SealError, first_key, open_sealed, seal
from onecard.kit.transactions import transaction

INTERRUPTED: Final = 130  # What shells give for Ctrl-C.


@dataclass(slots=True)
class Counts:
    """What a run did, in cards."""

    checked: int = 0
    resealed: int = 0
    changed_meanwhile: int = 0
    unreadable: dict[int, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return (
            f"{self.checked} checked, {self.resealed} to the first key, {self.changed_meanwhile} changed meanwhile, "
            f"{len(self.unreadable)} unreadable"
        )


class Command(BaseCommand):
    help = "Seals stored card data and evidence with the first key of CARD_DATA_KEYS. Can be interrupted and run again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="open and count everything, but write nothing")
        parser.add_argument("--batch", type=int, default=500, help="cards read at once (500)")

    def handle(self, *, dry_run: bool, batch: int, **_options: Any) -> None:
        if batch < 1:
            raise CommandError("--batch must be at least 1.")
        counts, files, interrupted = Counts(), evidence_keys.Counts(), False
        try:
            key_name = first_key().name
        except NoKeyError as error:
            raise CommandError(error.message) from error
        try:
            with tqdm(total=cards_with_data().count(), unit=" cards", leave=False, disable=None) as bar:
                for row in rows_with_data(batch):
                    reseal(row, counts, dry_run=dry_run)
                    bar.update()
            evidence_keys.reseal_all(files, dry_run=dry_run)
        except KeyboardInterrupt:
            interrupted = True
        if not dry_run:
            _record(counts, key_name=key_name, finished=not interrupted)
        self._report(counts, dry_run=dry_run, interrupted=interrupted)
        self._report_files(files, dry_run=dry_run)

    def _report(self, counts: Counts, *, dry_run: bool, interrupted: bool) -> None:
        for pk, why in counts.unreadable.items():
            self.stderr.write(f"Card {pk}: {why}")
        self.stdout.write(f"{counts}.{' Nothing was written (dry run).' if dry_run else ''}")
        if interrupted:
            raise CommandError("Interrupted: what is done is done; run it again for the rest.", returncode=INTERRUPTED)
        if counts.unreadable:
            raise CommandError(f"{len(counts.unreadable)} cards hold data that cannot be opened; keep every key.")
        left = 0 if dry_run else older_than_first_key().count()
        if left:
            raise CommandError(
                f"{left} cards were sealed with an older key meanwhile; run it again before removing it."
            )

    def _report_files(self, files: evidence_keys.Counts, *, dry_run: bool) -> None:
        for pk, why in files.unreadable.items():
            self.stderr.write(f"Evidence {pk}: {why}")
        if files.checked:
            self.stdout.write(f"Evidence of disputes: {files.checked} checked, {files.resealed} to the first key.")
        left = 0 if dry_run else evidence_keys.older_than_first_key().count()
        if left:
            raise CommandError(f"{left} files are under an older key still; keep every key.")


def cards_with_data() -> QuerySet[VirtualCard]:
    """Cards of which a number or a code is stored."""
    return VirtualCard.objects.exclude(encrypted_card_number="", encrypted_cvv="")


def older_than_first_key() -> QuerySet[VirtualCard]:
    """Cards with a value that the first key did not seal; raises NoKeyError."""
    prefix, old = first_key().prefix, Q()
    for column in SEALED_COLUMNS:
        old |= ~Q(**{column: ""}) & ~Q(**{f"{column}__startswith": prefix})
    return VirtualCard.objects.filter(old)


def rows_with_data(batch: int) -> Iterator[dict[str, Any]]:
    """Yields every card with data by id, each batch read when the one before it is done."""
    after = 0
    while rows := list(
        cards_with_data().filter(pk__gt=after).order_by("pk").values("pk", "public_id", *SEALED_COLUMNS)[:batch]
    ):
        yield from rows
        after = rows[-1]["pk"]


@sensitive_variables()
def reseal(row: dict[str, Any], counts: Counts, *, dry_run: bool) -> None:
    """Opens one card's values and replaces those that are under an older key, unless the row changed meanwhile."""
    counts.checked += 1
    try:
        new = {column: _under_first_key(row, column) for column in SEALED_COLUMNS}
    except SealError as error:
        counts.unreadable[row["pk"]] = error.message
        return
    read = {column: row[column] for column in SEALED_COLUMNS}
    if new == read:
        return
    if dry_run or VirtualCard.objects.filter(pk=row["pk"], **read).update(**new):
        counts.resealed += 1
    else:
        counts.changed_meanwhile += 1


@sensitive_variables()
def _under_first_key(row: dict[str, Any], column: str) -> str:
    """Returns the column's value as it should be: itself when empty or already under the first key."""
    sealed: str = row[column]
    if not sealed:
        return ""
    context = sealing_context(column=column, public_id=row["public_id"])
    plain = open_sealed(sealed, context=context)
    return sealed if sealed.startswith(first_key().prefix) else seal(plain, context=context)


def _record(counts: Counts, *, key_name: str, finished: bool) -> None:
    """One entry for the run; its subject is the kind of row, since it acts on all of them."""
    with transaction():
        trail.record(
            actor="system:rotate_card_keys",
            action="card_data.keys_rotated",
            subject=ContentType.objects.get_for_model(VirtualCard),
            key=key_name,
            resealed=counts.resealed,
            unreadable=len(counts.unreadable),
            finished=finished,
        )
