"""The page that Unfold's search asks while a person types (Ctrl-K)."""

import time

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.views.decorators.http import require_GET

from onecard.desk.search.finders import find

AT_ONCE = 100


@require_GET
def search(request: HttpRequest) -> HttpResponse:
    """Returns the results for `s` as a part of a page.

    Unfold's own view would look up every row of a list and keep the results, with people's names, in the cache.
    """
    if not admin.site.has_permission(request):
        raise PermissionDenied
    began = time.perf_counter()
    found = Paginator(find(request, request.GET.get("s", "")), AT_ONCE)
    shown = found.get_page(request.GET.get("page"))
    context = {
        "page_obj": found,
        "results": shown,
        "page_counter": (shown.number - 1) * AT_ONCE,
        "execution_time": time.perf_counter() - began,
        "command_show_history": False,
    }
    return TemplateResponse(request, "unfold/helpers/command_results.html", context, headers={"HX-Trigger": "search"})
