"""Signing up and setting a new password on pages, by the API's own steps."""

import re
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.test import Client

from audit.models import Entry
from onecard.users.models import User
from tests.onecard.api.auth.people import EMAIL, NEW, PASSWORD, arrived, joined, later, mailed_code

# What allauth mails, it mails after its commit.
pytestmark = pytest.mark.django_db(transaction=True)


def sign_up(browser: Client, **typed: str) -> Any:
    return browser.post("/sign-up", {"email": EMAIL, "password": PASSWORD} | typed)


def shown(answer: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def test_a_person_signs_up_and_proves_the_address() -> None:
    browser = Client()

    assert sign_up(browser)["Location"] == "/login/email"
    assert browser.get("/purchases").status_code == 302
    wrong = browser.post("/login/email", {"key": "BBBB-BBBB"})
    done = browser.post("/login/email", {"key": mailed_code()}, follow=True)

    assert wrong.status_code == 400
    assert done.redirect_chain[-1][0] == "/start"
    assert "These steps lead to your card" in shown(done)
    assert Entry.objects.filter(action="person.signed_up").exists()
    assert EmailAddress.objects.get().verified


def test_an_address_with_a_login_looks_as_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    joined()
    at_once = sign_up(Client())
    later(monkeypatch, 11)

    answers = [at_once, sign_up(Client()), sign_up(Client(), email="grace@example.com")]

    assert {each["Location"] for each in answers} == {"/login/email"}
    assert User.objects.count() == 2
    assert "You have a One Card login already" in [each.subject for each in arrived()]


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"email": "nonsense"}, "valid email"),
        ({"password": "short"}, "at least 12 characters"),
        ({"password": "ada@example.com"}, "too similar"),
        ({"email": ""}, "This field is required."),
    ],
)
def test_what_is_wrong_stands_beside_its_field(typed: dict[str, str], sentence: str) -> None:
    answer = sign_up(Client(), **typed)

    assert answer.status_code in (200, 400)
    assert sentence in shown(answer)
    assert not User.objects.exists()


def test_another_code_is_mailed_but_not_at_once() -> None:
    browser = Client()
    sign_up(browser)

    answer = browser.post("/login/email/again", follow=True)

    assert "A code was mailed a moment ago" in shown(answer)
    assert "No more codes can be mailed" in shown(Client().post("/login/email/again", follow=True))
    assert browser.get("/login/email/again")["Location"] == "/login/email"


def test_a_forgotten_password_is_set_anew_and_ends_sessions() -> None:
    app, browser = joined(), Client()

    assert browser.post("/password/forgotten", {"email": EMAIL})["Location"] == "/password/new"
    code = mailed_code()
    wrong = browser.post("/password/new", {"key": "BBBB-BBBB", "password": NEW})
    weak = browser.post("/password/new", {"key": code, "password": "short"})
    done = browser.post("/password/new", {"key": code, "password": NEW}, follow=True)

    assert (wrong.status_code, weak.status_code) == (400, 400)
    assert "Your new password is set. Log in with it." in shown(done)
    assert not app.is_in()
    assert browser.post("/login", {"email": EMAIL, "password": PASSWORD}).status_code == 400
    assert browser.post("/login", {"email": EMAIL, "password": NEW})["Location"] == "/"


def test_a_reset_looks_the_same_for_an_unknown_address() -> None:
    joined()

    answers = [Client().post("/password/forgotten", {"email": each}) for each in (EMAIL, "nobody@example.com")]

    assert {(each.status_code, each["Location"]) for each in answers} == {(302, "/password/new")}


def test_a_new_password_without_a_code_begins_again() -> None:
    assert Client().post("/password/new", {"key": "BBBB-BBBB", "password": NEW})["Location"] == "/password/forgotten"


def test_the_same_limits_count_as_in_the_api() -> None:
    answers = [sign_up(Client(), email=f"ada{place}@example.com") for place in range(11)]

    assert [each.status_code for each in answers[:10]] == [302] * 10
    assert answers[10].status_code == 429
    assert int(answers[10]["Retry-After"]) > 0


@pytest.mark.parametrize("page", ["/sign-up", "/password/forgotten", "/password/new", "/login/passkey", "/login/email"])
def test_forms_need_their_token(page: str) -> None:
    assert Client(enforce_csrf_checks=True).post(page, {"email": EMAIL}).status_code == 403


@pytest.mark.parametrize("page", ["/sign-up", "/password/forgotten", "/password/new", "/login/passkey", "/login/code"])
def test_who_is_logged_in_is_led_to_their_first_page(page: str) -> None:
    joined()
    browser = Client()
    browser.post("/login", {"email": EMAIL, "password": PASSWORD})

    assert browser.get(page)["Location"] == "/"
