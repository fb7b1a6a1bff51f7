"""A person sees where they are logged in, ends sessions, hears of new devices, and pages send a CSRF token."""

import datetime as dt
from typing import Any

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from audit.models import Entry
from onecard.api.auth import devices
from onecard.demo.world import seed_demo_world
from onecard.users.models import User
from tests.onecard.api.auth.people import EMAIL, PASSWORD, App, Browser, arrived, joined
from tests.onecard.second_factor.logging_in import clerk, log_in
from tests.support.authenticators import Authenticator
from tests.support.back_office import logged_in

pytestmark = pytest.mark.django_db


def sessions(app: App) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = app.get("auth/sessions").json()["data"]
    return found


@pytest.mark.django_db(transaction=True)
def test_sessions_are_listed_and_one_is_ended() -> None:
    app, tablet = joined(), App(**{"User-Agent": "Tablet/1"})
    tablet.log_in()

    found = sessions(app)
    assert sorted((each["user_agent"], each["is_current"]) for each in found) == [("", True), ("Tablet/1", False)]
    assert {each["ip"] for each in found} == {"127.0.0.1"}
    other = next(each["id"] for each in found if not each["is_current"])
    assert app.delete("auth/sessions", sessions=[other]).status_code == 200

    assert app.is_in()
    assert tablet.api().status_code == 401
    assert len(sessions(app)) == 1
    assert Entry.objects.order_by("pk").last().details == {"which": "1"}


def test_expired_sessions_are_forgotten_and_no_others() -> None:
    app, tablet = joined(), App()
    tablet.log_in()
    Session.objects.filter(pk=tablet.token).update(expire_date=timezone.now() - dt.timedelta(seconds=1))

    assert devices.forget_expired() == 1

    assert app.is_in()
    assert list(UserSession.objects.values_list("session_key", flat=True)) == [app.token]
    app.delete("auth/session")
    assert not UserSession.objects.exists()


def test_all_sessions_are_ended_at_once() -> None:
    app, tablet = joined(), App()
    tablet.log_in()

    assert app.delete("auth/sessions", all=True).status_code == 401

    assert (app.api().status_code, tablet.api().status_code) == (401, 401)
    assert App().log_in().status_code == 200
    assert "person.sessions_ended" in Entry.objects.values_list("action", flat=True)


@pytest.mark.some_in_suite(3)
@pytest.mark.parametrize("chosen", [[], None, "x", [0], ["x"], [10**30], [{}], [None]])
def test_a_session_that_is_not_ones_own_is_not_ended(chosen: Any) -> None:
    app, eve = joined(), joined("eve@example.com")
    foreign = UserSession.objects.get(user__email="eve@example.com").pk

    assert app.delete("auth/sessions", sessions=[foreign]).status_code == 400
    answer = app.delete("auth/sessions", sessions=chosen)

    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["sessions"])
    assert eve.is_in()


def test_a_login_from_a_new_device_is_mailed() -> None:
    joined()

    App().log_in()
    assert arrived() == []
    App(**{"User-Agent": "Tablet/1"}).log_in()
    sent = arrived()

    assert [each.to for each in sent] == [[EMAIL]]
    assert "was not used before" in sent[0].body
    assert "Address: 127.0.0.1. Device: Tablet/1." in sent[0].body
    App(**{"User-Agent": "Tablet/1"}).log_in()
    assert arrived() == []


def test_a_page_has_a_cookie_and_sends_the_csrf_token() -> None:
    browser = Browser()
    refused = browser.client.post(
        "/api/v1/auth/browser/v1/auth/login", {"email": EMAIL, "password": PASSWORD}, content_type="application/json"
    )
    assert (refused.status_code, refused.json()["code"]) == (403, "csrf_failed")

    assert browser.get("auth/session").status_code == 401
    joined(app=browser)

    assert browser.token == ""
    assert browser.is_in()
    without = browser.client.post("/api/v1/routing/preview", {}, content_type="application/json")
    assert without.status_code == 403
    token = browser.client.cookies["csrftoken"].value
    with_it = browser.client.post(
        "/api/v1/routing/preview", {}, content_type="application/json", headers={"X-CSRFToken": token}
    )
    assert with_it.status_code != 403
    assert browser.delete("auth/session").status_code == 401
    assert not browser.is_in()


def test_a_session_lasts_thirty_days_and_staffs_only_a_working_day() -> None:
    app = joined()
    row = Session.objects.get(pk=app.token)
    assert 29.9 < (row.expire_date - timezone.now()).total_seconds() / 86_400 <= 30
    staff = logged_in()
    assert (Session.objects.get(pk=staff.session.session_key).expire_date - timezone.now()).total_seconds() <= 12 * 3600


def test_logins_of_staff_are_on_no_list_of_sessions() -> None:
    user, page = clerk(is_superuser=True), Client()
    log_in(page, user, Authenticator.of(user))

    assert page.get("/admin/").status_code == 200
    assert not UserSession.objects.exists()


def test_the_demo_person_logs_in(settings: Any) -> None:
    settings.DEBUG = True
    seed_demo_world()
    app = App()

    assert app.log_in("demo@example.com", "demo").status_code == 200

    assert app.api().status_code == 200
    assert User.objects.get(username="demo").email == "demo@example.com"
