"""A person protects their login on pages: second factor, passkeys, password, sessions."""

import html
import json
import re
from typing import Any

import pytest
from allauth.mfa.models import Authenticator as Row
from allauth.usersessions.models import UserSession
from django.test import Client

from audit.models import Entry
from tests.onecard.api.auth.people import EMAIL, NEW, PASSWORD, joined
from tests.support.authenticators import Authenticator
from tests.support.passkeys import Passkey

# What allauth mails, it mails after its commit.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def browser() -> Client:
    """The browser of a person who has joined and logged in; its address is one for which passkeys work."""
    joined()
    found = Client(headers={"User-Agent": "Firefox on a laptop"})
    found.defaults["wsgi.url_scheme"] = "https"
    log_in(found)
    return found


def log_in(browser: Client) -> Any:
    return browser.post("/login", {"email": EMAIL, "password": PASSWORD})


def confirm(browser: Client, page: str, **typed: str) -> Any:
    """Shows once more who it is, on the page to which this one leads, and returns what comes then."""
    asked = browser.get(page)
    assert asked["Location"] == f"/login/again?next={page.replace('/', '%2F')}"
    return browser.post("/login/again", {"next": page, **(typed or {"password": PASSWORD})})


def shown(answer: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def options(answer: Any) -> dict[str, Any]:
    found = re.search(r'data-options="([^"]+)"', answer.content.decode())
    assert found
    asked: dict[str, Any] = json.loads(html.unescape(found[1]))
    return asked


def with_app(browser: Client) -> Authenticator:
    assert confirm(browser, "/security/app")["Location"] == "/security/app"
    key = re.search(r"<code>([A-Z2-7 ]+)</code>", browser.get("/security/app").content.decode())
    assert key
    phone = Authenticator.typed_from(key[1])
    assert browser.post("/security/app", {"code": phone.fresh_code()})["Location"] == "/security/recovery-codes"
    return phone


def with_passkey(browser: Client) -> Passkey:
    confirm(browser, "/security/passkeys/add")
    key = Passkey()
    answer = key.register(options(browser.get("/security/passkeys/add")))
    added = browser.post("/security/passkeys/add", {"name": "My phone", "credential": json.dumps(answer)})
    assert added["Location"] == "/security/recovery-codes"
    return key


def test_an_app_is_set_up_and_asked_for_at_the_next_login(browser: Client) -> None:
    phone = with_app(browser)
    codes = re.findall(r"<code>(\w+)</code>", browser.get("/security/recovery-codes").content.decode())
    again = browser.get("/security/recovery-codes")
    other = Client()

    assert len(codes) == 10
    assert "cannot be shown again" in shown(again)
    assert log_in(other)["Location"] == "/login/code"
    assert "Use a passkey instead" not in shown(other.get("/login/code"))
    assert other.post("/login/code", {"code": phone.wrong_code()}).status_code == 400
    assert other.post("/login/code", {"code": codes[0]})["Location"] == "/"
    assert "9 of 10 are left" in shown(other.get("/security"))


def test_a_wrong_first_code_shows_the_same_key_again(browser: Client) -> None:
    confirm(browser, "/security/app")
    key = re.search(r"<code>([A-Z2-7 ]+)</code>", browser.get("/security/app").content.decode())

    answer = browser.post("/security/app", {"code": "000000"})

    assert key
    assert answer.status_code == 400
    assert key[1] in answer.content.decode()
    assert not Row.objects.exists()


def test_the_app_is_removed_only_with_its_own_code(browser: Client) -> None:
    phone = with_app(browser)
    other = Client()
    log_in(other)
    other.post("/login/code", {"code": phone.fresh_code()})

    by_password = confirm(other, "/security/app/remove", password=PASSWORD)
    assert by_password.status_code == 200
    assert Row.objects.filter(type="totp").exists()
    assert confirm(other, "/security/app/remove", code=phone.fresh_code())["Location"] == "/security/app/remove"
    assert "whoever knows your password can log in" in shown(other.get("/security/app/remove"))
    assert "is removed" in shown(other.post("/security/app/remove", follow=True))
    assert not Row.objects.filter(type="totp").exists()


def test_recovery_codes_need_a_second_factor(browser: Client) -> None:
    confirm(browser, "/security/recovery-codes")

    assert browser.get("/security/recovery-codes")["Location"] == "/security"
    assert browser.post("/security/recovery-codes")["Location"] == "/security"


def test_a_passkey_logs_in_alone_and_as_the_second_step(browser: Client) -> None:
    key = with_passkey(browser)
    alone, second = Client(), Client()
    for each in (alone, second):
        each.defaults["wsgi.url_scheme"] = "https"

    signed = json.dumps(key.sign(options(alone.get("/login/passkey"))))
    assert alone.post("/login/passkey", {"credential": signed})["Location"] == "/"
    assert "My phone" in shown(alone.get("/security"))

    assert log_in(second)["Location"] == "/login/code"
    assert "Use a passkey instead" in shown(second.get("/login/code"))
    signed = json.dumps(key.sign(options(second.get("/login/code/passkey"))))
    assert second.post("/login/code/passkey", {"credential": signed})["Location"] == "/"


def test_a_passkey_shows_who_it_is_and_is_removed(browser: Client) -> None:
    key = with_passkey(browser)
    page = f"/security/passkeys/{Row.objects.get(type='webauthn').pk}/remove"
    other = Client()
    other.defaults["wsgi.url_scheme"] = "https"
    other.post("/login/passkey", {"credential": json.dumps(key.sign(options(other.get("/login/passkey"))))})

    assert other.get(page)["Location"].startswith("/login/again?next=")
    assert "Use a passkey instead" in shown(other.get(f"/login/again?next={page}"))
    signed = json.dumps(key.sign(options(other.get(f"/login/again/passkey?next={page}"))))
    assert other.post("/login/again/passkey", {"credential": signed, "next": page})["Location"] == page
    assert "The passkey is removed." in shown(other.post(page, follow=True))
    assert not Row.objects.filter(type="webauthn").exists()


@pytest.mark.parametrize("credential", ["", "0", "[]", "{}", "nonsense", '{"id": 1}'])
def test_what_is_no_passkey_is_refused(browser: Client, credential: str) -> None:
    confirm(browser, "/security/passkeys/add")
    browser.get("/security/passkeys/add")

    added = browser.post("/security/passkeys/add", {"name": "x", "credential": credential})
    entered = Client().post("/login/passkey", {"credential": credential})

    assert added["Location"] == "/security/passkeys/add"
    assert entered.status_code in (200, 302)
    assert not Row.objects.exists()


def test_only_pages_with_passkeys_run_a_script_of_ours(browser: Client) -> None:
    confirm(browser, "/security/passkeys/add")
    for page in ("/security/passkeys/add", "/login/again/passkey"):
        answer = browser.get(page)
        if answer.status_code == 200:
            assert "script-src 'self';" in answer["Content-Security-Policy"]
            assert re.findall(r"<script[^>]*>", answer.content.decode()) == [
                '<script src="/static/onecard/passkey.js" defer>'
            ]
    for page in ("/security", "/security/app", "/login/again"):
        assert "script-src 'none'" in browser.get(page)["Content-Security-Policy"]
    assert "Passkeys need a browser that knows them" in shown(Client().get("/login/passkey"))


def test_a_changed_password_ends_every_session(browser: Client) -> None:
    wrong = browser.post("/security/password", {"current_password": "wrong", "new_password": NEW})
    done = browser.post("/security/password", {"current_password": PASSWORD, "new_password": NEW}, follow=True)

    assert wrong.status_code == 400
    assert "Log in with the new one" in shown(done)
    assert browser.get("/security")["Location"].startswith("/login")
    assert browser.post("/login", {"email": EMAIL, "password": NEW})["Location"] == "/"


def test_sessions_are_listed_and_ended_one_by_one(browser: Client) -> None:
    other = Client(headers={"User-Agent": "Safari on a phone"})
    log_in(other)

    page = browser.get("/security").content.decode()
    end = re.findall(r'href="(/security/sessions/\d+/end)"', page)
    assert ("This browser" in page, "Safari on a phone" in page, len(end)) == (True, True, 2)
    for each in end:
        assert "has to log in again" in shown(browser.get(each))
        browser.post(each)

    assert other.get("/security")["Location"].startswith("/login")
    assert browser.get("/security").status_code == 200
    assert Entry.objects.filter(action="person.sessions_ended").count() == 2


def test_everywhere_is_logged_out_at_once(browser: Client) -> None:
    other = Client()
    log_in(other)

    done = browser.post("/security/sessions/end", follow=True)

    assert "You are logged out everywhere." in shown(done)
    assert not UserSession.objects.exists()
    for each in (browser, other):
        assert each.get("/security")["Location"].startswith("/login")


def test_another_persons_session_is_not_ended(browser: Client) -> None:
    joined("grace@example.com")
    stranger = Client()
    stranger.post("/login", {"email": "grace@example.com", "password": PASSWORD})
    mine = UserSession.objects.filter(user__email=EMAIL).order_by("-pk").first()
    assert mine

    assert stranger.post(f"/security/sessions/{mine.pk}/end").status_code == 400
    assert browser.get("/security").status_code == 200


@pytest.mark.parametrize(
    "page", ["", "/password", "/app", "/app/remove", "/recovery-codes", "/passkeys/add", "/passkeys/1/remove"]
)
def test_nobody_sees_pages_of_a_login(page: str) -> None:
    assert Client().get(f"/security{page}")["Location"].startswith("/login")
    assert Client().post(f"/security{page}").status_code == 302 or page == ""
