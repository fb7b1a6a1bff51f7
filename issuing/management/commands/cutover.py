"""`manage.py cutover`: says which mock cards would get a real card in their place, and with --execute makes them.

It can be interrupted, even killed, and run again. Exit status: 0 when every card in the rollout has been replaced (or
would be), 1 when some could not be, 130 when it was interrupted.
"""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from tqdm import tqdm

from issuing.cards.cutover import CardResult, CutoverError, Result, check, count_mock_cards, mock_cards, replace_card
from issuing.errors import ReadOnlyError
from issuing.models import VirtualCard
from issuing.operations import availability

INTERRUPTED = 130
OPEN_ENDS = (Result.WAITING, Result.REFUSED, Result.UNFIT)


class Command(BaseCommand):
    help = "Replaces mock cards by real ones from ISSUER_PROVIDER. Shows what it would do, unless --execute is given."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--execute", action="store_true", help="really make cards; otherwise nothing is changed")
        parser.add_argument("--limit", type=int, help="at most so many cards in this run")
        parser.add_argument("--workers", type=int, default=4, help="cards that are replaced side by side (4)")

    def handle(self, *, execute: bool, limit: int | None, workers: int, **_options: Any) -> None:
        if workers < 1 or (limit is not None and limit < 1):
            raise CommandError("--workers and --limit must be at least 1.")
        results: list[CardResult] = []
        try:
            if execute:
                availability.refuse_when_read_only(settings.ISSUER_PROVIDER)
            self._go(results, execute=execute, limit=limit, workers=workers)
        except KeyboardInterrupt:
            self._report(results, execute=execute)
            raise CommandError("Interrupted; run it again to go on.", returncode=INTERRUPTED) from None
        except ReadOnlyError as error:
            if results:
                self._report(results, execute=execute)
            raise CommandError(f"{error.message} What is done is done.") from error
        except (CutoverError, ImproperlyConfigured) as error:
            raise CommandError(str(error)) from error
        self._report(results, execute=execute)
        if any(result.status in OPEN_ENDS for result in results):
            raise CommandError("Some mock cards could not be replaced; mend what is said above and run it again.")

    def _go(self, results: list[CardResult], *, execute: bool, limit: int | None, workers: int) -> None:
        total = min(count_mock_cards(), limit or count_mock_cards())
        with tqdm(total=total, unit=" cards", leave=False, disable=None) as bar:
            for result in _results(islice(mock_cards(), limit), execute=execute, workers=workers):
                results.append(result)
                bar.update()

    def _report(self, results: list[CardResult], *, execute: bool) -> None:
        for result in results:
            if result.status in OPEN_ENDS:
                self.stderr.write(f"Card {result.card.pk} of {result.card.cardholder}: {result.why}.")
        counts = Counter(result.status for result in results)
        summary = ", ".join(f"{counts[status]} {status}" for status in Result if counts[status])
        self.stdout.write(f"{summary or 'There are no mock cards left to replace'}.")
        if not execute and counts[Result.REPLACED]:
            self.stdout.write("Nothing was changed: these would be replaced. Run it with --execute to do it.")


def _results(cards: Iterator[VirtualCard], *, execute: bool, workers: int) -> Iterator[CardResult]:
    """Yields each card's result as it comes; at most a few cards are begun before the ones before them have ended."""
    provider = str(settings.ISSUER_PROVIDER)
    if not execute:
        for card in cards:
            yield check(card, provider) or CardResult(card, Result.REPLACED)
        return
    with ThreadPoolExecutor(workers) as pool:
        while batch := list(islice(cards, workers * 4)):
            yield from pool.map(lambda card: _replace(card, provider), batch)


def _replace(card: VirtualCard, provider: str) -> CardResult:
    try:
        return replace_card(card, provider=provider)
    finally:
        connection.close()
