"""The button "Export as CSV" of every list."""

from typing import Any, cast

from django.apps import apps
from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from audit import trail
from onecard.desk.exports.csv_rows import csv_rows
from onecard.desk.models import ListExport
from onecard.kit import clock
from onecard.kit.confirmation_pages import actor_of
from onecard.kit.transactions import transaction
from onecard.users.models import User

MAY_EXPORT = "desk.add_listexport"


@require_POST
def export(request: HttpRequest, app: str, name: str) -> HttpResponseBase:
    """Streams the rows of a list, filtered and searched as its address says.

    Who exported what is in the trail before the first row leaves.
    """
    room = _room(app, name)
    if not (request.user.has_perm(MAY_EXPORT) and room.has_view_permission(request)):
        raise PermissionDenied(_("Your role may not export lists. Ask an administrator if your work needs it."))
    try:
        shown = room.get_changelist_instance(request)
    except IncorrectLookupParameters:
        messages.error(request, _("A filter of this list means nothing, so nothing was exported."))
        return HttpResponseRedirect(f"/admin/{app}/{name}/")
    _write_down(request, room.model)
    file = f"{name}-{clock.now():%Y%m%d-%H%M}.csv"
    columns = [column for column in shown.list_display if column != "action_checkbox"]
    answer = StreamingHttpResponse(csv_rows(room, shown.queryset, columns), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{file}"'
    answer["Cache-Control"] = "no-store"
    return answer


def _room(app: str, name: str) -> Any:
    """Returns the admin page of a model; a list that is a page of its own has no rows to export."""
    try:
        model = apps.get_model(app, name)
    except LookupError:
        raise Http404 from None
    room = admin.site._registry.get(model)  # noqa: SLF001  (Django has no other way to it)
    if room is None or "changelist_view" in vars(type(room)):
        raise Http404
    return room


def _write_down(request: HttpRequest, model: Any) -> None:
    user = cast("User", request.user)
    with transaction():
        made = ListExport.objects.create(
            by=user, list=model._meta.label, query=request.GET.urlencode()[:500], created_at=clock.now()
        )
        trail.record(actor=actor_of(request), action="list.exported", subject=made, list=made.list, query=made.query)
