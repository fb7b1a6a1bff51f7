"""Sends events again to one webhook endpoint, since a time."""

import datetime as dt
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from onecard.integrations import replay
from onecard.integrations.models import Endpoint
from onecard.kit.errors import OneCardError

INTERRUPTED = 130


def moment(text: str) -> dt.datetime:
    """Reads a time in ISO 8601; without an offset it is in UTC. Raises ValueError."""
    read = dt.datetime.fromisoformat(text)
    return read if read.tzinfo else read.replace(tzinfo=dt.UTC)


class Command(BaseCommand):
    help = "Sends events again to one webhook endpoint, since a time. Can be interrupted and run again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("endpoint", type=int, help="the endpoint's number, as its page in the back office has it")
        parser.add_argument("--since", type=moment, required=True, help="such as 2026-11-28T09:30, in UTC")
        parser.add_argument("--only-missed", action="store_true", help="leave out what the endpoint has taken")
        parser.add_argument("--dry-run", action="store_true", help="only say how many events there are")

    def handle(self, *, endpoint: int, since: dt.datetime, only_missed: bool, dry_run: bool, **_options: Any) -> None:
        row = Endpoint.objects.filter(pk=endpoint).first()
        if row is None:
            raise CommandError(f"There is no webhook endpoint {endpoint}; its page in the back office has its number.")
        total = replay.found(row, since=since, only_missed=only_missed).count()
        if dry_run:
            self.stdout.write(f"{total} events would be sent again. Nothing was done.")
            return
        sent, reached = 0, since
        again = replay.each(row, since=since, only_missed=only_missed, actor="system:replay_webhooks")
        try:
            with tqdm(total=total, unit=" events", leave=False, disable=None) as bar:
                for event in again:
                    sent, reached = sent + 1, event.created_at
                    bar.update()
        except OneCardError as error:
            raise CommandError(error.message) from error
        except KeyboardInterrupt:
            how = f"run it again with --since {reached.isoformat()} to go on"
            raise CommandError(f"Interrupted after {sent} of {total} events; {how}.", returncode=INTERRUPTED) from None
        self.stdout.write(f"{sent} of {total} events are sent again.")
