"""Takes a login's second factor away from the machine itself: for the last superuser, who lost the device."""

from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from onecard.second_factor import devices
from onecard.second_factor.errors import SecondFactorError
from onecard.users.models import User


class Command(BaseCommand):
    help = "Removes the second factor of a login; the person then needs an invitation."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--reason", required=True, help="why, for the audit trail; 10 to 200 characters")

    def handle(self, *, username: str, reason: str, **_options: Any) -> None:
        user = User.objects.filter(username=username).first()
        if user is None:
            raise CommandError(f"There is no login {username!r}.")
        try:
            devices.remove(user=user, actor="system:command", reason=reason)
        except SecondFactorError as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"{username} has no second factor any more.")
