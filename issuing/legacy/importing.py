"""Old documents from files into the database, in batches; a run that died goes on when it is started again.

1. Every line is read. What is no document is reported; cards are sort and written, batch by batch.
2. The lines that hold transactions are read again, so that a transaction may stand before its card.
3. A batch is one transaction of the database, under a lock that makes several runs take turns. Within it each document
   is looked up anew, so what another run imported meanwhile is unchanged here.
4. When the database refuses a batch, its documents are tried one by one, and only the refused one is a bad line.

Nothing of the files stays in memory but the ids of their documents.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Generic, Protocol, TypeVar

from django.db import DataError, IntegrityError

from issuing.legacy.card_document import CardDraft, read_card
from issuing.legacy.cards import CardBatches
from issuing.legacy.deduplication import EarlierLines, Sorted
from issuing.legacy.document_kinds import Kind, kind_and_fields
from issuing.legacy.draft import Draft
from issuing.legacy.json_line import LineError, read_object
from issuing.legacy.lines import Line, Place, lines_of
from issuing.legacy.redaction import redacted
from issuing.legacy.summary import Summary
from issuing.legacy.transaction_document import TransactionDraft, read_transaction
from issuing.legacy.transactions import TransactionBatches
from onecard.kit.transactions import lock_name, transaction

BATCH_LINES: Final = 500
_LOCK_NAME: Final = "issuing.import_legacy"
D = TypeVar("D", bound=Draft)


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that was not imported, with all that is wrong with it; never a card's number or code."""

    place: Place
    kind: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """The options of an import.

    `kind` takes only that kind; `provider_default` is the issuer of a card that names none.
    """

    dry_run: bool = False
    kind: str | None = None
    provider_default: str | None = None
    batch: int = BATCH_LINES


class Batches(Protocol[D]):
    """Imports one kind of document in batches."""

    def sort(self, drafts: Sequence[D], earlier: EarlierLines) -> Sorted[D]: ...
    def write(self, drafts: Sequence[D], summary: Summary) -> None: ...
    def committed(self) -> None: ...


def import_files(
    files: Sequence[Path],
    options: ImportOptions,
    *,
    report: Callable[[BadLine], None],
    progress: Callable[[int], None] = lambda _size: None,
    summary: Summary | None = None,
) -> Summary:
    """Imports the good documents, reports the bad lines, and counts; raises OSError when a file cannot be read.

    `progress` receives the bytes of each line that was read, in both passes. `summary` grows as batches commit.
    """
    run = _Run(options, report, progress, summary or Summary())
    held = [run.import_cards(file) for file in files]
    for file, transactions in zip(files, held, strict=True):
        run.import_transactions(file, transactions)
    return run.summary


@dataclass(slots=True)
class _Pass(Generic[D]):
    """The state of one kind of document over the whole run."""

    batches: Batches[D]
    earlier: EarlierLines = field(default_factory=EarlierLines)


@dataclass(slots=True)
class _Run:
    options: ImportOptions
    report: Callable[[BadLine], None]
    progress: Callable[[int], None]
    summary: Summary
    cards: _Pass[CardDraft] = field(default_factory=lambda: _Pass(CardBatches()))
    transactions: _Pass[TransactionDraft] = field(default_factory=lambda: _Pass(TransactionBatches()))

    def import_cards(self, file: Path) -> set[int]:
        """Makes the first pass over a file and returns the numbers of the lines that hold transactions."""
        waiting: list[CardDraft | BadLine] = []
        transactions: set[int] = set()
        for line in self._lines(file):
            self.summary.read += 1
            place = Place(str(file), line.number)
            try:
                kind, body = kind_and_fields(read_object(line), only=self.options.kind)
            except LineError as error:
                waiting.append(BadLine(place, "", error.message))
            else:
                if kind == Kind.TRANSACTION:
                    transactions.add(line.number)
                else:
                    waiting.append(read_card(place, redacted(body), provider_default=self.options.provider_default))
            if len(waiting) >= self.options.batch:
                self._take(waiting, self.cards)
                waiting = []
        self._take(waiting, self.cards)
        return transactions

    def import_transactions(self, file: Path, numbers: set[int]) -> None:
        """Makes the second pass, over the lines that the first pass found to hold transactions."""
        waiting: list[TransactionDraft | BadLine] = []
        for line in self._lines(file):
            if line.number not in numbers:
                continue
            place = Place(str(file), line.number)
            try:
                _kind, body = kind_and_fields(read_object(line), only=self.options.kind)
                waiting.append(read_transaction(place, redacted(body)))
            except LineError as error:
                # Somebody wrote to the file between the passes.
                waiting.append(BadLine(place, "", error.message))
            if len(waiting) >= self.options.batch:
                self._take(waiting, self.transactions)
                waiting = []
        self._take(waiting, self.transactions)

    def _lines(self, file: Path) -> Iterator[Line]:
        with file.open("rb") as opened:
            for line in lines_of(opened):
                self.progress(line.size)
                if not line.is_blank:
                    yield line

    def _take(self, waiting: Sequence[D | BadLine], kind: _Pass[D]) -> None:
        """Imports a batch and reports its bad lines in their order."""
        bad = [item for item in waiting if isinstance(item, BadLine)]
        drafts: list[Any] = [item for item in waiting if not isinstance(item, BadLine)]
        if drafts:
            bad += self._import(drafts, kind)
        self.summary.bad += len(bad)
        for line in sorted(bad, key=lambda line: line.place.line):
            self.report(line)

    def _import(self, drafts: Sequence[D], kind: _Pass[D]) -> list[BadLine]:
        try:
            return self._import_at_once(drafts, kind)
        except (IntegrityError, DataError) as error:
            if len(drafts) == 1:
                return [BadLine(drafts[0].place, drafts[0].kind, _refusal(error))]
        return [line for draft in drafts for line in self._import([draft], kind)]

    def _import_at_once(self, drafts: Sequence[D], kind: _Pass[D]) -> list[BadLine]:
        done = Summary()
        with transaction():
            if not self.options.dry_run:
                _wait_for_other_runs()
            found = kind.batches.sort(drafts, kind.earlier)
            if found.new and not self.options.dry_run:
                kind.batches.write(found.new, done)
        if self.options.dry_run:
            self._plan(found.new, done)
        kind.batches.committed()
        found.remember_in(kind.earlier)
        done.unchanged = len(found.unchanged)
        self.summary.add(done)
        return [BadLine(draft.place, draft.kind, reason) for draft, reason in found.bad]

    def _plan(self, drafts: Sequence[Draft], done: Summary) -> None:
        """In a dry run, counts what would be written and lets transactions find the cards."""
        cards = [draft for draft in drafts if isinstance(draft, CardDraft)]
        batches = self.transactions.batches
        if isinstance(batches, TransactionBatches):
            batches.plan(cards)
        done.cards, done.transactions = len(cards), len(drafts) - len(cards)


def _wait_for_other_runs() -> None:
    """Takes a lock until the transaction ends, so that several runs write batch by batch in turn."""
    lock_name(_LOCK_NAME)


def _refusal(error: Exception) -> str:
    """Returns the name of the broken constraint only: the database's own message repeats the row."""
    diagnosis = getattr(error.__cause__, "diag", None)
    rule = getattr(diagnosis, "constraint_name", None) or type(error).__name__
    return f"the database refused it by its rule {rule}; another process may have written the same meanwhile, run again"
