"""Seals what SECOND_FACTOR_KEYS seal with their first key: seeds of second factors, and secrets of webhooks.

Can be interrupted and run again.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

from allauth.mfa.models import Authenticator
from django.contrib.contenttypes.models import ContentType
from django.core.management import BaseCommand, CommandError
from django.views.decorators.debug import sensitive_variables

from audit import trail
from onecard.integrations import signing
from onecard.integrations.models import Endpoint
from onecard.kit.crypto import SealError, first_key
from onecard.kit.transactions import transaction
from onecard.second_factor.seeds import RING, open_seed, seal_seed, seeds_of

SEALED: Final = ("secret", "seed")


class Command(BaseCommand):
    help = (
        "Seals second factors' seeds and webhooks' secrets with the first key of SECOND_FACTOR_KEYS. Can be run again."
    )

    def handle(self, **_options: Any) -> None:
        try:
            name = first_key(RING).name
        except SealError as error:
            raise CommandError(error.message) from error
        seeds = Authenticator.objects.order_by("pk").values_list("pk", flat=True)
        endpoints = Endpoint.objects.order_by("pk").values_list("pk", flat=True)
        counts = [self._resealed("Authenticator", seeds, reseal), self._resealed("Endpoint", endpoints, signing.reseal)]
        resealed, unreadable = (sum(each) for each in zip(*counts, strict=True))
        with transaction():
            trail.record(
                actor="system:rotate_second_factor_keys",
                action="second_factor.keys_rotated",
                subject=ContentType.objects.get_for_model(Authenticator),
                key=name,
                resealed=resealed,
                unreadable=unreadable,
            )
        self.stdout.write(f"{resealed} to the first key, {unreadable} unreadable.")
        if unreadable:
            raise CommandError(f"{unreadable} seeds or secrets cannot be opened; keep every key.")

    def _resealed(self, what: str, keys: Iterable[int], one: Callable[[int], bool]) -> tuple[int, int]:
        """Seals each row anew and names those that do not open; returns how many of either."""
        resealed, unreadable = 0, 0
        for pk in keys:
            try:
                resealed += one(pk)
            except SealError as error:
                unreadable += 1
                self.stderr.write(f"{what} {pk}: {error.message}")
        return resealed, unreadable


@sensitive_variables()
def reseal(pk: int) -> bool:
    """Opens one authenticator's seeds and seals with the first key what is not; says whether it changed anything."""
    with transaction():
        row = Authenticator.objects.select_for_update().select_related(None).filter(pk=pk).first()
        if row is None:
            return False
        old = dict(row.data)
        with seeds_of(row.user):
            for part in SEALED:
                if part in row.data:
                    plain = open_seed(row.data[part])
                    if not row.data[part].startswith(first_key(RING).prefix):
                        row.data[part] = seal_seed(plain)
        if row.data != old:
            row.save(update_fields=["data"])
        return bool(row.data != old)
