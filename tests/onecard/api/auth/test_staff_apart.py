"""Logins of people and of staff stay apart: neither opens what is the other's, whichever way it is tried."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from audit.models import Entry
from onecard.users.models import User
from tests.onecard.api.auth.people import EMAIL, NEW, PASSWORD, App, Browser, arrived, joined, mailed_code
from tests.support.authenticators import Authenticator
from tests.support.back_office import logged_in
from tests.support.factories import UserFactory
from tests.support.passkeys import Passkey

pytestmark = pytest.mark.django_db
BACK_OFFICE = [
    "/admin/",
    "/admin/users/user/",
    "/admin/second-factor/",
    "/admin/password/",
    "/admin/second-factor/passkeys/",
]
PEOPLES = ["account/authenticators", "account/authenticators/totp", "account/email", "auth/session", "auth/sessions"]


def clerk(**more: Any) -> User:
    user = UserFactory(**({"is_staff": True, "email": "clerk@example.com"} | more))
    user.set_password(PASSWORD)
    user.save()
    return user


def trail() -> list[tuple[str, str]]:
    return [(each.action, each.details.get("why", "")) for each in Entry.objects.order_by("pk")]


@pytest.mark.parametrize("more", [{}, {"is_staff": False, "is_superuser": True}])
def test_a_staff_password_opens_no_session_of_a_person(more: dict[str, bool]) -> None:
    user, app = clerk(**more), App()

    by_mail = app.log_in(user.email)
    by_name = app.post("auth/login", username=user.username, email=user.username, password=PASSWORD)

    assert (by_mail.status_code, by_mail.json()["code"]) == (400, "email_password_mismatch")
    assert by_name.status_code == 400
    assert not app.is_in()


def test_a_staff_password_is_not_reset_by_mail() -> None:
    user, app = clerk(), App()

    app.post("auth/password/request", email=user.email)

    assert [each.subject for each in arrived()] == ["There is no One Card login with this address"]
    app.post("auth/password/reset", key="BBBB-BBBB", password=NEW)
    assert User.objects.get().check_password(PASSWORD)


def test_one_who_became_staff_meanwhile_is_refused() -> None:
    app, other = joined(), App()
    other.post("auth/password/request", email=EMAIL)
    code = mailed_code()
    User.objects.update(is_staff=True)

    refused = other.post("auth/password/reset", key=code, password=NEW)

    assert (refused.status_code, refused.json()["code"]) == (403, "not_a_person")
    assert app.get("auth/session").status_code == 403
    assert User.objects.get().check_password(PASSWORD)


@pytest.mark.parametrize("address", PEOPLES)
@pytest.mark.parametrize("kind", [App, Browser])
def test_a_session_of_staff_is_refused_by_the_addresses_of_people(kind: type[App], address: str) -> None:
    staff = logged_in(clerk(is_superuser=True))
    app = kind()
    if kind is Browser:
        app.client.cookies = staff.cookies
    else:
        app.token = str(staff.session.session_key)

    answer = app.get(address)

    assert (answer.status_code, answer.json()["code"]) == (403, "not_a_person")
    assert app.api().status_code == 403
    assert staff.get("/admin/").status_code == 200


def test_a_half_login_of_staff_is_not_finished_in_the_api() -> None:
    user, browser = clerk(), Browser()
    phone = Authenticator.of(user)
    browser.get("auth/session")
    page = Client(enforce_csrf_checks=False)
    page.post("/admin/sign-in/", {"login": user.username, "password": PASSWORD})
    browser.client.cookies["sessionid"] = page.cookies["sessionid"].value

    answer = browser.post("auth/2fa/authenticate", code=phone.code())

    assert (answer.status_code, answer.json()["code"]) == (403, "not_a_person")
    assert browser.api().status_code == 401
    assert page.post("/admin/sign-in/code/", {"code": phone.code()}).url == reverse("admin:index")


def test_a_persons_half_login_is_not_finished_in_the_back_office() -> None:
    app = joined()
    user = User.objects.get()
    phone = Authenticator.of(user)
    browser = Browser()
    browser.get("auth/session")
    assert browser.log_in().status_code == 401
    page = Client()
    page.cookies["sessionid"] = browser.client.cookies["sessionid"].value

    answer = page.post("/admin/sign-in/code/", {"code": phone.code()})

    assert answer.status_code == 403
    assert page.get("/admin/").status_code == 302
    assert app.is_in()


@pytest.mark.parametrize("address", BACK_OFFICE)
def test_a_session_of_a_person_opens_no_page_of_the_back_office(address: str) -> None:
    browser = Browser()
    browser.get("auth/session")
    joined(app=browser)

    answer = browser.client.get(address, follow=True)

    assert answer.redirect_chain[0] == ("/admin/login/", 302)
    assert answer.status_code == 403
    assert browser.is_in()


def test_a_person_may_log_out_in_the_back_office() -> None:
    browser = Browser()
    browser.get("auth/session")
    joined(app=browser)

    browser.client.post("/admin/sign-out/", headers={"X-CSRFToken": browser.client.cookies["csrftoken"].value})

    assert not browser.is_in()
    assert trail()[-1] == ("person.logged_out", "")


def test_a_persons_password_opens_no_back_office() -> None:
    joined()
    user, page = User.objects.get(), Client()

    for name in (user.username, user.email):
        assert page.post("/admin/sign-in/", {"login": name, "password": PASSWORD}).status_code == 200

    assert page.get("/admin/").status_code == 302
    assert trail()[-2:] == [("staff.login_failed", "not_staff"), ("staff.login_failed", "password")]


@pytest.mark.parametrize("address", ["/admin/sign-up/", "/accounts/signup/", "/admin/password/reset/", "/admin/email/"])
def test_the_librarys_own_pages_for_joining_are_closed(address: str) -> None:
    assert Client().get(address).status_code in (302, 404)
    assert Client().post(address, {"email": EMAIL, "password1": PASSWORD}).status_code in (302, 404)
    assert not User.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_passkey_of_one_who_became_staff_opens_nothing() -> None:
    app, key = joined(), Passkey()
    app.post("auth/reauthenticate", password=PASSWORD)
    options = app.get("account/authenticators/webauthn?passwordless").json()["data"]["creation_options"]
    assert app.post("account/authenticators/webauthn", credential=key.register(options)).status_code == 200
    User.objects.update(is_staff=True)
    other = App()

    options = other.get("auth/webauthn/login").json()["data"]["request_options"]
    answer = other.post("auth/webauthn/login", credential=key.sign(options))

    assert (answer.status_code, answer.json()["code"]) == (400, "incorrect_code")
    assert other.api().status_code == 401


def test_one_mailbox_may_have_a_login_of_each_kind() -> None:
    clerk(email=EMAIL)

    app = joined(EMAIL)

    assert app.is_in()
    assert User.objects.filter(email=EMAIL).count() == 2
    assert App().log_in().status_code == 200
