"""`manage.py backtest --since …`: what drafts of rankings and terms, or another strategy, would have earned or lost.

Exit status: 0 done, 2 wrong arguments or a bad file, 130 after Ctrl-C.
"""

import contextlib
import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from issuing.backtest import money, paper, people
from issuing.backtest.sides import Rules
from onecard.kit import clock
from onecard.kit.command_options import moment_of
from routing import strategy, worlds
from routing.catalogue.entries import CatalogueError
from routing.models import RankingDraft
from routing.odds.backtest import STRATEGY as WITH_ODDS
from routing.odds.backtest import PastOdds
from routing.rankings.entry import RankingsError
from routing.worlds import World
from wallet.models import Preference

WRONG, INTERRUPTED = 2, 130


class Command(BaseCommand):
    help = (
        "Decides the stored purchases of a period again, without and with drafts or by another strategy, and prints "
        "the money gained and lost by month, card and MCC. It charges and changes nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--since", required=True, help="from this moment on, such as 2026-01-01")
        parser.add_argument("--until", help="up to this moment (now)")
        parser.add_argument("--draft", type=int, metavar="NUMBER", help="a draft, by the number in its page's address")
        parser.add_argument("--rankings", type=Path, metavar="FILE", help="rankings as CSV or JSON, over the published")
        parser.add_argument("--catalogue", type=Path, metavar="FILE", help="reward terms as JSON, over the published")
        parser.add_argument(
            "--strategy", choices=(*Preference.values, WITH_ODDS), help="for everybody (by default each one's own)"
        )
        parser.add_argument(
            "--format", dest="paper", choices=("table", "json", "csv"), default="table", help="what to print (table)"
        )
        parser.add_argument("--examples", type=int, default=10, help="how many purchases are listed (10)")
        parser.add_argument("--purchases", type=Path, metavar="FILE", help="CSV to write, each purchase that changes")

    def handle(self, *, since: str, until: str | None, **options: Any) -> None:
        first = moment_of("--since", since, returncode=WRONG)
        last = moment_of("--until", until, returncode=WRONG) if until is not None else clock.now()
        if first >= last:
            raise CommandError(f"--until lies before --since: {until} is not after {since}.", returncode=WRONG)
        before, after = _sides(options)
        odds = PastOdds(since=first, until=last) if options["strategy"] == WITH_ODDS else None
        if odds is not None:
            value = Preference.VALUE.value
            before = replace(before, odds=odds)
            after = replace(after, strategy=value, odds=odds, chooses_by_odds=True)
        found = self._run(before, after, first, last, options)
        printed = {"table": paper.table, "json": paper.as_json, "csv": paper.csv_of}[options["paper"]]
        period = paper.Period(first, last, options["strategy"] or "", _name(options))
        self.stdout.write(printed(found, period), ending="")
        if odds is not None and options["paper"] == "table":
            self._say_calibration(odds)

    def _say_calibration(self, odds: PastOdds) -> None:
        """Prints whether the odds came true: what was expected of the period's charges, and what came of them."""
        self.stdout.write("Likelihood to pay, as it was before each charge: approvals expected and approved.")
        for each in odds.calibration():
            band = f"{each.low_ppm / 10_000:g} to {each.high_ppm / 10_000:g} %"
            self.stdout.write(
                f"  {band}: {each.charges} charges, {each.expected:.1f} expected, {each.approved} approved"
            )

    def _run(
        self, before: Rules, after: Rules, since: dt.datetime, until: dt.datetime, options: dict[str, Any]
    ) -> money.Backtest:
        keep = max(0, options["examples"])
        try:
            with (
                _written_to(options["purchases"]) as report,
                tqdm(total=people.count(), unit=" people", leave=False, disable=None) as bar,
            ):
                return money.run(
                    before=before, after=after, since=since, until=until, keep=keep, report=report, progress=bar.update
                )
        except KeyboardInterrupt:
            raise CommandError("Interrupted; nothing was changed or written.", returncode=INTERRUPTED) from None


def _sides(options: dict[str, Any]) -> tuple[Rules, Rules]:
    """Returns the rules as published, and those that are tried. Raises CommandError with a sentence."""
    key, rankings, catalogue = options["draft"], options["rankings"], options["catalogue"]
    if key is not None and (rankings or catalogue):
        raise CommandError("Give either --draft, or files with --rankings and --catalogue.", returncode=WRONG)
    if key is None and not (rankings or catalogue or options["strategy"]):
        raise CommandError(
            "There is nothing to try: give --draft, --rankings, --catalogue or --strategy.", returncode=WRONG
        )
    now = worlds.published()
    passes = strategy.is_passed_through()
    return Rules(now, None, passes), Rules(_tried(now, key, rankings, catalogue), options["strategy"], passes)


def _tried(now: World, key: int | None, rankings: Path | None, catalogue: Path | None) -> World:
    try:
        if key is not None:
            return worlds.with_draft(_draft(key), now)
        return worlds.with_files(now, rankings=rankings, catalogue=catalogue)
    except OSError as error:
        raise CommandError(f"{error.filename} cannot be read: {error.strerror}.", returncode=WRONG) from error
    except CatalogueError as error:
        raise CommandError("\n".join(error.problems), returncode=WRONG) from error
    except RankingsError as error:
        raise CommandError(error.message, returncode=WRONG) from error


def _draft(key: int) -> RankingDraft:
    draft = RankingDraft.objects.filter(pk=key).first()
    if draft is None:
        raise CommandError(f"There is no draft {key}; the back office lists them.", returncode=WRONG)
    if draft.status != RankingDraft.Status.DRAFT:
        state = draft.get_status_display().lower()
        raise CommandError(f"Draft {key} has ended ({state}): there is nothing to try.", returncode=WRONG)
    return draft


def _name(options: dict[str, Any]) -> str:
    """Returns what is tried beside a strategy, in words."""
    if options["draft"] is not None:
        return f"draft {options['draft']}"
    return " and ".join(file.name for file in (options["rankings"], options["catalogue"]) if file is not None)


@contextlib.contextmanager
def _written_to(file: Path | None) -> Iterator[Callable[[money.Changed], object]]:
    """Gives what writes each changed purchase into the file, which is there whole or not at all."""
    if file is None:
        yield lambda _changed: None
        return
    try:
        with paper.purchases_file(file) as write:
            yield write
    except OSError as error:
        raise CommandError(f"{file} cannot be written: {error.strerror}.", returncode=WRONG) from error
