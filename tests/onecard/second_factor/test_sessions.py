"""When a session ends, and what a session without a fresh code cannot change."""

import time
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from tests.onecard.second_factor.logging_in import CODE, PASSWORD, clerk, first_step, is_in, trail
from tests.support.authenticators import Authenticator
from tests.support.back_office import logged_in, text_of
from tests.support.factories import UserFactory

pytestmark = pytest.mark.django_db


def test_an_idle_session_ends(settings: Any) -> None:
    user = clerk()
    client = logged_in(user)
    assert is_in(client)
    session = client.session
    session["staff_seen_at"] = time.time() - settings.STAFF_IDLE_MIN * 60 - 1
    session["account_authentication_methods"][0]["at"] -= settings.STAFF_IDLE_MIN * 60 + 1
    session.save()

    assert not is_in(client)
    assert "_auth_user_id" not in client.session


def test_a_session_in_use_stays_and_one_of_yesterday_ends(settings: Any) -> None:
    client = logged_in(clerk())
    for hours, expected in ((2, True), (settings.STAFF_SESSION_H + 1, False)):
        session = client.session
        session["staff_seen_at"] = time.time() - 120
        session["account_authentication_methods"] = [{"method": "mfa", "at": time.time() - hours * 3600}]
        session.save()
        assert is_in(client) is expected


def test_a_page_that_polls_keeps_no_idle_session_alive() -> None:
    client = logged_in(clerk())
    session = client.session
    session["staff_seen_at"] = seen_at = time.time() - 120
    session.save()

    client.get(reverse("admin:index"), headers={"X-Polled": "1"})
    assert client.session["staff_seen_at"] == seen_at
    client.get(reverse("admin:index"))
    assert client.session["staff_seen_at"] > seen_at


def test_a_new_password_ends_every_session_and_is_in_the_trail() -> None:
    user = clerk()
    Authenticator.of(user)
    here, there = logged_in(user), logged_in(user)
    new = "yet another pass phrase"

    refused = here.post("/admin/password/", {"oldpassword": "guess", "password1": new, "password2": new})
    short = here.post(
        "/admin/password/", {"oldpassword": PASSWORD, "password1": "elevenchars", "password2": "elevenchars"}
    )
    assert is_in(there)
    here.post("/admin/password/", {"oldpassword": PASSWORD, "password1": new, "password2": new})

    assert refused.status_code == 200
    assert "at least 12 characters" in text_of(short)
    assert not is_in(here)
    assert not is_in(there)
    user.refresh_from_db()
    assert user.check_password(new)
    assert ("staff.password_changed", "") in trail()


def test_nobody_signs_up_resets_or_adds_an_address() -> None:
    for path in ("signup", "password/reset", "email", "login/code", "confirm-email", "social"):
        for base in ("/admin/", "/accounts/", "/admin/accounts/"):
            assert Client().get(f"{base}{path}/").status_code in (302, 404)
    assert cache is not None


def test_a_passkey_is_offered_and_added_only_with_a_fresh_code() -> None:
    user = clerk()
    phone = Authenticator.of(user)
    client = logged_in(user)

    asked = client.get(reverse("mfa_add_webauthn"))
    assert asked.url.startswith(reverse("mfa_reauthenticate"))
    client.post(asked.url, {"code": phone.fresh_code()})
    assert "webauthn" in text_of(client.get(reverse("mfa_add_webauthn")))

    other = Client()
    first_step(other, user)
    assert "mfa_webauthn_authenticate" in text_of(other.get(CODE))


def test_a_session_without_a_password_cannot_give_itself_one() -> None:
    user = UserFactory(is_staff=True)
    client = logged_in(user)

    answer = client.post("/admin/password/", {"password1": "a long pass phrase", "password2": "a long pass phrase"})

    assert client.get(answer.url).status_code == 403
    user.refresh_from_db()
    assert not user.has_usable_password()
    assert client.get(reverse("mfa_list_webauthn")).status_code == 200


def test_new_recovery_codes_are_shown_once_and_told() -> None:
    user = clerk()
    phone = Authenticator.of(user)
    client = logged_in(user)
    asked = client.get(reverse("mfa_generate_recovery_codes"))
    client.post(asked.url, {"code": phone.fresh_code()})

    shown = client.post(reverse("mfa_generate_recovery_codes"), follow=True)
    again = client.get(reverse("mfa_view_recovery_codes"))

    assert "Unused codes" in text_of(shown)
    assert "Unused codes" not in text_of(again)
