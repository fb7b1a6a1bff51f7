"""Staff log in with a password and a second factor, and the trail records each login."""

from typing import Any

import pytest
from allauth.mfa.models import Authenticator as Row
from django.test import Client
from django.urls import reverse

from audit.models import Entry
from onecard.kit.crypto import SealError
from onecard.second_factor import seeds
from tests.onecard.second_factor.logging_in import CODE, clerk, first_step, is_in, trail
from tests.support.authenticators import Authenticator
from tests.support.back_office import logged_in, text_of

pytestmark = pytest.mark.django_db


def test_login_asks_for_a_password_and_then_a_code() -> None:
    user, client = clerk(is_superuser=True), Client()
    phone = Authenticator.of(user)

    door = client.get("/admin/", follow=True)
    assert "Log in to the back office" in text_of(door)
    assert first_step(client, user).url == CODE
    assert not is_in(client)
    done = client.post(CODE, {"code": phone.code()}, follow=True)

    assert "Overview" in text_of(done)
    assert trail() == [("staff.logged_in", "")]
    entry = Entry.objects.get()
    assert (entry.actor, entry.subject_id, entry.details) == (f"user:{user.pk}", str(user.pk), {"address": "127.0.0.1"})


def test_a_wrong_code_lets_nobody_in_and_is_in_the_trail() -> None:
    user, client = clerk(), Client()
    phone = Authenticator.of(user)
    first_step(client, user)

    client.post(CODE, {"code": phone.wrong_code()})

    assert not is_in(client)
    assert trail() == [("staff.login_failed", "code")]


def test_a_code_that_logged_in_once_does_not_do_so_again() -> None:
    user = clerk()
    code = Authenticator.of(user).code()
    for client, expected in ((Client(), True), (Client(), False)):
        first_step(client, user)
        client.post(CODE, {"code": code})
        assert is_in(client) is expected


def test_a_recovery_code_lets_its_owner_in_once() -> None:
    from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes

    user = clerk()
    Authenticator.of(user)
    with seeds.seeds_of(user):
        code = RecoveryCodes.activate(user).generate_codes()[0]
    for client, expected in ((Client(), True), (Client(), False)):
        first_step(client, user)
        client.post(CODE, {"code": code})
        assert is_in(client) is expected


@pytest.mark.parametrize(
    ("more", "enrolled", "why", "words"),
    [
        ({"is_staff": False}, True, "not_staff", "are not correct"),
        ({"is_active": False}, True, "inactive", "are not correct"),
        ({}, False, "no_second_factor", "Ask an administrator for an invitation"),
    ],
)
def test_a_right_password_alone_is_no_login(more: dict[str, bool], enrolled: bool, why: str, words: str) -> None:
    user, client = clerk(**more), Client()
    if enrolled:
        Authenticator.of(user)

    answer = first_step(client, user)

    assert answer.status_code == 200
    assert words in text_of(answer)
    assert not is_in(client)
    assert trail() == [("staff.login_failed", why)]


def test_a_session_without_a_second_factor_opens_nothing() -> None:
    """However it came about: the middleware ends it before any view."""
    user = clerk(is_superuser=True)
    Authenticator.of(user)
    client = Client()
    for path in ("/admin/", "/admin/users/user/", reverse("second-factor"), reverse("mfa_index"), "/admin/password/"):
        client.force_login(user)
        assert client.get(path).status_code == 302, path
        assert "_auth_user_id" not in client.session
    client.force_login(user)
    answer = client.post("/api/v1/cards/7b0d6f5e-0000-4000-8000-000000000000/reveal-token", "{}", "application/json")
    assert answer.status_code == 401


def test_with_debug_the_demo_superuser_may_have_no_second_factor(settings: Any) -> None:
    settings.DEBUG = True
    user, client = clerk(is_superuser=True), Client()

    first_step(client, user)
    assert is_in(client)
    assert client.get(reverse("second-factor")).status_code == 200
    phone = Authenticator.of(user)
    assert not is_in(client)
    first_step(client, user)
    assert not is_in(client)
    client.post(CODE, {"code": phone.code()})
    assert is_in(client)


@pytest.mark.parametrize("button", ["/admin/logout/", "/admin/sign-out/"])
def test_a_logout_is_in_the_trail(button: str) -> None:
    client = logged_in(clerk())

    assert client.post(button).status_code == 302

    assert not is_in(client)
    assert trail() == [("staff.logged_out", "")]


def test_seeds_are_sealed_and_open_for_their_owner_only() -> None:
    user, thief = clerk(), clerk()
    phone = Authenticator.of(user)
    stored = Row.objects.get(user=user)
    assert phone.key not in str(stored.data)

    Row.objects.create(user=thief, type="totp", data=stored.data)

    with seeds.seeds_of(thief), pytest.raises(SealError):
        seeds.open_seed(stored.data["secret"])
    with pytest.raises(SealError, match="known person"):
        seeds.open_seed(stored.data["secret"])
