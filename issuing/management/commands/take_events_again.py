"""Hands kept events to the workers again, once a setting was mended that they were refused by."""

from typing import Any

from django.core.management.base import BaseCommand

from issuing.inbox import foreign_events


class Command(BaseCommand):
    help = "Handles the refused events again that are ours by today's settings (mode, account, API version)."

    def handle(self, *args: Any, **options: Any) -> None:
        taken = foreign_events.take_again()
        self.stdout.write(f"{taken} event{'' if taken == 1 else 's'} handed to the workers again.")
