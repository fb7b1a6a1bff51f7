"""`manage.py connect_issuer`: registers us at an issuer, or repairs how we are registered there.

It can be run again, and twice at once. Exit status: 0 when all is right afterwards, 1 when something is left or with
--dry-run something would be changed.
"""

from typing import Any, Final

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser

from issuing.issuers.base import IssuerError
from issuing.issuers.registration import Finding, Repair, Repaired
from issuing.models import Provider
from issuing.registration import connect as registration
from issuing.registration.connect import Connection, NotConfiguredError
from issuing.registration.doors import AddressRefusedError, address_of
from issuing.registration.repair_words import BY_HAND, deed, sentence_about_secret
from issuing.registration.words import in_words, state_of_finding

REAL: Final = (Provider.STRIPE.value, Provider.MARQETA.value)


class Command(BaseCommand):
    help = "Registers our webhook (and at Marqeta the gateway and the card product) at an issuer, or repairs it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("provider", choices=REAL)
        parser.add_argument(
            "--url", help="where the issuer reaches us, such as https://card.example.com (default: as last time)"
        )
        parser.add_argument("--dry-run", action="store_true", help="only says what would be changed")
        parser.add_argument(
            "--renew", action="store_true", help="at Marqeta: sets user names, passwords and secret again in any case"
        )

    def handle(self, *, provider: str, url: str | None, dry_run: bool, renew: bool, **_options: Any) -> None:
        asked: dict[str, Any] = {"provider": provider, "address": url or address_of(provider), "renew": renew}
        self.stdout.write(f"{Provider(provider).label}, to call us at {asked['address']}:")
        try:
            if dry_run:
                self._plan(registration.plan(**asked))
            else:
                self._connect(provider, asked)
        except (AddressRefusedError, NotConfiguredError) as error:
            raise CommandError(f"{error.message} Nothing was changed.") from error
        except IssuerError as error:
            raise CommandError(f"{error.message} What is said to be done above is done; run it again.") from error
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from error

    def _plan(self, found: Connection) -> None:
        self._say_found(found.before)
        for repair in found.repairs:
            self.stdout.write(f"  would    {deed(repair)}")
        if found.repairs:
            raise CommandError("Nothing was changed. Run it without --dry-run to do it.")
        self._end(found)

    def _connect(self, provider: str, asked: dict[str, Any]) -> None:
        actor = "system:connect_issuer"
        found = registration.connect(**asked, actor=actor, on_found=self._say_found, on_repaired=self._say_repaired)
        if not found.repairs:
            self.stdout.write("  nothing was changed")
        self.stdout.write(f"  by hand  {BY_HAND[provider]}")
        self._end(found)

    def _say_found(self, findings: tuple[Finding, ...]) -> None:
        for finding in findings:
            word = {"good": "right", "warn": "odd", "bad": "wrong"}[state_of_finding(finding)]
            self.stdout.write(f"  {word:8} {in_words(finding)}")

    def _say_repaired(self, repair: Repair, repaired: Repaired) -> None:
        """Writes at once what was done: a secret is shown this once, and must not be lost with what fails later."""
        self.stdout.write(f"  did      {deed(repair, name=repaired.id)}")
        if repaired.secret:
            self.stdout.write(f"  secret   {repaired.secret}")
            self.stdout.write(f"           {sentence_about_secret()}")
        self.stdout.flush()

    def _end(self, found: Connection) -> None:
        if found.left:
            left = " ".join(in_words(each) for each in found.left)
            raise CommandError(f"Left for a person: {left}")
        self.stdout.write("All that can be seen through the API is right.")
