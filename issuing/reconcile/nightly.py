"""The nightly reconciliation, and the comparisons that take part."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from issuing.issuers.registry import issuer_for
from issuing.models import Provider, VirtualCard
from issuing.reconcile.comparisons import Comparison, of_balances, of_books, of_issuer, of_processor
from issuing.reconcile.run import OnFinding, Progress, Report, reconcile
from issuing.reconcile.window import Window, window
from onecard.kit.errors import OneCardError
from wallet.processors.stripe.lists import StripeLists

log = logging.getLogger(__name__)

# The mock loses its data with its process, so there is nothing to compare with.
REAL = (Provider.STRIPE.value, Provider.MARQETA.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """Hears how a run of all comparisons goes: each field is called with what just happened."""

    planned: Callable[[int], object] = lambda _comparisons: None
    begun: Callable[[Comparison], object] = lambda _comparison: None
    on_finding: OnFinding = lambda _finding: None
    progress: Progress = lambda _label, _rows: None
    compared: Callable[[Report], object] = lambda _report: None
    not_compared: Callable[[str, str], object] = lambda _label, _reason: None


def run_all(listener: Listener = Listener(), span: Window | None = None) -> list[Report]:
    """Compares every issuer in use, the processor and our books, and opens cases; repairs nothing.

    A failure of one comparison does not stop the others. A page of 100 rows is one call within the issuer's budget, so
    the time depends on the length of the lists.
    """
    span, reports = span or window(), []
    comparisons = list(all_that_can_be_made(listener))
    listener.planned(len(comparisons))
    for comparison in comparisons:
        listener.begun(comparison)
        if report := _report_of(comparison, span, listener):
            listener.compared(report)
            reports.append(report)
    return reports


def run_strictly(comparisons: Sequence[Comparison], span: Window, listener: Listener, *, fix: bool) -> Report:
    """Makes these comparisons one after the other; returns the counts of all.

    Raises what `reconcile` raises: nothing is concluded from that comparison and those after it.
    """
    total = Report(span)
    listener.planned(len(comparisons))
    for comparison in comparisons:
        listener.begun(comparison)
        report = reconcile([comparison], span, fix=fix, on_finding=listener.on_finding, progress=listener.progress)
        listener.compared(report)
        total.add(report)
    return total


def _report_of(comparison: Comparison, span: Window, listener: Listener) -> Report | None:
    try:
        return reconcile([comparison], span, on_finding=listener.on_finding, progress=listener.progress)
    except SoftTimeLimitExceeded:
        raise  # The next run begins anew; what was found so far has its case.
    except OneCardError as error:
        log.warning("The comparison %s was not done: %s", comparison.label, error)
        listener.not_compared(comparison.label, error.message)
    except Exception as error:
        log.exception("The comparison %s was not done.", comparison.label)
        listener.not_compared(comparison.label, f"It failed; the worker's log has the reason ({type(error).__name__}).")
    return None


def all_that_can_be_made(listener: Listener) -> Iterator[Comparison]:
    """Yields the comparisons of all issuers that are configured; one that no longer is does not stop the others."""
    for name in issuers():
        try:
            yield from of_issuer(name, issuer_for(name))
        except ImproperlyConfigured as error:
            log.warning("%s is not compared: %s", name, error)
            listener.not_compared(f"transactions.{name}", str(error))
    yield from [*of_processor(), *of_books(), *_of_balances("")]


def taking_part(provider: str = "") -> list[Comparison]:
    """Returns every comparison, or those with one issuer or processor; our own books are always compared, and last.

    Raises ImproperlyConfigured for an issuer that is not configured.
    """
    made = [each for name in issuers() if provider in ("", name) for each in of_issuer(name, issuer_for(name))]
    if provider in ("", StripeLists.provider):
        made += of_processor()
    return [*made, *of_books(), *_of_balances(provider)]


def _of_balances(provider: str) -> list[Comparison]:
    """Returns the comparisons of whole balances, where this issuer or processor takes part."""
    if provider not in ("", StripeLists.provider):
        return []
    issuer = issuer_for(StripeLists.provider) if StripeLists.provider in issuers() else None
    return of_balances(issuer=issuer)


def issuers() -> list[str]:
    """Returns the issuers that make new cards, or have cards of ours."""
    used = {settings.ISSUER_PROVIDER, settings.ISSUER_BACKUP_PROVIDER}
    cards = VirtualCard.objects.exclude(issuer_card_id="").order_by()
    used |= set(cards.values_list("issuer_provider", flat=True).distinct())
    return sorted(used & set(REAL))
