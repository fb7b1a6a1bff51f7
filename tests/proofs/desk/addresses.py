"""What is asked: every list, filter, search and page that the back office has, from its own site and its addresses.

Nothing is named here by hand, so a page that somebody adds is asked the next time.
"""

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from django.contrib import admin
from django.db.models import Model
from django.test import RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.urls.resolvers import RoutePattern

from onecard.kit import clock
from onecard.kit.admin_filters import CardFilter
from onecard.kit.range_filters import AmountFilter, DaysFilter

# Number 17 is a purchase that was paid and captured, and a person who buys very often (tests/proofs/desk/rows.py).
NUMBER: Final = 17
PARAMETER: Final = re.compile(r"<(?:(\w+):)?(\w+)>")
# What would end the session that asks, and what answers only with a library's own parameters.
NOT_ASKED: Final = re.compile(r"logout|jsi18n|autocomplete|/r/|/delete/")


NO_WORD: Final = "zzqqxx"
# One text of each shape that the one search tells apart, and words that many, few and no rows have.
EVERYWHERE: Final = (
    f"iauth_{NUMBER}", f"pi_{NUMBER}_1", f"ic_{NUMBER}", f"evt_{NUMBER}", f"authorization:{NUMBER}", f"#{10 * NUMBER}",
    "4711", "+1 415 0000017", f"person{NUMBER}@example.com", "Carla Chen", "Whole Foods", "Bistro Verde #17", NO_WORD,
    "00000000-0000-0000-0000-000000000000", "cases",
)  # fmt: skip


# Many rows, some that are few everywhere, and none.
AMOUNTS: Final = (("10.00", "20.00"), ("5,600.00", "5,610.00"), ("99,999.00", "99,999.99"))
TEXTS: Final = {"mcc": ("5411",), "reason": ("limit_day", "webhook_error")}


@dataclass(frozen=True, slots=True)
class Address:
    """One address to ask, with what it is; a search has a bound of its own."""

    kind: str
    name: str
    url: str


def addresses(user: Any) -> Iterator[Address]:
    """Returns all of them. The rows that they name are looked up in the database."""
    for model, room in admin.site._registry.items():
        yield from _of_list(model, room, user)
    yield from _of_url_conf()
    for text in EVERYWHERE:
        yield Address("search", f"everything for {text}", f"{reverse('admin:search')}?{urlencode({'s': text})}")


def _of_list(model: type[Model], room: Any, user: Any) -> Iterator[Address]:
    name = model._meta.label
    page = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    yield Address("list", name, page)
    if "changelist_view" in vars(type(room)):
        return
    for *_before, column in room.search_ids:
        yield Address("search", f"{name} by id {column}", f"{page}?{urlencode({'q': _value(model, column)})}")
    for column in room.get_search_fields(_request(page, user)):
        path = column.lstrip("=^@")
        words = _value(model, path)
        yield Address("search", f"{name} by words {path}", f"{page}?{urlencode({'q': words})}")
    if room.get_search_fields(_request(page, user)):
        yield Address("search", f"{name} by a word that no row has", f"{page}?{urlencode({'q': NO_WORD})}")
    shown = room.get_changelist_instance(_request(page, user))
    for each in shown.filter_specs:
        chosen = [choice for choice in each.choices(shown) if choice.get("query_string", "?") != "?"]
        yield from (
            Address("filter", f"{name} {each.title}: {it['display']}", page + it["query_string"]) for it in chosen
        )
        for query in typed_into(each):
            words = " to ".join(query.values())
            yield Address("filter", f"{name} {each.title}: {words}", f"{page}?{urlencode(query)}")


def typed_into(spec: Any) -> list[dict[str, str]]:
    """Returns what people type into a filter: what many, few and no rows have, and days of long ago."""
    if isinstance(spec, AmountFilter):
        return [{"amount_from": least, "amount_to": most} for least, most in AMOUNTS]
    if isinstance(spec, DaysFilter):
        since, until = spec.names
        return [{since: f"{day:%Y-%m-%d}", until: f"{day + dt.timedelta(days=9):%Y-%m-%d}"} for day in _days()]
    if isinstance(spec, CardFilter):
        return [{spec.parameter_name: _value(spec.cards, "last_four")}, {spec.parameter_name: NO_WORD}]
    return [{name: value} for name in getattr(spec, "names", ()) for value in (*TEXTS.get(name, ()), NO_WORD)]


def _days() -> list[dt.date]:
    return [clock.now().date() - dt.timedelta(days=ago) for ago in (9, 200, 390, 5000)]


def _request(page: str, user: Any) -> Any:
    request = RequestFactory().get(page)
    request.user = user
    return request


def _value(model: type[Model], path: str) -> str:
    """Returns what one row has in a column, or in that of a row that it leads to."""
    rows = model._default_manager.filter(pk__gte=NUMBER).order_by("pk")
    found = rows.exclude(**{path: None}).values_list(path, flat=True)[:1]
    return str(next(iter(found), "17"))[:60]


def _of_url_conf() -> Iterator[Address]:
    seen = set()
    for route in _routes(get_resolver(), ""):
        url = _filled_in(route)
        if url and url not in seen:
            seen.add(url)
            yield Address("page", route, url)


def _routes(resolver: URLResolver, before: str) -> Iterator[str]:
    """Returns the routes below /admin/, each as it is written in the URL conf."""
    for each in resolver.url_patterns:
        if not isinstance(each.pattern, RoutePattern):
            if isinstance(each, URLResolver) and str(each.pattern) in ("", "^"):
                yield from _routes(each, before)
            continue
        route = before + str(each.pattern)
        if isinstance(each, URLResolver):
            yield from _routes(each, route)
        elif isinstance(each, URLPattern) and route.startswith("admin/") and not NOT_ASKED.search(route):
            yield route


def _filled_in(route: str) -> str:
    """Returns the address with the keys of real rows in it, or "" where nothing fits."""
    model = _model_of(route)

    def value(found: re.Match[str]) -> str:
        converter, name = found.groups()
        if converter == "uuid" or name == "public_id":
            return _public_id(model, name)
        if model is None:
            return str(NUMBER)
        rows = model._default_manager.order_by("pk").values_list("pk", flat=True)
        keys = list(rows.filter(pk__gte=NUMBER)[:1]) if _has_number(model) else []
        # Of a few rows, such as controls, none may have so high a number.
        return str(next(iter(keys or rows[:1]), ""))

    return "/" + PARAMETER.sub(value, route)


def _model_of(route: str) -> type[Model] | None:
    """Returns the model that an address of the admin names, or a page of the desk by the plural: controls/<key>/."""
    of_admin = re.match(r"admin/(\w+)/(\w+)/", route)
    of_desk = re.match(r"admin/(\w+)s/<", route)
    each: type[Model]
    for each in admin.site._registry:
        if of_admin and (each._meta.app_label, each._meta.model_name) == of_admin.groups():
            return each
        if of_desk and each._meta.model_name == of_desk.group(1):
            return each
    return None


def _has_number(model: type[Model]) -> bool:
    return model._meta.pk is not None and model._meta.pk.get_internal_type() in ("BigAutoField", "AutoField")


def _public_id(model: type[Model] | None, name: str) -> str:
    owners = [model] if model else []
    for each in [*owners, *admin.site._registry]:
        if any(field.name == name for field in each._meta.fields):
            found = each._default_manager.order_by("pk").values_list(name, flat=True)[:1]
            if found:
                return str(found[0])
    return ""
