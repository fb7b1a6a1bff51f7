"""`manage.py reconcile`: issuer, processor and our books compared both ways, by class, each difference with its case.

Without --fix nothing but cases and the report in the back office is written. Exit status: 0 when no difference is left
open, 1 when some are, also from before the window, 2 when it could not be done (wrong arguments, a list that cannot be
read, another reconciliation under way), 130 after Ctrl-C.
"""

import datetime as dt
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError
from tqdm import tqdm

from issuing.models import ReconcileRun
from issuing.reconcile import recorded
from issuing.reconcile.nightly import REAL
from issuing.reconcile.report import WRITERS, FindingWriter
from issuing.reconcile.run import Report
from issuing.reconcile.window import Window, window
from onecard.kit import references
from onecard.kit.command_options import moment_of
from onecard.kit.errors import OneCardError

LEFT, IMPOSSIBLE, INTERRUPTED = 1, 2, 130


class Command(BaseCommand):
    help = (
        "Compares the issuers' transactions and the processor's charges and refunds with ours and the ledger. Opens a "
        "case for what differs; --fix repairs what has one safe remedy. Exit status: 0 none left, 1 some, 2 not done."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--since", help="from then on, as 2026-11-01 or 2026-11-01T08:00 (35 days ago)")
        parser.add_argument("--until", help="up to then (a quarter of an hour ago)")
        parser.add_argument("--provider", choices=REAL, default="", help="only this issuer or processor, and our books")
        parser.add_argument("--fix", action="store_true", help="repair what has one safe remedy")
        parser.add_argument("--format", choices=tuple(WRITERS), default="table", help="what to print (table)")

    def handle(
        self,
        *,
        since: str | None,
        until: str | None,
        provider: str,
        fix: bool,
        format: str,  # noqa: A002  (the option's name)
        **_options: Any,
    ) -> None:
        span = _window(since, until)
        writer = WRITERS[format](self.stdout)  # type: ignore[arg-type]
        is_whole = not (since or until or provider)
        try:
            report = self._compare(span, provider, writer, fix=fix, is_whole=is_whole)
        except KeyboardInterrupt:
            raise CommandError("Interrupted; what was found so far has its case.", returncode=INTERRUPTED) from None
        except OneCardError as error:
            raise CommandError(f"{error.message} Nothing is concluded from it.", returncode=IMPOSSIBLE) from error
        except ImproperlyConfigured as error:
            raise CommandError(str(error), returncode=IMPOSSIBLE) from error
        except OperationalError as error:
            raise CommandError("The database does not answer or broke off.", returncode=IMPOSSIBLE) from error
        writer.end(report)
        if report.left or report.older:
            raise CommandError("Differences are left open; their cases say which.", returncode=LEFT)

    def _compare(self, span: Window, provider: str, writer: FindingWriter, *, fix: bool, is_whole: bool) -> Report:
        with tqdm(unit=" rows", leave=False, disable=None) as bar:

            def advance(name: str, rows: int) -> None:
                bar.set_description_str(name)
                bar.update(rows)

            return recorded.carry_out_here(
                span,
                provider=provider,
                fix=fix,
                is_whole=is_whole,
                begun=self._say_where,
                on_finding=writer.add,
                progress=advance,
            )

    def _say_where(self, run: ReconcileRun) -> None:
        """On the error output, so that the other one holds nothing but the findings in their format."""
        page = settings.PUBLIC_URL + references.page_of(f"reconcilerun:{run.pk}")
        self.stderr.write(f"Report: {page}", lambda text: text)


def _window(since: str | None, until: str | None) -> Window:
    span = window(since=_moment("--since", since), until=_moment("--until", until))
    if span.since >= span.until:
        raise CommandError(
            f"There is nothing between {span.since:%Y-%m-%d %H:%M} and {span.until:%Y-%m-%d %H:%M} UTC; "
            "--since must be before --until, and a quarter of an hour ago at the latest.",
            returncode=IMPOSSIBLE,
        )
    return span


def _moment(option: str, text: str | None) -> dt.datetime | None:
    return None if text is None else moment_of(option, text, returncode=IMPOSSIBLE)
