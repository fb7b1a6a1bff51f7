"""A list is filtered by what its page offers and by nothing else: no column can be guessed at letter by letter."""

import re
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.options import InlineModelAdmin
from django.db.models import Model
from django.test import Client

from onecard.kit.admin import BackOfficeAdmin
from onecard.kit.admin_filters import PAGING, allowed_names
from onecard.users.models import User
from tests.onecard.admin_pages import listed_models, page
from tests.support.back_office import logged_in, text_of
from tests.support.factories import CardholderFactory, UserFactory
from tests.support.issuer_rows import rows_about
from tests.support.wallets import walkthrough_card

pytestmark = [pytest.mark.django_db, pytest.mark.only_in_proofs]

SECRET = re.compile(r"password|secret|encrypted|cvv|card_number|token|session|seed")
GUESSES = (
    "password__startswith", "user__password__startswith", "cardholder__user__password__regex",
    "card__cardholder__user__password__contains", "encrypted_card_number__isnull", "card__encrypted_cvv__gte",
    "id__range", "pk__in", "pk", "cardholder__phone__startswith", "owner__password__startswith",
    "obligation__cardholder__user__password__startswith", "user__totpdevice__key__startswith", "details__contains",
    "status__regex", "status__startswith",
)  # fmt: skip


@pytest.mark.parametrize("model", listed_models(), ids=lambda model: model._meta.label)
def test_every_page_of_the_back_office_has_the_one_base(model: type[Model]) -> None:
    room = admin.site._registry[model]

    assert isinstance(room, BackOfficeAdmin)
    # Nobody below the base decides again what a list may be filtered by; Django's own UserAdmin asks the base too.
    deciding = [each.__name__ for each in type(room).__mro__ if "lookup_allowed" in vars(each)]
    assert deciding in (["BackOfficeAdmin", "BaseModelAdmin"], ["UserAdmin", "BackOfficeAdmin", "BaseModelAdmin"])


@pytest.mark.parametrize("model", listed_models(), ids=lambda model: model._meta.label)
def test_no_list_filters_or_searches_by_a_secret(model: type[Model]) -> None:
    room = admin.site._registry[model]

    offered = [*allowed_names(model, room.list_filter), *map(str, room.search_fields), *map(str, room.list_display)]
    assert [name for name in offered if SECRET.search(name)] == []


@pytest.mark.parametrize("model", listed_models(), ids=lambda model: model._meta.label)
def test_a_filter_that_is_not_offered_is_left_out_and_named(model: type[Model]) -> None:
    client = logged_in()
    if "changelist_view" in vars(type(admin.site._registry[model])):
        pytest.skip("its list is a page of its own, without filters")
    url = page(model, "changelist")
    guesses = [each for each in GUESSES if each not in allowed_names(model, admin.site._registry[model].list_filter)]
    for guess in guesses:
        answer = client.get(f"{url}?{guess}=a&o=1")
        assert (answer.status_code, answer["Location"]) == (302, f"{url}?o=1"), guess

    # What each was told waits for the next page.
    told = text_of(client.get(f"{url}?o=1"))
    for guess in guesses:
        assert f"no filter &#x27;{guess}&#x27;" in told


def test_a_guess_at_a_password_answers_alike_whether_right_or_wrong() -> None:
    holder = CardholderFactory(user=UserFactory(password="argon2$abc"))
    client = logged_in()
    url = page(type(holder), "changelist")

    right, wrong = (client.get(f"{url}?user__password__startswith={guess}") for guess in ("argon2", "zzz"))

    assert (right.status_code, right["Location"]) == (wrong.status_code, wrong["Location"]) == (302, url)


def links_of(answer: Any) -> list[str]:
    return re.findall(r'href="(\?[^"]*)"', answer.content.decode().replace("&amp;", "&"))


@pytest.mark.parametrize("model", listed_models(), ids=lambda model: model._meta.label)
def test_every_filter_that_a_page_offers_works(model: type[Model]) -> None:
    rows_about(walkthrough_card())
    client = logged_in()

    for link in dict.fromkeys(links_of(client.get(page(model, "changelist")))):
        assert client.get(page(model, "changelist") + link).status_code == 200, link


def test_the_first_page_leads_to_lists_that_are_filtered() -> None:
    client = logged_in()
    links = re.findall(r'href="(/admin/[^"]*\?[^"]*)"', client.get("/admin/").content.decode())

    assert links
    for link in links:
        assert client.get(link.replace("&amp;", "&")).status_code == 200, link


def test_no_inline_picks_rows_in_djangos_own_way() -> None:
    """Django's own picker fails on a key that is no number."""
    for room in admin.site._registry.values():
        for inline in room.inlines:
            if issubclass(inline, InlineModelAdmin) and inline.autocomplete_fields:
                assert "formfield_for_foreignkey" in dir(inline)
                assert any(each.__module__ == "onecard.kit.admin" for each in inline.__mro__)


def test_a_nul_in_an_address_is_refused_with_a_sentence() -> None:
    for url in ("/admin/?x=%00", "/health/live?%00=1", "/api/v1/cards/%00/x", "/metrics?a=%00"):
        answer = Client().get(url)

        assert answer.status_code == 400
        assert "NUL" in answer.content.decode()


@pytest.mark.parametrize("path", ["/admin/sign-in/", "/health/ready", "/stripe-webhook"])
def test_a_nul_in_a_cookie_is_no_session(path: str) -> None:
    """A cookie in quotes may hold it as an escape; no address and no login is needed to send one."""
    plain, odd = Client(), Client()

    assert odd.get(path, HTTP_COOKIE='sessionid="\\000abcdefghijkl"').status_code == plain.get(path).status_code
    assert odd.post(path, HTTP_COOKIE='sessionid="abcdefghi\\000"').status_code == plain.post(path).status_code


def test_paging_sorting_and_searching_are_no_filters() -> None:
    assert {"p", "o", "q", "e", "all"} <= PAGING
    assert logged_in().get(page(User, "changelist") + "?o=1&p=1&q=a").status_code == 200
