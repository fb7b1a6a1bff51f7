"""The report through its doors: the person's page, the API, and the page of staff; empty, full and hostile."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from issuing.models import VirtualCard
from issuing.rewards.monthly import mail
from tests.issuing.rewards.monthly.months import next_month, this_month
from tests.issuing.rewards.purchases import bought
from tests.support.back_office import logged_in, superuser, text_of
from tests.support.factories import CardholderFactory, UserFactory
from tests.support.wallets import walkthrough_card

pytestmark = pytest.mark.django_db
STAFF = "admin:issuing_rewardentry_monthly"


@pytest.fixture
def card() -> VirtualCard:
    return walkthrough_card()


def month() -> str:
    return f"{this_month():%Y-%m}"


def words(answer: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def test_the_persons_page_has_sums_with_charts_and_tables_beside_them(card: VirtualCard) -> None:
    bought(card)
    client = logged_in(card.cardholder.user)
    answer = client.get(f"/rewards/month/{month()}")
    html, shown = answer.content.decode(), words(answer)

    assert "You earned 1.35 USD" in shown
    assert "This month is not over." in shown
    assert "Left on the table" in shown
    assert html.count('role="img"') == html.count("<desc") == 2
    for key in re.findall(r'aria-labelledby="([^"]+)"', html):
        assert all(html.count(f'id="{each}"') == 1 for each in key.split())
    assert "style=" not in html
    with next_month():
        mail.sweep()
        later = words(client.get("/rewards/month"))
    assert "What we told you on" in later
    assert "Refunds, late charges and corrected terms since then" in later
    notices = client.get("/notices").content.decode()
    assert f'href="/rewards/month/{month()}"' in notices


def test_a_month_without_purchases_says_what_to_do(card: VirtualCard) -> None:
    client = logged_in(card.cardholder.user)
    assert "No purchase of this month was paid by one of your cards." in words(client.get("/rewards/month"))
    assert client.get("/api/v1/rewards/monthly").json()["currencies"] == []


@pytest.mark.parametrize("text", ["2099-01", "2026-13", "x", "2026-10'"])
def test_what_is_no_month_is_refused_in_a_sentence(card: VirtualCard, text: str) -> None:
    client = logged_in(card.cardholder.user)
    assert client.get(f"/rewards/month/{text}").status_code == 404
    answer = client.get(f"/api/v1/rewards/monthly?month={text}")
    assert (answer.status_code, answer.json()["code"]) == (400, "month_unknown")


def test_the_api_has_the_same_numbers_as_the_page(card: VirtualCard) -> None:
    bought(card)
    client = logged_in(card.cardholder.user)
    seen = client.get(f"/api/v1/rewards/monthly?month={month()}").json()

    assert (seen["month"], seen["is_over"], seen["sent_at"]) == (month(), False, None)
    (found,) = seen["currencies"]
    assert found["earned"] == {"amount_minor": 135, "currency": "USD"}
    assert found["left"]["amount_minor"] == found["most"]["amount_minor"] - found["earned"]["amount_minor"]
    assert found["benefit"]["amount_minor"] == found["earned"]["amount_minor"] - found["baseline"]["amount_minor"]
    assert sum(each["paid"]["amount_minor"] for each in found["cards"]) == 4500


def test_a_person_sees_their_own_month_only(card: VirtualCard) -> None:
    bought(card)
    other = another_person()
    assert other.get(f"/api/v1/rewards/monthly?month={month()}").json()["currencies"] == []
    assert Client().get("/api/v1/rewards/monthly").status_code == 401


def another_person() -> Client:
    return logged_in(CardholderFactory().user)


def test_staff_read_it_by_login(card: VirtualCard) -> None:
    bought(card)
    client, page = logged_in(superuser()), reverse(STAFF)
    assert "Whose month?" in text_of(client.get(page))
    login = card.cardholder.user.get_username()
    shown = client.get(page, {"cardholder": login, "month": month()})
    assert "Baseline" in text_of(shown)
    assert "1.35 USD" in text_of(shown)
    assert shown.content.decode().count('role="img"') == 2
    assert "It is sent in the first days of the next month." in text_of(shown)
    with next_month():
        later = text_of(client.get(page, {"cardholder": login}))
    assert f"--month {month()} --cardholder {login} --send" in later
    assert 'rel="prev"' not in shown.content.decode(), "There is nothing before the month in which somebody joined."
    assert "No wallet belongs to a login" in text_of(client.get(page, {"cardholder": "nobody"}))
    assert "write it like 2026-10" in text_of(client.get(page, {"cardholder": login, "month": "soon"}))
    assert "No purchase of this month was paid" in text_of(client.get(page, {"cardholder": login}))


def test_staff_without_the_permission_see_no_report(card: VirtualCard) -> None:
    client = logged_in(UserFactory(is_staff=True))
    assert client.get(reverse(STAFF), {"cardholder": card.cardholder.user.get_username()}).status_code == 403
    assert logged_in(superuser()).post(reverse(STAFF)).status_code == 403
