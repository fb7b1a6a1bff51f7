"""The pages of a customer, and the search that leads there."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Final, TypeVar
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from onecard.desk.customer import activity, history
from onecard.desk.customer import page as customer_page
from onecard.desk.customer.paging import asked_before
from onecard.desk.people_search import LONGEST, find_people
from onecard.kit.text import clean_text
from wallet.models import Cardholder

View = TypeVar("View", bound=Callable[..., HttpResponseBase])
VIEW_PEOPLE: Final = "wallet.view_cardholder"
LENGTH, MOST_FOUND = 50, 20
# The pages of one part, with the function that reads it and its title.
PARTS: Final[dict[str, tuple[Callable[..., Any], Callable[[], str]]]] = {
    "purchases": (activity.purchases_of, lambda: _("Purchases")),
    "messages": (activity.messages_of, lambda: _("Messages sent")),
    "history": (history.history_of, lambda: _("History")),
}


def for_staff(*permissions: str) -> Callable[[View], View]:
    """Lets in whoever may enter the back office and has the permissions; others read what is missing."""

    def decorate(view: View) -> View:
        @wraps(view)
        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.has_perms(permissions):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        # Links to it are shown to those who may open it (onecard/desk/open_links.py).
        checked.permissions = permissions  # type: ignore[attr-defined]
        return admin.site.admin_view(checked)  # type: ignore[return-value]

    return decorate


def holder_or_404(public_id: UUID) -> Cardholder:
    """Returns the person of an address with their login; raises Http404."""
    return get_object_or_404(Cardholder.objects.select_related("user"), public_id=public_id)


@for_staff(VIEW_PEOPLE)
@require_safe
def people(request: HttpRequest) -> HttpResponse:
    """Searches for a person; the only one found is shown at once."""
    text = clean_text(request.GET.get("q", ""), limit=LONGEST)
    found = find_people(text, limit=MOST_FOUND + 1)
    if len(found) == 1:
        return redirect("desk:person", found[0].public_id)
    context = {"asked": text, "found": found[:MOST_FOUND], "is_cut": len(found) > MOST_FOUND, "most": MOST_FOUND}
    return render(request, "people", _("Customers"), context)


@for_staff(VIEW_PEOPLE)
@require_safe
def person(request: HttpRequest, public_id: UUID) -> HttpResponse:
    holder = holder_or_404(public_id)
    return render(request, "customer", str(holder), customer_page.build(request, holder))


@for_staff(VIEW_PEOPLE)
@require_safe
def person_of_key(_request: HttpRequest, key: int) -> HttpResponse:
    """Leads from the key in our tables, which the trail has, to the person's page."""
    return redirect("desk:person", get_object_or_404(Cardholder, pk=key).public_id)


@for_staff(VIEW_PEOPLE)
@require_safe
def part(request: HttpRequest, public_id: UUID, name: str) -> HttpResponse:
    """Shows all of one part, a page at a time."""
    holder = holder_or_404(public_id)
    if not customer_page.may_see(request)[name]:
        raise PermissionDenied
    read, title = PARTS[name]
    found = read(holder, before=asked_before(request), length=LENGTH)
    context = {"holder": holder, "part": name, "found": found, "is_first": asked_before(request) is None}
    return render(request, "part", f"{title()}: {holder}", context)


def render(request: HttpRequest, name: str, title: str, context: dict[str, Any]) -> HttpResponse:
    """Returns a page of the desk. No cache keeps it, since it is about a person."""
    shown = {**admin.site.each_context(request), "title": title, **context}
    answer = TemplateResponse(request, f"desk/{name}.html", shown)
    answer["Cache-Control"] = "no-store"
    return answer
