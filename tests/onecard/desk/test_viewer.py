"""Each member of staff reads the back office in their own language and time zone; nobody else's changes."""

import datetime as dt
import gzip
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django import forms
from django.test import Client
from django.urls import get_resolver, reverse
from django.utils import timezone, translation
from django.utils.functional import Promise
from django.utils.text import format_lazy

from issuing.models import VirtualCard
from onecard.desk.unfold_templates import mended
from onecard.desk.viewer import ZONE_COOKIE
from onecard.kit import display
from onecard.kit.amount_field import AmountField, parse_typed, typed
from onecard.kit.errors import OneCardError
from onecard.kit.money import Money, MoneyError
from onecard.kit.sentences import in_a_sentence
from onecard.users.models import User
from tests.support.back_office import logged_in, send, sentences, superuser, text_of
from tests.support.wallets import walkthrough_card

DESK = (
    "issuing.admin",
    "wallet.admin",
    "routing.admin",
    "onecard.desk",
    "onecard.integrations",
    "onecard.second_factor",
)
NOON = dt.datetime(2026, 7, 1, 12, 0, 5, tzinfo=dt.UTC)


@pytest.fixture
def german() -> Iterator[None]:
    with translation.override("de"):
        yield


def test_a_time_names_the_zone_in_which_it_is_shown() -> None:
    assert display.moment(NOON) == "2026-07-01 12:00:05 UTC"
    with timezone.override("Europe/Berlin"):
        assert display.moment(NOON) == "2026-07-01 14:00:05 CEST"
        with translation.override("de"):
            assert display.moment(NOON) == "01.07.2026 14:00:05 CEST"


@pytest.mark.usefixtures("german")
def test_amounts_are_printed_and_read_as_german_writes_them() -> None:
    assert display.money(123_456_789, "EUR") == "1.234.567,89 EUR"
    assert display.money(-150_000, "JPY") == "-150.000 JPY"
    assert parse_typed("1.234.567,89", "EUR") == Money(123_456_789, "EUR")
    assert parse_typed("1.500", "EUR") == Money(150_000, "EUR")
    field = AmountField()
    field.of("EUR")
    assert field.help_text == "In EUR, etwa 12,34 oder 1.500,00."


@pytest.mark.usefixtures("german")
@pytest.mark.parametrize(
    ("text", "currency"),
    [("1,500.00", "EUR"), ("43.20", "EUR"), ("45,000", "EUR"), ("1.500", "KWD"), ("1.50.000", "EUR")],
)
def test_german_refuses_what_could_be_another_amount(text: str, currency: str) -> None:
    with pytest.raises(MoneyError, match=r"Schreiben Sie ihn wie 45,00 oder 1\.500,00"):
        parse_typed(text, currency)


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("money", [Money(123_456_789, "EUR"), Money(150_000, "JPY"), Money(1500, "KWD")])
def test_a_form_reads_the_amount_that_it_begins_with(language: str, money: Money) -> None:
    with translation.override(language):
        assert parse_typed(typed(money), money.currency) == money


@pytest.mark.django_db
def test_a_german_form_is_sent_as_it_was_opened() -> None:
    person, card = superuser(), walkthrough_card()
    User.objects.filter(pk=person.pk).update(language="de")
    before = VirtualCard.objects.filter(pk=card.pk).values("daily_limit_minor", "monthly_limit_minor").get()

    answer = send(
        logged_in(person), reverse("admin:issuing_virtualcard_change_limits", args=[card.pk]), reason="Nur gelesen."
    )

    assert "ist kein Betrag" not in text_of(answer)
    assert "Ändern Sie eines davon." in sentences(answer)
    assert VirtualCard.objects.filter(pk=card.pk).values("daily_limit_minor", "monthly_limit_minor").get() == before


def test_a_sentence_has_the_separators_of_who_reads_it() -> None:
    refusal = OneCardError(format_lazy("{left}, {state}", left=Money(150_000, "USD"), state=in_a_sentence("No Card")))
    assert refusal.message == "1,500.00 USD, no card"
    with translation.override("de"):
        assert refusal.message == "1.500,00 USD, No Card"


def test_every_field_of_a_form_of_the_desk_has_a_name_in_each_language() -> None:
    nameless = [
        f"{form.__module__}.{form.__name__}.{name}"
        for form in forms_of_the_desk(forms.BaseForm)
        for name, field in getattr(form, "base_fields", {}).items()
        if not isinstance(field.widget, forms.HiddenInput) and not isinstance(field.label, Promise)
    ]

    # The letters MCC are the same, and the others are read from an address: templates say what they are.
    others = ("routing.admin.ranking_form.RankingForm.mcc", "routing.admin.grid_page.")
    others += ("routing.admin.what_if_page.AskedForm.mcc", "issuing.admin.statements.PeriodForm.")
    others += ("issuing.admin.rewards.", "issuing.admin.fraud.")
    assert [each for each in nameless if not each.startswith(others)] == []


def forms_of_the_desk(base: Any) -> Iterator[Any]:
    get_resolver().url_patterns  # noqa: B018  (loads every page)
    for form in base.__subclasses__():
        if form.__module__.startswith(DESK):
            yield form
        yield from forms_of_the_desk(form)


@pytest.mark.django_db
def test_a_choice_on_my_account_holds_in_every_browser() -> None:
    person = superuser()
    page = reverse("my-account")
    saved = logged_in(person).post(page, {"language": "de", "time_zone": "Europe/Berlin"}, follow=True)
    assert "Gespeichert. So spricht das Backoffice jetzt mit Ihnen." in text_of(saved)

    shown = text_of(logged_in(User.objects.get(pk=person.pk)).get(page))

    assert 'lang="de"' in shown
    assert "Zeiten werden zurzeit in Europe/Berlin angezeigt." in shown
    assert 'lang="en"' in text_of(logged_in().get(page)), "nobody else's language changed"


@pytest.mark.django_db
@pytest.mark.parametrize("values", [{"language": "xx"}, {"time_zone": "Mars/Olympus"}, {"time_zone": "../etc/passwd"}])
def test_a_language_or_zone_that_is_none_is_refused(values: dict[str, str]) -> None:
    person = superuser()

    answer = logged_in(person).post(reverse("my-account"), values)

    assert answer.status_code == 200
    assert answer.context["form"].errors
    person.refresh_from_db()
    assert (person.language, person.time_zone) == ("", "")


@pytest.mark.django_db
def test_the_login_page_keeps_a_language_in_this_browser() -> None:
    browser, login = Client(), reverse("account_login")
    assert "Log in to the back office" in text_of(browser.get(login))

    answer = browser.post(reverse("choose-language"), {"language": "de", "next": login})

    assert (answer.status_code, answer.headers["Location"]) == (302, login)
    assert "Am Backoffice anmelden" in text_of(browser.get(login))
    assert "Am Backoffice anmelden" not in text_of(Client().get(login))


@pytest.mark.django_db
@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_the_choice_of_a_language_leads_nowhere_else(elsewhere: str) -> None:
    answer = Client().post(reverse("choose-language"), {"language": "de", "next": elsewhere})

    assert answer.headers["Location"] == reverse("admin:index")


@pytest.mark.django_db
def test_without_a_choice_the_browser_is_asked() -> None:
    browser = logged_in()
    browser.cookies[ZONE_COOKIE] = "America/New_York"

    shown = text_of(browser.get(reverse("my-account"), headers={"accept-language": "de-AT,de;q=0.9,en;q=0.5"}))

    assert "Zeiten werden zurzeit in America/New York angezeigt." in shown


@pytest.mark.django_db
def test_a_zone_of_the_browser_that_is_none_is_utc() -> None:
    browser = logged_in()
    browser.cookies[ZONE_COOKIE] = "../../etc/localtime"

    assert "Times are shown in UTC now." in text_of(browser.get(reverse("my-account")))


@pytest.mark.django_db
def test_the_api_speaks_english_to_a_german_browser() -> None:
    answer = Client().get("/api/v1/cards", headers={"accept-language": "de"})

    assert "Anmeldedaten" not in answer.content.decode()
    assert answer.headers.get("Content-Language") is None


@pytest.mark.django_db
def test_pages_are_compressed_except_those_with_a_secret() -> None:
    browser, packed = logged_in(), {"accept-encoding": "gzip"}

    page = browser.get("/admin/", headers=packed)
    assert page.headers["Content-Encoding"] == "gzip"
    assert b"One Card" in gzip.decompress(page.content)
    for secret in (reverse("second-factor"), reverse("mfa_index")):
        assert "Content-Encoding" not in browser.get(secret, headers=packed).headers
    refused = browser.post(reverse("my-account"), {"language": "xx"}, headers=packed)
    assert (refused.status_code, refused.headers.get("Content-Encoding")) == (200, None)


@pytest.mark.django_db
def test_a_page_has_a_way_past_the_menu_and_no_icon_is_read_out() -> None:
    shown = text_of(logged_in().get("/admin/wallet/case/"))

    assert (
        shown.index('href="#main-content"') < shown.index('id="nav-sidebar"') < shown.index('<main id="main-content"')
    )
    icons = re.findall(r"<[^<>]*material-symbols-outlined[^<>]*>", shown)
    assert len(icons) > 20
    assert [icon for icon in icons if "aria-hidden" not in icon] == []


def test_an_icon_that_was_hidden_is_left_as_it_is() -> None:
    hidden = '<span class="material-symbols-outlined" aria-hidden="true">close</span>'

    assert mended("any.html", hidden) == hidden
    assert mended("any.html", hidden.replace(' aria-hidden="true"', "")).count("aria-hidden") == 1
