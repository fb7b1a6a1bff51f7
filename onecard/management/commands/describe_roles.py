"""Prints what each role of staff may see and do, as docs/roles.md has it."""

from typing import Any

from django.core.management import BaseCommand

from onecard.users.roles_page import page


class Command(BaseCommand):
    help = "Prints what each role of staff may see and do, as the page docs/roles.md."
    requires_system_checks: list[str] = []

    def handle(self, **_options: Any) -> None:
        self.stdout.write(page(), ending="")
