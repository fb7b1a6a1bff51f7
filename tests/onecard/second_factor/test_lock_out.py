"""Guessing ends before a password is hashed: logins are counted by account and by address."""

import logging
import time
from hashlib import sha256
from typing import Any

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.core.cache import cache
from django.test import Client

from audit.models import Entry
from tests.onecard.second_factor.logging_in import CODE, LOGIN, clerk, first_step, is_in, trail
from tests.support.authenticators import Authenticator
from tests.support.back_office import text_of
from tests.support.relays import redis_relay
from tests.support.threads import at_once

pytestmark = pytest.mark.django_db


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


@pytest.mark.only_in_proofs
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("costly_hashes")
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
