"""Prints an invitation for a login: for the first superuser, whom nobody can invite from the back office."""

from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from onecard.second_factor import invitations
from onecard.second_factor.colleagues import invite_colleague, invite_with_role
from onecard.second_factor.errors import SecondFactorError
from onecard.users.models import User
from onecard.users.roles import ROLES


class Command(BaseCommand):
    help = "Prints a link, good once and for three days, on which a member of staff sets a password and second factor."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--role", default="", choices=["", *ROLES], help="in place of the roles they have")
        parser.add_argument("--email", default="", help="makes the login, if there is none of this name; needs --role")

    def handle(self, *, username: str, role: str, email: str, **_options: Any) -> None:
        user = User.objects.filter(username=username).first()
        more: dict[str, Any] = {"role": role, "actor": "system:command", "by_mail": False}
        if user is None and not (role and email):
            raise CommandError(
                f"There is no login {username!r}. Make it with `manage.py createsuperuser` first, or name --role and "
                "--email."
            )
        try:
            if user is None:
                made = invite_colleague(username=username, email=email, **more)
            else:
                made = invite_with_role(user=user, **more)
        except SecondFactorError as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"{invitations.link(made)}\nGood once, until {made.expires_at:%Y-%m-%d %H:%M} UTC.")
