"""Staff log in with a password and a second factor; guessing ends before a password is hashed; all is in the trail."""

import logging
import time
from hashlib import sha256
from typing import Any

import pytest
from allauth.mfa.models import Authenticator as Row
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from audit.models import Entry
from onecard.kit.crypto import SealError
from onecard.second_factor import seeds
from onecard.users.models import User
from tests.authenticators import Authenticator
from tests.back_office import logged_in, text_of
from tests.factories import UserFactory
from tests.relays import redis_relay
from tests.threads import at_once

PASSWORD = "a long pass phrase"
LOGIN, CODE = "/admin/sign-in/", "/admin/sign-in/code/"
pytestmark = pytest.mark.django_db


def clerk(**more: Any) -> User:
    user = UserFactory(**({"is_staff": True} | more))
    user.set_password(PASSWORD)
    user.save()
    return user


def first_step(client: Client, user: User, password: str = PASSWORD, **more: Any) -> Any:
    return client.post(LOGIN, {"login": user.username, "password": password}, **more)


def log_in(client: Client, user: User, phone: Authenticator) -> Any:
    first_step(client, user)
    return client.post(CODE, {"code": phone.fresh_code()})


def is_in(client: Client) -> bool:
    return client.get(reverse("admin:index")).status_code == 200


def trail() -> list[tuple[str, str]]:
    return [(each.action, each.details.get("why", "")) for each in Entry.objects.order_by("pk")]


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
    assert answer.status_code == 403


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


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Each password that Argon2 was asked about."""
    asked: list[str] = []
    verify, encode = Argon2PasswordHasher.verify, Argon2PasswordHasher.encode
    monkeypatch.setattr(Argon2PasswordHasher, "verify", lambda self, *a: asked.append("v") or verify(self, *a))
    monkeypatch.setattr(Argon2PasswordHasher, "encode", lambda self, *a: asked.append("e") or encode(self, *a))
    return asked


def test_sixty_wrong_passwords_lock_the_account_from_every_address(hashed: list[str]) -> None:
    user = clerk()
    Authenticator.of(user)
    hashed.clear()

    for turn in range(60):
        first_step(Client(), user, "guess", REMOTE_ADDR=f"10.0.{turn}.1")
    answer = first_step(Client(), user, REMOTE_ADDR="10.9.9.9")

    assert "Too many failed login attempts" in text_of(answer)
    assert len(hashed) == 5, "the rest is turned away before anything is hashed"
    assert trail().count(("staff.login_failed", "password")) == 5
    assert ("staff.locked_out", "") in trail()


def test_an_account_is_locked_whatever_its_letters_and_the_host(hashed: list[str], settings: Any) -> None:
    settings.ALLOWED_HOSTS = [".example.com"]
    user = clerk(username="anna")
    hashed.clear()

    for turn, name in enumerate(["anna", "ANNA", "Anna", " anNa "] * 5):
        more: Any = {"REMOTE_ADDR": f"10.3.{turn}.1", "HTTP_HOST": f"c{turn % 3}.example.com:{8000 + turn}"}
        Client().post(LOGIN, {"login": name, "password": "guess"}, **more)

    assert len(hashed) == 5
    assert {entry.subject_id for entry in Entry.objects.all()} == {str(user.pk)}


@pytest.mark.parametrize(
    ("address", "counted"),
    [("10.4.{n}.1", 12), ("::ffff:10.4.{n}.1", 12), ("2001:db8:{n}::1", 12), ("2001:db8::{n}", 10)],
)
def test_an_address_is_counted_by_itself(address: str, counted: int, hashed: list[str]) -> None:
    for n in range(1, 13):
        Client().post(LOGIN, {"login": f"nobody{n}", "password": "guess"}, REMOTE_ADDR=address.format(n=n))

    assert len(hashed) == counted


@pytest.mark.parametrize("said", ["", "203.0.113.7", "unknown, unknown", "x,y", " , ", "é, 10.0.0.1"])
def test_an_odd_forwarded_address_counts_as_who_connects(said: str, settings: Any) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 2

    answer = Client().post(LOGIN, {"login": "x", "password": "guess"}, HTTP_X_FORWARDED_FOR=said, REMOTE_ADDR="9.9.9.9")

    assert answer.status_code == 200
    assert Entry.objects.get().details["address"] == "9.9.9.9"


@pytest.mark.parametrize("button", ["/admin/logout/", "/admin/sign-out/"])
def test_a_logout_is_in_the_trail(button: str) -> None:
    client = logged_in(clerk())

    assert client.post(button).status_code == 302

    assert not is_in(client)
    assert trail() == [("staff.logged_out", "")]


def test_one_address_is_locked_whatever_names_it_tries(hashed: list[str]) -> None:
    user = clerk()
    Authenticator.of(user)
    hashed.clear()

    for turn in range(30):
        Client().post(LOGIN, {"login": f"nobody{turn}", "password": "guess"}, REMOTE_ADDR="10.1.1.1")
    turned_away = first_step(Client(), user, REMOTE_ADDR="10.1.1.1")

    assert "Too many failed" in text_of(turned_away) or turned_away.status_code == 429
    assert len(hashed) == 10
    assert first_step(Client(), user, REMOTE_ADDR="10.1.1.2").url == CODE, "others come in"


@pytest.mark.django_db(transaction=True)
def test_wrong_logins_at_once_are_not_hashed_beyond_the_limit(hashed: list[str]) -> None:
    user = clerk()
    hashed.clear()

    at_once([lambda: first_step(Client(), user, "guess")] * 24)

    assert len(hashed) <= 5


def test_wrong_codes_lock_the_second_step() -> None:
    user, client = clerk(), Client()
    phone = Authenticator.of(user)
    first_step(client, user)
    for _ in range(5):
        client.post(CODE, {"code": phone.wrong_code()})

    client.post(CODE, {"code": phone.code()})

    assert not is_in(client)


def test_while_redis_is_away_the_database_counts(settings: Any, hashed: list[str]) -> None:
    user = clerk()
    Authenticator.of(user)
    hashed.clear()
    settings.CACHES = {
        **settings.CACHES,
        "default": {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:9/0"},
    }

    for turn in range(12):
        first_step(Client(), user, "guess", REMOTE_ADDR=f"10.2.{turn}.1")

    assert len(hashed) == 5
    assert trail().count(("staff.login_failed", "password")) == 5


def test_a_silent_redis_costs_a_login_one_wait(settings: Any) -> None:
    user = clerk()
    with redis_relay(settings.REDIS_URL) as relay:
        location = relay.redis_url(settings.REDIS_URL)
        settings.CACHES = {**settings.CACHES, "default": {**settings.CACHES["default"], "LOCATION": location}}
        cache.get("anything")
        with relay.silent():
            started = time.monotonic()
            answer = first_step(Client(), user, "guess")
            elapsed_s = time.monotonic() - started

    assert answer.status_code == 200
    assert elapsed_s < 3.5


def test_what_is_typed_as_a_name_is_kept_as_a_hash_only(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    Client().post(LOGIN, {"login": "4242 4242 4242 4242", "password": "guess-a-word"})

    entry = Entry.objects.get()
    assert (entry.action, entry.subject_type) == ("staff.login_failed", "contenttype")
    assert set(entry.details) == {"name_hash", "address", "why"}
    assert "4242" not in str(entry.details) + caplog.text
    # A hash without a key would tell the number to whoever tries them all.
    assert entry.details["name_hash"] not in sha256(b"4242 4242 4242 4242").hexdigest()
    assert "guess-a-word" not in caplog.text


@pytest.mark.parametrize("name", ["\x00", "\ud800", "x" * 5000, "😀", "' OR 1=1"])
def test_odd_names_are_no_fault_of_ours(name: str) -> None:
    answer = Client().post(LOGIN, {"login": name.encode("utf-8", "surrogatepass"), "password": "guess"})

    assert answer.status_code in (200, 400)


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
