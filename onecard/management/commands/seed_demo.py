"""`manage.py seed_demo`: loads the walkthrough's world; safe to run again."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from onecard.demo.world import DemoWorldError, seed_demo_world
from routing.rankings.entry import RankingsError


class Command(BaseCommand):
    help = "Loads the demo world: a person with four cards, a virtual card, rankings. What is there already stays."

    def handle(self, **_options: Any) -> None:
        try:
            made = seed_demo_world()
        except (DemoWorldError, RankingsError) as error:
            raise CommandError(error.message) from error
        for kind in made:
            self.stdout.write(f"{kind.what:16} {kind.created:4} created {kind.unchanged:4} unchanged")
        if not any(kind.created for kind in made):
            self.stdout.write("The demo world was there already; nothing was changed.")
        if not settings.DEBUG:
            self.stdout.write("No superuser was made and the login demo has no password: that is only done with DEBUG.")
