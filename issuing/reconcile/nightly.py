"""The nightly reconciliation, and the comparisons that take part."""

import logging
from collections.abc import Iterator

from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from issuing.issuers.registry import issuer_for
from issuing.models import Provider, VirtualCard
from issuing.reconcile.comparisons import Comparison, of_books, of_issuer, of_processor
from issuing.reconcile.run import Report, reconcile
from issuing.reconcile.window import window
from onecard.kit.errors import OneCardError
from wallet.processors.stripe.lists import StripeLists

log = logging.getLogger(__name__)

# The mock loses its data with its process, so there is nothing to compare with.
REAL = (Provider.STRIPE.value, Provider.MARQETA.value)


def run_all() -> list[Report]:
    """Compares every issuer in use, the processor and our books, and opens cases; repairs nothing.

    A failure of one comparison does not stop the others. A page of 100 rows is one call within the issuer's budget, so
    the time depends on the length of the lists.
    """
    span, reports = window(), []
    for comparison in _all_that_can_be_made():
        try:
            reports.append(reconcile([comparison], span))
        except SoftTimeLimitExceeded:
            raise  # Tomorrow night begins anew; what was found so far has its case.
        except OneCardError as error:
            log.warning("The comparison %s was not done: %s", comparison.label, error)
        except Exception:
            log.exception("The comparison %s was not done.", comparison.label)
    return reports


def _all_that_can_be_made() -> Iterator[Comparison]:
    """Yields the comparisons of all issuers that are configured; one that no longer is does not stop the others."""
    for name in issuers():
        try:
            yield from of_issuer(name, issuer_for(name))
        except ImproperlyConfigured as error:
            log.warning("%s is not compared: %s", name, error)
    yield from [*of_processor(), *of_books()]


def taking_part(provider: str = "") -> list[Comparison]:
    """Returns every comparison, or those with one issuer or processor; our own books are always compared, and last.

    Raises ImproperlyConfigured for an issuer that is not configured.
    """
    made = [each for name in issuers() if provider in ("", name) for each in of_issuer(name, issuer_for(name))]
    if provider in ("", StripeLists.provider):
        made += of_processor()
    return [*made, *of_books()]


def issuers() -> list[str]:
    """Returns the issuers that make new cards, or have cards of ours."""
    used = {settings.ISSUER_PROVIDER, settings.ISSUER_BACKUP_PROVIDER}
    used |= set(VirtualCard.objects.exclude(issuer_card_id="").values_list("issuer_provider", flat=True).distinct())
    return sorted(used & set(REAL))
