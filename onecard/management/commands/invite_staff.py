"""Prints an invitation for a login: for the first superuser, whom nobody can invite from the back office."""

from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from onecard.second_factor import invitations
from onecard.second_factor.errors import SecondFactorError
from onecard.users.models import User


class Command(BaseCommand):
    help = "Prints a link, good once and for three days, on which a member of staff sets a password and second factor."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")

    def handle(self, *, username: str, **_options: Any) -> None:
        user = User.objects.filter(username=username).first()
        if user is None:
            raise CommandError(f"There is no login {username!r}. Make it with `manage.py createsuperuser` first.")
        try:
            made = invitations.invite(user=user, actor="system:command", by_mail=False)
        except SecondFactorError as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"{invitations.link(made)}\nGood once, until {made.expires_at:%Y-%m-%d %H:%M} UTC.")
