"""Logging in and out in the browser, by the API's own steps."""

from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.usersessions.models import UserSession
from django.test import Client

from audit.models import Entry
from onecard.users.models import User
from tests.onecard.api.auth.people import EMAIL, PASSWORD, joined, mailed_code
from tests.onecard.api.auth.test_second_factors import protected
from tests.support.factories import CardholderFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def person() -> User:
    user: User = UserFactory(email=EMAIL)
    user.set_password(PASSWORD)
    user.save()
    EmailAddress.objects.create(user=user, email=EMAIL, verified=True, primary=True)
    CardholderFactory(user=user)
    return user


def send(client: Client, page: str = "/login", **typed: str) -> Any:
    return client.post(page, {"email": EMAIL, "password": PASSWORD} | typed)


def test_a_person_logs_in_and_out(person: User) -> None:
    browser = Client()

    answer = send(browser)

    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert browser.get("/").status_code == 200
    assert browser.get("/login")["Location"] == "/"
    assert UserSession.objects.filter(user=person).exists()
    assert browser.post("/logout")["Location"] == "/login"
    assert browser.get("/purchases").status_code == 302
    actions = list(Entry.objects.filter(actor=f"user:{person.pk}").values_list("action", flat=True))
    assert "person.logged_in" in actions


def test_the_page_that_was_wanted_comes_after_the_login(person: User) -> None:
    browser = Client()
    login = browser.get("/rewards?by=card")["Location"]
    assert 'value="/rewards?by=card"' in browser.get(login).content.decode()

    assert send(browser, next="/rewards?by=card")["Location"] == "/rewards?by=card"


@pytest.mark.parametrize("page", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_no_login_leads_elsewhere(person: User, page: str) -> None:
    assert send(Client(), next=page)["Location"] == "/"


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"password": "wrong"}, "password"),
        ({"email": "nobody@example.com"}, "password"),
        ({"email": "nonsense"}, "valid email"),
        ({"password": ""}, "This field is required."),
    ],
)
def test_a_wrong_login_is_said_beside_the_form(person: User, typed: dict[str, str], sentence: str) -> None:
    browser = Client()

    answer = send(browser, **typed)

    assert answer.status_code in (200, 400)
    assert sentence in answer.content.decode()
    assert PASSWORD not in answer.content.decode()
    assert browser.get("/purchases").status_code == 302


def test_staff_do_not_log_in_here() -> None:
    staff = UserFactory(email=EMAIL, is_staff=True)
    staff.set_password(PASSWORD)
    staff.save()
    browser = Client()

    assert send(browser).status_code == 400
    assert browser.get("/purchases")["Location"].startswith("/login")


def test_guesses_are_limited(person: User) -> None:
    for _ in range(5):
        send(Client(), password="wrong")

    answer = send(Client())

    assert answer.status_code == 429
    assert "Retry-After" in answer


@pytest.mark.django_db(transaction=True)
def test_a_second_factor_is_asked_for() -> None:
    _app, phone = protected()
    CardholderFactory(user=User.objects.get(email=EMAIL))
    browser = Client()

    assert send(browser, next="/rewards")["Location"] == "/login/code"
    assert browser.get("/purchases").status_code == 302
    wrong = browser.post("/login/code", {"code": "000000"})
    assert wrong.status_code == 400
    assert "error" in wrong.content.decode()
    assert browser.post("/login/code", {"code": phone.fresh_code()})["Location"] == "/rewards"
    assert browser.get("/purchases").status_code == 200


def test_an_address_that_is_not_proved_needs_the_mailed_code(person: User) -> None:
    EmailAddress.objects.update(verified=False)
    browser = Client()

    assert send(browser)["Location"] == "/login/email"
    assert browser.get("/login/email").status_code == 200
    assert browser.post("/login/email", {"key": "BBBB-BBBB"}).status_code == 400
    assert browser.post("/login/email", {"key": mailed_code()})["Location"] == "/"
    assert browser.get("/").status_code == 200


def test_a_code_without_a_login_begins_again() -> None:
    for page, typed in (("/login/code", {"code": "123456"}), ("/login/email", {"key": "BBBB-BBBB"})):
        assert Client().post(page, typed)["Location"] == "/login"


def test_the_login_needs_its_token(person: User) -> None:
    assert send(Client(enforce_csrf_checks=True)).status_code == 403


def test_a_person_who_joined_through_the_api_logs_in_here() -> None:
    joined()
    browser = Client()

    assert send(browser)["Location"] == "/"
    assert "Your profile is not complete" in browser.get("/", follow=True).content.decode()
