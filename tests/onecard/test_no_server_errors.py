"""No input makes a 500: hostile values through every list, filter, search, form, button and API route there is.

By itself this file asks one in twelve of them, drawn from a seed that it prints, in `make proofs` one in six, and in
`make crawl` all (CRAWL_EVERY=1).
"""

import itertools
import os
import random
import re
import sys
import uuid
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.core.signals import got_request_exception
from django.db import transaction
from django.db.models import Field, Model
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from onecard.kit.admin_filters import allowed_names
from tests.onecard.admin_pages import page, purchases
from tests.support.back_office import logged_in, opened
from tests.support.factories import CardholderFactory, CardProductFactory
from tests.support.lengths import length

# Hundreds of pages each; a busy machine needs its time.
pytestmark = [pytest.mark.django_db, pytest.mark.timeout(900), pytest.mark.only_in_proofs]

T = TypeVar("T")
EVERY = length("CRAWL_EVERY", short=12, whole=6)
SEED = int(os.environ.get("CRAWL_SEED") or random.randrange(2**32))

LONG, HUGE = "a" * 3000, "9" * 40
VALUES = (
    "", "-1", HUGE, "9" * 5000, "1e999", "NaN", "(", "x", "1,2", "2026-13-45", "99999-01-01", "\u202e\u200b", LONG
)  # fmt: skip
LOOKUPS = (
    "", "__exact", "__in", "__range", "__regex", "__isnull", "__gte", "__contains", "__startswith", "__year", "__date",
    "__no_such", "__id__exact", "__exact__exact",
)  # fmt: skip
PAGING = (
    "p=-1&e=1", f"p={HUGE}", "p=x&o=99.99&all=x", f"o=x.-.{HUGE}", "o=%00", "q=%00", f"q={LONG}", "q=%ff'", "mcc=%00",
    "q=" + "+".join(["a"] * 900), "_facets=x&_popup=x", "_facets=%00", "_to_field=no_such", "_to_field=user__password",
    "&&&=", "%00=1", f"a__b__c=1&{LONG}=1&%ff=%ff", "p=0&o=-&q=%e2%80%ae",
)  # fmt: skip
IDS = ("0", "-1", HUGE, "9" * 5000, "x", "\x00", "_00", "%", "1.5", "a/b", "\u0663", LONG, str(uuid.uuid4()))
KEYS = {"int": ("0", HUGE, "9" * 5000), "slug": ("x", LONG), "uuid": (str(uuid.uuid4()),)}
# What a form is sent instead of what it asks for.
TYPED = ("", "\x00", "-1", HUGE, "NaN", "2026-13-45", "x", "\u202e", LONG * 3, "/../")
# Its pages end sessions, and the last one is Django's net for everything else.
LEFT_ALONE = ("admin/logout/", "(?P<url>.*)$")


def sampled(what: Iterable[T], of: str = "") -> list[T]:
    """One in EVERY of these, at least one of each list; `of` draws others of the same list."""
    found = list(what)
    drawn = random.Random(f"{SEED}:{of}:{len(found)}")
    return found if EVERY == 1 else drawn.sample(found, -(-len(found) // EVERY))


class Crawl:
    """Asks, and remembers what was answered with a server error; each one is undone, so that none spoils others."""

    def __init__(self, client: Client) -> None:
        self.client = client
        client.raise_request_exception = False
        self.failures: list[str] = []
        self.asked = 0
        self._error = ""

    def get(self, url: str) -> Any:
        return self._check(f"GET {url}", lambda: self.client.get(url))

    def post(self, url: str, data: Any, **options: Any) -> Any:
        return self._check(f"POST {url} {data}", lambda: self.client.post(url, data, **options))

    def _check(self, what: str, ask: Callable[[], Any]) -> Any:
        block = transaction.atomic()
        block._from_testcase = True
        with block:
            got_request_exception.connect(self._note)
            try:
                answer = ask()
            finally:
                got_request_exception.disconnect(self._note)
            transaction.set_rollback(True)
        self.asked += 1
        if answer.status_code >= 500:
            self.failures.append(f"{answer.status_code} {what[:200]!r}: {self._error}")
        return answer

    def _note(self, **_signal: Any) -> None:
        self._error = repr(sys.exc_info()[1])[:200]

    def assert_no_server_error(self, *, at_least: int) -> None:
        print(f"CRAWL_SEED={SEED} CRAWL_EVERY={EVERY}: asked {self.asked} times")
        assert self.asked >= at_least // EVERY
        assert not self.failures, f"{len(self.failures)} of {self.asked}:\n" + "\n".join(self.failures[:40])


@pytest.fixture
def crawl() -> Crawl:
    purchases(1)
    CardProductFactory()
    Group.objects.create(name="Support")
    return Crawl(logged_in())


def listed_models() -> list[type[Model]]:
    return sorted(admin.site._registry, key=lambda model: model._meta.label)


def filter_names(model: type[Model]) -> Iterator[str]:
    """Every column, what lies behind foreign keys, and the parameters of the page's own filters."""
    yield "pk"
    for field in model._meta.get_fields():
        yield field.name
        if isinstance(field, Field) and field.is_relation:
            yield f"{field.name}__password"
    for each in admin.site._registry[model].list_filter:
        yield getattr(each, "parameter_name", each) if not isinstance(each, tuple) else each[0]


def queries(model: type[Model]) -> Iterator[str]:
    """What nobody should ask for, and each of the page's own filters in every way."""
    yield from PAGING
    values, lookups = itertools.cycle(VALUES), itertools.cycle(LOOKUPS)
    for name in dict.fromkeys(filter_names(model)):
        yield urlencode([(f"{name}{next(lookups)}", next(values)) for _ in range(3)])
    for name in sorted(allowed_names(model, admin.site._registry[model].list_filter)):
        for value in itertools.islice(values, 2):
            yield urlencode({name: value})


def routes(patterns: list[URLPattern | URLResolver], before: str = "") -> Iterator[str]:
    for each in patterns:
        route = before + str(each.pattern)
        if isinstance(each, URLResolver):
            yield from routes(each.url_patterns, route)
        elif not any(part in route for part in LEFT_ALONE) and "(?P<" not in route:
            yield "/" + route


def filled(route: str, keys: Callable[[str], Iterable[str]]) -> Iterator[str]:
    """The route with each of its converters filled, one at a time with all that `keys` gives."""
    holes = re.findall(r"<(?:(\w+):)?(\w+)>", route)
    choices = [[quote(key, safe="") for key in keys(kind or "str")] for kind, _name in holes]
    for row in itertools.zip_longest(*choices, fillvalue="1") if holes else [()]:
        given = iter(row)
        yield re.sub(r"<[^>]+>", lambda _hole: next(given), route)  # noqa: B023


def hostile_keys(kind: str) -> Iterable[str]:
    return KEYS.get(kind, IDS)


ROUTES = sorted(set(routes(get_resolver().url_patterns)))


@pytest.mark.parametrize("model", listed_models(), ids=lambda model: model._meta.label)
def test_no_query_string_breaks_a_list(model: type[Model], crawl: Crawl) -> None:
    for query in sampled(queries(model)):
        crawl.get(f"{page(model, 'changelist')}?{query}")

    crawl.assert_no_server_error(at_least=len(PAGING))


def test_no_key_breaks_a_page(crawl: Crawl) -> None:
    for route in ROUTES:
        for url in sampled(filled(route, hostile_keys)) if "<" in route else ():
            crawl.get(url)

    crawl.assert_no_server_error(at_least=300)


@pytest.mark.parametrize(
    "query", ["x=%00", f"x={LONG}", "%ff", "month=2026-99&by=x&cardholder=%ef%bf%be", "user=x&term=x"]
)
def test_no_query_string_breaks_any_page(query: str, crawl: Crawl) -> None:
    for route in sampled(ROUTES, of=query):
        for url in filled(route, lambda _kind: ("1",)):
            crawl.get(f"{url}?{query}")

    crawl.assert_no_server_error(at_least=100)


@pytest.mark.parametrize("model", listed_models(), ids=lambda model: model._meta.label)
def test_no_first_value_breaks_a_form_for_a_new_row(model: type[Model], crawl: Crawl) -> None:
    fields, values = model._meta.get_fields(), ("x", HUGE, "1,x", "\u202e", "[]")
    for field, value in sampled(itertools.product(fields, values)):
        crawl.get(f"{page(model, 'add')}?{urlencode({field.name: value})}")

    crawl.assert_no_server_error(at_least=10)


@pytest.mark.parametrize("model", listed_models(), ids=lambda model: model._meta.label)
def test_no_typed_value_breaks_a_form(model: type[Model], crawl: Crawl) -> None:
    row = model._default_manager.order_by("pk").last()
    assert row is not None
    pages = sampled(url for route in ROUTES for url in own_pages(route, model, row))
    for url in pages:
        values = opened(crawl.client, url) if crawl.get(url).status_code == 200 else {}
        crawl.post(url, {})
        for typed in sampled(TYPED):
            crawl.post(url, dict.fromkeys(values, typed))
            crawl.post(url, values | dict.fromkeys(list(values)[::2], typed))
        crawl.post(url, b"\xff\x00{", content_type="application/x-www-form-urlencoded")
        crawl.post(url, b"--x\r\n", content_type="multipart/form-data; boundary=y")

    crawl.assert_no_server_error(at_least=10)


def own_pages(route: str, model: type[Model], row: Model) -> list[str]:
    """The pages of one model: its list, its forms, and the buttons of a row."""
    start = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
    if not route.startswith(start) or "changelist" in route:
        return []
    names = ("note", "resolve", "agree", "refund", "charge-another", "take") if "<slug:" in route else ("1",)
    return [re.sub(r"<[^>]*slug[^>]*>", name, re.sub(r"<(int|path):[^>]+>", str(row.pk), route)) for name in names]


NONCES = ("1", "null", '"\\u0000"', '"\\ud800"', "[" * 9000, "1e9999")


@pytest.mark.parametrize("body", [*(f'{{"nonce": {each}}}' for each in NONCES), "", "[]", "x", "\x00", "NaN"])
def test_no_body_breaks_a_route_of_machines(body: str, crawl: Crawl) -> None:
    urls = [
        url for route in ROUTES if not route.startswith("/admin") for url in filled(route, lambda _kind: KEYS["uuid"])
    ]
    holder = Crawl(logged_in(CardholderFactory().user))
    for url in sampled(urls, of=body):
        for asking in (crawl, holder):
            asking.post(url, body, content_type="application/json")
        for kind in ("", "application/x-www-form-urlencoded", "multipart/form-data", "text/\x00"):
            crawl.post(url, body, content_type=kind)
        crawl.client.options(url)

    crawl.assert_no_server_error(at_least=5 * 5)
    holder.assert_no_server_error(at_least=5)
