"""Nobody learns from an answer, or from how long it takes, whether an address has a login."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from onecard.api import throttles
from onecard.users.models import User
from tests.onecard.api.auth.people import EMAIL, PASSWORD, App, arrived, joined, later
from tests.support.factories import UserFactory

UNKNOWN = "nobody@example.com"
pytestmark = pytest.mark.django_db


def seen(answer: Any) -> tuple[Any, ...]:
    """What a caller sees, without what is random in it."""
    body = answer.json()
    for random in ("request_id", "meta"):
        body.pop(random, None)
    return answer.status_code, body, sorted(answer.headers)


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """How often a password was hashed, for whatever purpose."""
    found: list[str] = []
    verify, encode = Argon2PasswordHasher.verify, Argon2PasswordHasher.encode
    monkeypatch.setattr(Argon2PasswordHasher, "verify", lambda self, *a: found.append("v") or verify(self, *a))
    monkeypatch.setattr(Argon2PasswordHasher, "encode", lambda self, *a: found.append("e") or encode(self, *a))
    return found


@pytest.mark.parametrize(
    "ask",
    [
        lambda app, email: app.sign_up(email, "another pass phrase"),
        lambda app, email: app.log_in(email, "not the right one"),
        lambda app, email: app.post("auth/password/request", email=email),
    ],
    ids=["sign-up", "login", "reset"],
)
def test_known_and_unknown_addresses_look_the_same(
    ask: Callable[[App, str], Any], hashed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    joined()
    later(monkeypatch, 11)
    hashed.clear()

    known = seen(ask(App(), EMAIL))
    for_known = len(hashed)
    hashed.clear()
    unknown = seen(ask(App(), UNKNOWN))

    assert known == unknown
    assert for_known == len(hashed)


def test_a_sign_up_with_a_known_address_sends_a_mail_and_makes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    joined()
    later(monkeypatch, 11)
    app = App()

    app.sign_up("ADA@EXAMPLE.COM", "another pass phrase")
    sent = arrived()

    assert [each.subject for each in sent] == ["You have a One Card login already"]
    assert User.objects.count() == 1
    assert App().log_in(password="another pass phrase").status_code == 400
    assert App().log_in().status_code == 200


@pytest.mark.parametrize("email", [EMAIL, UNKNOWN])
def test_wrong_codes_end_alike_for_every_address(email: str, monkeypatch: pytest.MonkeyPatch) -> None:
    joined()
    later(monkeypatch, 11)
    sign_up, reset = App(), App()
    sign_up.sign_up(email)
    reset.post("auth/password/request", email=email)

    signed_up = [sign_up.verify("BBBB-BBBB") for _ in range(4)]
    was_reset = [reset.post("auth/password/reset", key="BBBB-BBBB", password="1234") for _ in range(4)]

    for answers in (signed_up, was_reset):
        assert [each.status_code for each in answers] == [400, 400, 400, 409]
        assert [list(each.json()["errors"]) for each in answers[:3]] == [["key"]] * 3


def test_an_unknown_address_gets_a_mail_that_says_so() -> None:
    App().post("auth/password/request", email=UNKNOWN)

    sent = arrived()

    assert [(each.to, each.subject) for each in sent] == [([UNKNOWN], "There is no One Card login with this address")]


def test_a_reset_costs_as_many_statements_for_every_address() -> None:
    joined()

    counts = []
    for email in (EMAIL, UNKNOWN):
        with CaptureQueriesContext(
            connection,
        ) as statements:
            App().post("auth/password/request", email=email)
        counts.append(len(statements))

    assert counts[0] == counts[1]


def test_an_address_can_be_tried_only_so_often() -> None:
    answers = [App().sign_up(f"person{number}@example.com", PASSWORD) for number in range(11)]

    assert [each.status_code for each in answers] == [401] * 10 + [429]
    assert answers[10].json()["code"] == "throttled"


def test_every_operation_is_counted_by_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(throttles.LIMITS, "joining", (3, 3600))

    answers = [App().get("auth/webauthn/login") for _ in range(4)]

    assert [each.status_code for each in answers] == [200, 200, 200, 429]
    assert int(answers[3]["Retry-After"]) > 0


def test_one_mailbox_gets_only_so_many_codes() -> None:
    joined()

    answers = [App().post("auth/password/request", email=EMAIL).status_code for _ in range(4)]

    assert answers == [401, 401, 401, 429]
    assert len(arrived()) == 3


def test_the_database_has_one_login_of_a_person_for_an_address() -> None:
    UserFactory(email=EMAIL)
    UserFactory(email=EMAIL, is_staff=True)
    UserFactory(email="")
    UserFactory(email="")

    with pytest.raises(IntegrityError, match="one_person_for_an_email"), transaction.atomic():
        UserFactory(email=EMAIL.upper())
    assert User.objects.count() == 4


@pytest.mark.parametrize("email", ["ada@bücher.example", "ada@xn--bcher-kva.example", "ADA@BÜCHER.example"])
def test_an_address_has_one_spelling(email: str, monkeypatch: pytest.MonkeyPatch) -> None:
    joined("ada@bücher.example")

    assert User.objects.get().email == "ada@xn--bcher-kva.example"
    assert App().log_in(email).status_code == 200
