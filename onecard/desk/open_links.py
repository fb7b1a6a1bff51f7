"""No dead link for anyone: on pages of the back office, only what this login may open is a link.

Links are made in many places: the admin's own lists, columns, templates and buttons. One place looks at the finished
page, so that none of them can forget it. A link in a text becomes its text, a tile stays without its link, and a button
is left out. Who may everything costs nothing here.
"""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, Final

from django.contrib import admin
from django.contrib.admin.options import ModelAdmin
from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, ResolverMatch, resolve

from onecard.users.models import User

BACK_OFFICE: Final = "/admin/"
LINK: Final = re.compile(
    r"""<a\b(?P<before>[^>]*?)\shref=["'](?P<page>/admin/[^"'?#]*)[^"']*["'](?P<after>[^>]*)>(?P<inside>.*?)</a\s*>""",
    re.DOTALL,
)
CLASS: Final = re.compile(r"""\sclass=["']([^"']*)["']""")
# The admin's own pages of a model; all others of its are seen by whoever may see the model.
ADDS: Final = "add"
REMEMBERED: Final = 2000


class OpenLinks:
    """Takes links that lead to a refusal out of each page."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        user: Any = request.user
        is_page = not response.streaming and response.get("Content-Type", "").startswith("text/html")
        if is_page and request.path_info.startswith(BACK_OFFICE) and isinstance(user, User) and not user.is_superuser:
            text = response.content.decode(response.charset)
            shown = only_open(request, text)
            if shown != text:
                response.content = shown.encode(response.charset)
        return response


def only_open(request: HttpRequest, text: str) -> str:
    """Returns the page with those links only that this login may open."""
    known: dict[str, bool] = {}

    def kept(found: re.Match[str]) -> str:
        page = found["page"]
        if page not in known:
            known[page] = may_open(request, page)
        return found[0] if known[page] else _without_link(found)

    return LINK.sub(kept, text)


def may_open(request: HttpRequest, page: str) -> bool:
    """Returns whether the permissions of this login open a page. What is no page of ours is left as it is."""
    match = _match_of(page)
    if match is None:
        return True
    permissions = getattr(match.func, "permissions", None)
    if permissions is not None:
        return request.user.has_perms(permissions)
    room = _room_of(match)
    if room is None:
        return True
    if match.url_name == f"{room.opts.app_label}_{room.opts.model_name}_{ADDS}":
        return bool(room.has_add_permission(request))
    return _may_press(request, room, match) and bool(room.has_view_or_change_permission(request))


@lru_cache(maxsize=REMEMBERED)
def _match_of(page: str) -> ResolverMatch | None:
    """Returns what answers at an address, remembered: the same forty links stand on every page."""
    try:
        return resolve(page)
    except Resolver404:
        return None


def _room_of(match: ResolverMatch) -> "ModelAdmin[Any] | None":
    """Returns the admin of the model that an address is about: its name begins with those of app and model."""
    name = str(match.url_name or "")
    return next((room for start, room in _rooms() if match.namespace == "admin" and name.startswith(start)), None)


def _rooms() -> Iterator[tuple[str, Any]]:
    for model, room in admin.site._registry.items():  # noqa: SLF001  (Django offers no other list)
        yield f"{model._meta.app_label}_{model._meta.model_name}_", room


def _may_press(request: HttpRequest, room: Any, match: ResolverMatch) -> bool:
    """Returns whether the button behind an address is for this login; a page that is no button is."""
    start = f"{room.opts.app_label}_{room.opts.model_name}_"
    button = getattr(room, str(match.url_name).removeprefix(start), None)
    for permission in getattr(button, "allowed_permissions", None) or ():
        if "." in permission:
            may = request.user.has_perm(permission)
        else:
            given = [match.kwargs["object_id"]] if "object_id" in match.kwargs and permission not in _OF_ROWS else []
            may = getattr(room, f"has_{permission}_permission")(request, *given)
        if not may:
            return False
    return True


# These take a row where ours take its key, and ask nothing of it.
_OF_ROWS: Final = ("view", "add", "change", "delete")


def _without_link(found: re.Match[str]) -> str:
    classes = CLASS.search(found["before"] + found["after"])
    names = classes[1].split() if classes else []
    if "oc-button" in names:
        return ""
    # What is itself a block, such as a tile, keeps its look.
    element = "div" if "<div" in found["inside"] or "<p" in found["inside"] else "span"
    look = "" if "oc-link" in names or not names else f' class="{" ".join(names)}"'
    return f"<{element}{look}>{found['inside']}</{element}>"
