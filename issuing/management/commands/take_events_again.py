"""Hands kept events to the workers again, once a setting was mended that they were refused by."""

from typing import Any

from django.core.management.base import BaseCommand

from issuing.webhooks import stripe_account


class Command(BaseCommand):
    help = "Handles the refused events again that are ours by today's settings (mode, account, API version)."

    def handle(self, *args: Any, **options: Any) -> None:
        taken = stripe_account.take_again()
        self.stdout.write(f"{taken} event{'' if taken == 1 else 's'} handed to the workers again.")
