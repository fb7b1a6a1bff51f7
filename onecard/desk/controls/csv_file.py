"""The report as CSV: a line for each version and day, in shadow or active, and currency."""

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import cast

from django.http import HttpRequest
from django.utils.translation import gettext as _

from audit import trail
from issuing.controls import report
from issuing.models import Control, ControlVersion
from onecard.desk.exports.csv_rows import BYTE_ORDER_MARK, line
from onecard.desk.models import ListExport
from onecard.kit import clock
from onecard.kit.confirmation_pages import actor_of
from onecard.kit.transactions import transaction
from onecard.users.models import User


def lines_of(versions: Iterable[ControlVersion], *, since: dt.datetime, until: dt.datetime) -> Iterator[str]:
    """Yields the lines of the file; amounts are in minor units, so that a spreadsheet can add them."""
    names = [
        _("Version"), _("Day (UTC)"), _("State"), _("Hits"), _("Currency"), _("Amount in minor units"),
        _("Cases: fraud"), _("Cases: no fraud"), _("Cases: open"),
    ]  # fmt: skip
    yield BYTE_ORDER_MARK + line(names)
    for version in versions:
        for each in report.of_version(version, since=since, until=until):
            yield from _rows(version, each)


def write_down(request: HttpRequest, control: Control) -> None:
    """Notes in the trail who took the report out, before its first line leaves."""
    with transaction():
        made = ListExport.objects.create(
            by=cast("User", request.user),
            list="issuing.ControlHit",
            query=f"control={control.pk}",
            created_at=clock.now(),
        )
        trail.record(actor=actor_of(request), action="list.exported", subject=made, list=made.list, query=made.query)


def _rows(version: ControlVersion, found: report.Line) -> Iterator[str]:
    """Yields a line for each currency; hits and cases stand in the first one alone."""
    state = _("shadow") if found.in_shadow else _("active")
    begin = [version.number, found.day.isoformat(), state]
    cases = [found.confirmed, found.false_positives, found.open_cases]
    for number, (currency, minor) in enumerate(sorted(found.amounts_minor.items())):
        hits = found.hits if not number else 0
        yield line([*begin, hits, currency, minor, *(cases if not number else [0, 0, 0])])
