"""No value in any field of joining is answered by a fault of ours, whoever sends it."""

from typing import Any

import pytest
from django.core.cache import cache

from onecard.api import throttles
from onecard.api.auth.operations import OPERATIONS, Operation
from tests.onecard.api.auth.people import EMAIL, PASSWORD, App, joined

pytestmark = pytest.mark.django_db
ANSWER = {"clientDataJSON": "e30", "attestationObject": "oA", "authenticatorData": "oA", "signature": "oA"}
CREDENTIAL = {"id": "eA", "rawId": "eA", "type": "public-key", "response": ANSWER}
TEXTS = ["", " ", "x" * 10_000, "\0", "💥", "e\u0301", "\u202eabc", "a@b", "%s", EMAIL]
OBJECTS: list[Any] = [
    {},
    {"x": []},
    {"id": "x", "rawId": "x"},
    {"response": {"clientDataJSON": "x", "userHandle": "é"}},
    CREDENTIAL,
    CREDENTIAL | {"response": ANSWER | {"userHandle": "OTk5OTk5OTk5OTk5OTk5OTk5OTk5"}},
    CREDENTIAL | {"clientExtensionResults": 5},
    CREDENTIAL | {"clientExtensionResults": {"credProps": 5}},
]
VALUES: list[Any] = [None, True, False, 0, -1, 10**30, 1.5, *TEXTS, [], [[]], [None], [{}], ["x"], *OBJECTS]


def nobody() -> App:
    return App()


def half_joined() -> App:
    app = App()
    app.sign_up()
    return app


def resetting() -> App:
    joined()
    app = App()
    app.post("auth/password/request", email=EMAIL)
    return app


def confirmed() -> App:
    app = joined()
    app.post("auth/reauthenticate", password=PASSWORD)
    app.get("account/authenticators/webauthn")
    return app


# Who comes to the body's fields; everything else is for a person who has given their password again.
WHO = {
    **dict.fromkeys(("sign_up", "log_in", "log_in_by_passkey", "request_password_reset"), nobody),
    "verify_email": half_joined,
    "reset_password": resetting,
}


@pytest.mark.some_in_suite(3)
@pytest.mark.parametrize("each", [each for each in OPERATIONS if each.body], ids=lambda each: each.name)
def test_no_value_of_any_field_breaks_an_operation(each: Operation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(throttles.LIMITS, "joining", (10_000, 60))
    app = WHO.get(each.name, confirmed)()
    asked = [each.body | {name: value} for name in each.body for value in VALUES] if each.body else []

    for body in [*asked, {"x": "y"}]:
        cache.clear()
        answer = app.send(each.method.upper(), each.address, body)
        assert answer.status_code < 500, body
        if answer.status_code >= 400 and answer.status_code not in (401, 410):
            assert answer["Content-Type"] == "application/problem+json", body


@pytest.mark.parametrize("token", ["x", "é", "x" * 5000, "' OR 1=1", "\t", "00000000000000000000000000000000"])
def test_a_token_that_is_none_is_refused(token: str) -> None:
    app = App()
    app.token = token

    assert app.get("auth/session").status_code == 410
    assert app.api().status_code == 401
