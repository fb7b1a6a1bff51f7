"""The health page: every line is measured while the page is made. A new measurement is a line in GROUPS.

The first group has the twelve checks of the design's walkthrough (docs/runbook.md, The health page), where each is
named; what an issuer has to be asked for was asked by the clock.
"""

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from onecard.desk.health import cards, check_now, issuers, machinery, money, registration, stand_in
from onecard.desk.health.item import Item, Measurement
from onecard.desk.views import for_staff, render
from onecard.kit import clock
from onecard.kit.polled_parts import polled

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

log = logging.getLogger(__name__)

SEE_HEALTH: Final = "issuing.view_issuercontrol"
GROUPS: "Final[tuple[tuple[StrOrPromise, tuple[Measurement, ...]], ...]]" = (
    (
        gettext_lazy("All systems"),
        (
            machinery.backend,
            registration.registrations,
            cards.virtual_cards,
            cards.funding_cards,
            money.rankings,
            cards.wallets,
            issuers.signatures,
            money.payments,
        ),
    ),
    (
        gettext_lazy("What carries the work"),
        (machinery.database, machinery.broker, machinery.workers, machinery.outbox, machinery.inbox, machinery.months),
    ),
    (
        gettext_lazy("Issuers"),
        (
            registration.decisions_asked_for,
            issuers.last_webhooks,
            issuers.breakers,
            issuers.budgets,
            issuers.balances,
            issuers.syncs,
        ),
    ),
    (
        gettext_lazy("Money and decisions"),
        (money.decision_times, stand_in.stand_in, money.reconciliation, money.unknown_charges),
    ),
    (gettext_lazy("Tasks of the clock"), (machinery.clock_tasks,)),
)


@for_staff(SEE_HEALTH)
@require_safe
def health(request: HttpRequest) -> HttpResponse:
    return render(request, "health/page", _("Health"), measured() | {"buttons": check_now.buttons(request)})


@polled
@for_staff(SEE_HEALTH)
@require_safe
def health_items(request: HttpRequest) -> HttpResponse:
    """Returns the lines, measured anew."""
    return HttpResponse(render_to_string("desk/health/items.html", measured(), request))


def measured() -> dict[str, Any]:
    """Measures everything; what cannot be measured is a line that says so, and hides no other."""
    groups = [(title, [item for measure in measures for item in _items(measure)]) for title, measures in GROUPS]
    wrong = [item for _title, items in groups for item in items if item.state != "good"]
    return {"groups": groups, "wrong": wrong, "measured_at": clock.now()}


def _items(measure: Measurement) -> Iterator[Item]:
    try:
        yield from list(measure())
    except Exception as error:
        log.exception("%s could not be measured.", measure.__name__)
        yield Item(
            name=measure.__name__.replace("_", " ").capitalize(),
            state="bad",
            measured=_("It could not be measured (%(error)s).") % {"error": type(error).__name__},
            to_do=_("The log of the web server has the reason."),
        )
