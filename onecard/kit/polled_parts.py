"""Parts of a back-office page that the browser asks for again and again (htmx), to show what changed meanwhile.

A poll is not a person's doing: it keeps no idle session alive (onecard/second_factor/sessions.py), and when the session
has ended it makes the browser load the page anew, which leads to the login.
"""

import functools
from collections.abc import Callable
from typing import Any, Final

from django.contrib import admin
from django.http import HttpRequest, HttpResponse

# What hx-headers of such a part sends.
POLLED: Final = "X-Polled"

View = Callable[..., HttpResponse]


def polled(view: View) -> View:
    """Returns the view of such a part, for staff only; its answers are kept by no cache."""

    @functools.wraps(view)
    def answered(request: HttpRequest, *args: Any, **options: Any) -> HttpResponse:
        if not admin.site.has_permission(request):
            return HttpResponse(headers={"HX-Refresh": "true", "Cache-Control": "no-store"})
        answer = view(request, *args, **options)
        answer["Cache-Control"] = "no-store"
        return answer

    return answered


def is_polled(request: HttpRequest) -> bool:
    """Returns whether a timer of the page sent this, and not a person."""
    return POLLED in request.headers
