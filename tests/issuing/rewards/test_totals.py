"""The rewards book summed up by month, card, category and method: in the command, and on its page."""

import csv
import datetime as dt
import io
import json
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from issuing.admin import rewards as rewards_page
from issuing.models import RewardEntry, VirtualCard
from issuing.rewards import book as rewards_book
from issuing.rewards import sweep as rewards_sweep
from issuing.rewards.totals import best_cards, overall, overall_of, totals
from tests.issuing.rewards.purchases import TOTALS, bought, one_card_wallet, refunded
from tests.support.back_office import logged_in, text_of
from tests.support.factories import (
    RankingRowFactory,
    UserFactory,
)
from tests.support.wallets import walkthrough_card

pytestmark = pytest.mark.django_db


def a_book() -> VirtualCard:
    """Two wallets, three cards and categories, two currencies and refunds."""
    first, second = walkthrough_card(), one_card_wallet("cash", 2, "JPY")
    for network, rate in (("discover", 5), ("amex", 4)):
        RankingRowFactory(mcc="5411", network=network, reward_rate=rate)
    bought(first)
    bought(first, 12000, mcc="5411")
    bought(first, 3000, mcc="7230")
    refunded(bought(first, 2500), 1200)
    bought(second, 7000, currency="jpy")
    rewards_sweep.sweep()
    return first


@pytest.mark.parametrize("by", ["month", "method", "category"])
def test_the_totals_are_the_sums_of_the_entries_however_grouped(by: str) -> None:
    a_book()

    found = totals(by=by)

    assert len({(total.key, total.currency) for total in found}) == len(found)
    for currency, worth in overall(found).items():
        entries = RewardEntry.objects.filter(currency=currency)
        signs = [-1 if entry.kind == "refund" else 1 for entry in entries]
        paid_minor = sum(sign * entry.amount_minor for sign, entry in zip(signs, entries, strict=True))
        assert worth.spent_minor == paid_minor
        for name, column in (("low", "value_low"), ("face", "value_face"), ("high", "value_high")):
            exact = Decimal(sum(getattr(entry, f"{column}_micro") for entry in entries)).scaleb(-6)
            assert getattr(worth, name) == exact
        units = sum(earned.units for total in found if total.currency == currency for earned in total.earned)
        assert units == Decimal(sum(entry.units_micro for entry in entries)).scaleb(-6)
    assert set(overall(found)) == {"USD", "JPY"}


def test_totals_by_card_and_category_name_them_the_best_first() -> None:
    card = a_book()
    dollars = totals(by="method", cardholder=card.cardholder.user.username)

    assert [total.value.face for total in dollars] == sorted((each.value.face for each in dollars), reverse=True)
    assert {total.currency for total in dollars} == {"USD"}
    assert all("••••" in total.label for total in dollars)
    assert {total.label[:4] for total in totals(by="category")} == {"5812", "5411", "7230"}


def test_cards_come_page_by_page_as_they_do_all_at_once() -> None:
    a_book()
    whole = totals(by="method")

    pages = [best_cards(first=first, count=1) for first in range(len(whole) + 1)]
    assert [total for found, _more in pages for total in found] == whole
    assert [more for _found, more in pages] == [True] * (len(whole) - 1) + [False, False]
    assert overall_of() == overall(whole)
    assert overall_of(cardholder="nobody") == {}


def test_totals_of_nobody_or_of_another_year_are_empty() -> None:
    a_book()
    assert totals(by="month", cardholder="nobody") == []
    assert totals(by="month", until=dt.date(2000, 1, 1)) == []


def test_totals_are_one_statement(django_assert_num_queries: Any) -> None:
    a_book()
    with django_assert_num_queries(1):
        totals(by="method")


def command_output(**options: Any) -> str:
    out = io.StringIO()
    call_command("rewards", stdout=out, stderr=io.StringIO(), **options)
    return out.getvalue()


def test_the_command_prints_the_walkthrough_as_table_json_and_csv() -> None:
    rewards_book.book_charge(bought().pk)

    assert "+0.90 USD (+200 %) over 0.45 at 1x" in command_output()
    (told,) = json.loads(command_output(format="json", by="category"))
    assert (told["low"], told["face"], told["high"]) == ("0.675", "1.35", "2.025")
    assert (told["baseline"], told["benefit"], told["benefit_percent"], told["spent"]) == (
        "0.45",
        "0.9",
        "200.0",
        "45.00",
    )
    assert told["earned"][0]["units"] == "135"
    (line,) = csv.DictReader(io.StringIO(command_output(format="csv", by="method")))
    assert (line["benefit"], line["percent"], line["currency"]) == ("0.9", "200.0", "USD")


def test_the_command_of_an_empty_book_says_so() -> None:
    assert "Nothing is booked here" in command_output()
    assert json.loads(command_output(format="json")) == []


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"cardholder": "nobody"}, "No wallet belongs to a login 'nobody'"),
        ({"since": "November"}, "write it like 2026-11"),
        ({"since": "2999-01"}, "lies in the future"),
    ],
)
def test_wrong_arguments_are_sentences_and_book_nothing(options: dict[str, str], sentence: str) -> None:
    bought()
    with pytest.raises(CommandError, match=sentence) as raised:
        command_output(rebuild_missing=True, **options)
    assert raised.value.returncode == 2
    assert not RewardEntry.objects.exists()


def test_the_page_shows_the_sums_and_keeps_what_was_chosen() -> None:
    card = walkthrough_card()
    rewards_book.book_charge(bought(card).pk)
    login = card.cardholder.user.username

    shown = text_of(logged_in().get(reverse(TOTALS), {"by": "category", "cardholder": login}))

    assert "135 points" in shown
    assert "+0.90 USD" in shown
    assert "+200 %" in shown
    assert f"by=method&amp;cardholder={login}" in shown or f"cardholder={login}&amp;by=method" in shown


@pytest.mark.parametrize(
    ("kind", "words"),
    [("cash", "0.90 USD cash back"), ("points", "90 points"), ("miles", "90 miles"), ("default", "90 points")],
)
def test_cash_is_shown_as_money_and_anything_else_in_units(kind: str, words: str) -> None:
    rewards_book.book_charge(bought(one_card_wallet(kind, 2)).pk)
    assert words in command_output()
    assert words in text_of(logged_in().get(reverse(TOTALS)))
    assert words in text_of(logged_in().get(reverse("admin:issuing_rewardentry_changelist")))


@pytest.mark.parametrize("month", ["2000-01", "9999-12"])
def test_the_page_of_a_month_without_entries_says_how_they_come(month: str) -> None:
    rewards_book.book_charge(bought().pk)
    shown = text_of(logged_in().get(reverse(TOTALS), {"month": month}))
    assert "Nothing is booked here" in shown
    assert "135 points" not in shown


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"month": "2026-13"}, "Write the month like 2026-11."),
        ({"month": "0000-01"}, "Write the month like 2026-11."),
        ({"cardholder": "<b>"}, "No wallet belongs to a login"),
        ({"by": "colour"}, "Select a valid choice"),
    ],
)
def test_a_wrong_choice_is_a_sentence_and_shows_no_sums(asked: dict[str, str], sentence: str) -> None:
    rewards_book.book_charge(bought().pk)
    answer = logged_in().get(reverse(TOTALS), asked)
    assert answer.status_code == 200
    assert sentence in text_of(answer)
    assert "135 points" not in text_of(answer)
    assert "<b>" not in text_of(answer).split("oc-stack")[1].split("</main>")[0]


def test_a_wrong_login_keeps_how_it_was_summed_up() -> None:
    answer = logged_in().get(reverse(TOTALS), {"by": "method", "cardholder": "nobody"})
    assert [name for name, _page, is_current in answer.context["tabs"] if is_current] == ["By card"]


def test_who_may_view_entries_sees_the_page_and_others_do_not() -> None:
    clerk, stranger = UserFactory(is_staff=True), UserFactory(is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_rewardentry"))

    assert logged_in(clerk).get(reverse(TOTALS)).status_code == 200
    assert reverse(TOTALS) in text_of(logged_in(clerk).get("/admin/"))
    assert logged_in(stranger).get(reverse(TOTALS)).status_code == 403
    assert reverse(TOTALS) not in text_of(logged_in(stranger).get("/admin/"))
    assert Client().get(reverse(TOTALS)).status_code == 302
    assert logged_in().post(reverse(TOTALS)).status_code == 403


def test_the_page_by_card_has_a_page_for_more_and_keeps_what_was_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    a_book()
    monkeypatch.setattr(rewards_page, "CARDS_ON_A_PAGE", 1)
    browser = logged_in()
    first = browser.get(reverse("admin:issuing_rewardentry_totals"), {"by": "method"}).context
    second = browser.get(reverse("admin:issuing_rewardentry_totals") + first["later"]).context

    assert (len(first["lines"]), first["earlier"], first["later"]) == (1, "", "?by=method&page=2")
    assert second["lines"][0].label != first["lines"][0].label
    assert second["earlier"] == "?by=method&page=1"
    assert second["tiles"] == first["tiles"]
    for page in ("0", "x", "99999999"):
        refused = browser.get(reverse("admin:issuing_rewardentry_totals"), {"by": "method", "page": page}).context
        assert (refused["lines"], bool(refused["problems"])) == ([], True)
