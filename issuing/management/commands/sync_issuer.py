"""`manage.py sync_issuer`: compares our cards, limits, states and transactions with the issuer, and heals what it can.

It goes on where an interrupted run stopped. Exit status: 0 when nothing is left for a person, 1 when something is or
the issuer failed, 130 when it was interrupted.
"""

import datetime as dt
from collections import Counter
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from issuing.issuers.base import IssuerError
from issuing.models import Provider, SyncDifference, SyncRun
from issuing.sync.run import SyncBusyError, sync_provider
from onecard.kit.command_options import moment_of

INTERRUPTED = 130
# The mock forgets with its process, so there is nothing to compare with.
REAL = (Provider.STRIPE.value, Provider.MARQETA.value)


class Command(BaseCommand):
    help = "Compares cards, limits, states and transactions with the issuer. Can be interrupted and run again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--provider", choices=REAL, default=settings.ISSUER_PROVIDER)
        parser.add_argument(
            "--since", type=_day, help="how far back, as 2026-11-01 (default: the last run, or 30 days)"
        )

    def handle(self, *, provider: str, since: dt.datetime | None, **_options: Any) -> None:
        if provider not in REAL:
            raise CommandError("The mock issuer forgets its cards with its process; there is nothing to compare with.")
        try:
            run = self._compare(provider, since)
        except KeyboardInterrupt:
            raise CommandError("Interrupted; run it again to go on from here.", returncode=INTERRUPTED) from None
        except (IssuerError, SyncBusyError) as error:
            raise CommandError(f"{error.message} Run it again to go on from here.") from error
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from error
        self._report(run)

    def _compare(self, provider: str, since: dt.datetime | None) -> SyncRun:
        with tqdm(unit=" looked at", leave=False, disable=None) as bar:

            def advance(run: SyncRun, count: int) -> None:
                bar.set_description_str(run.get_stage_display())
                bar.update(count)

            return sync_provider(provider, requested_by="system:sync_issuer", since=since, progress=advance)

    def _report(self, run: SyncRun) -> None:
        self.stdout.write(
            f"{run.get_provider_display()}, {run.since:%Y-%m-%d %H:%M} to {run.until:%Y-%m-%d %H:%M} UTC: "
            f"{run.events_seen} events, {run.transactions_seen} transactions, {run.cards_seen} cards looked at."
        )
        found = list(run.differences.order_by("pk"))
        for difference in found:
            self.stdout.write(f"  {_line(difference)}")
        counts = Counter(difference.get_resolution_display() for difference in found)
        self.stdout.write(", ".join(f"{name}: {count}" for name, count in counts.items()) or "Nothing differs.")
        if any(difference.resolution == SyncDifference.Resolution.OPEN for difference in found):
            raise CommandError("Some differences are left for a person; the cases say which.")


def _line(difference: SyncDifference) -> str:
    sides = f"here {difference.ours or 'nothing'}, there {difference.theirs}"
    return f"{difference.get_kind_display()} {difference.reference}: {sides}; {difference.get_resolution_display()}"


def _day(text: str) -> dt.datetime:
    return moment_of("--since", text)
