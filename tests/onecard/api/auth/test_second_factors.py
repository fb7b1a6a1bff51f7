"""A person protects their login with an authenticator app, recovery codes and passkeys."""

from typing import Any

import pytest
from allauth.mfa.models import Authenticator as Row

from audit.models import Entry
from onecard.kit.crypto import SealError
from onecard.second_factor import seeds
from onecard.users.models import User
from tests.onecard.api.auth.people import EMAIL, NEW, PASSWORD, App, arrived, joined, mailed_code
from tests.support.authenticators import Authenticator
from tests.support.passkeys import Passkey

# What allauth mails, it mails after its commit.
pytestmark = pytest.mark.django_db(transaction=True)
TOTP, CODES, PASSKEYS = (f"account/authenticators/{each}" for each in ("totp", "recovery-codes", "webauthn"))


def actions() -> list[str]:
    return list(Entry.objects.order_by("pk").values_list("action", flat=True))


def confirmed(app: App) -> App:
    assert app.post("auth/reauthenticate", password=PASSWORD).status_code == 200
    return app


def protected() -> tuple[App, Authenticator]:
    """A person whose login has an authenticator app."""
    app = confirmed(joined())
    key = app.get(TOTP).json()["meta"]["secret"]
    phone = Authenticator(key)
    assert app.post(TOTP, code=phone.fresh_code()).status_code == 200
    return app, phone


def with_passkey() -> tuple[App, Passkey]:
    app, key = confirmed(joined()), Passkey()
    options = app.get(f"{PASSKEYS}?passwordless").json()["data"]["creation_options"]
    assert app.post(PASSKEYS, name="Phone", credential=key.register(options)).status_code == 200
    return app, key


def pending(answer: Any) -> list[str]:
    assert answer.status_code == 401
    return [each["id"] for each in answer.json()["data"]["flows"] if each.get("is_pending")]


def test_an_app_is_set_up_with_the_password_given_again() -> None:
    app = joined()
    assert app.get(TOTP).status_code == 404
    assert app.post(TOTP, code="000000").status_code in (400, 401)

    shown = confirmed(app).get(TOTP)
    phone = Authenticator(shown.json()["meta"]["secret"])
    assert shown.json()["meta"]["totp_url"].startswith("otpauth://totp/ada%40example.com?")
    wrong = app.post(TOTP, code=phone.wrong_code())
    done = app.post(TOTP, code=phone.fresh_code())

    assert (wrong.status_code, wrong.json()["code"]) == (400, "incorrect_code")
    assert done.status_code == 200
    assert actions()[-1] == "second_factor.enrolled"
    assert "A second factor was set up" in arrived()[0].body
    seed = Row.objects.get(type="totp").data["secret"]
    with seeds.seeds_of(User(pk=User.objects.get().pk + 1)), pytest.raises(SealError):
        seeds.open_seed(seed)
    assert phone.key not in seed


def test_a_login_with_a_second_factor_needs_a_code() -> None:
    _, phone = protected()
    app = App()

    assert pending(app.log_in()) == ["mfa_authenticate"]
    assert not app.is_in()
    wrong = app.post("auth/2fa/authenticate", code=phone.wrong_code())
    assert (wrong.status_code, wrong.json()["code"]) == (400, "incorrect_code")
    assert app.post("auth/2fa/authenticate", code=phone.fresh_code()).status_code == 200

    assert app.is_in()
    assert actions()[-2:] == ["person.login_failed", "person.logged_in"]


def test_guessing_codes_ends_before_it_could_succeed() -> None:
    _, phone = protected()
    app = App()
    app.log_in()

    answers = [app.post("auth/2fa/authenticate", code=phone.wrong_code()).status_code for _ in range(6)]

    assert answers == [400] * 5 + [429]
    assert app.post("auth/2fa/authenticate", code=phone.fresh_code()).status_code == 429


def test_a_recovery_code_lets_its_owner_in_once() -> None:
    app, _phone = protected()
    code = app.get(CODES).json()["data"]["unused_codes"][0]

    first, second = App(), App()
    first.log_in()
    second.log_in()

    assert first.post("auth/2fa/authenticate", code=code).status_code == 200
    assert second.post("auth/2fa/authenticate", code=code).status_code == 400


def test_new_recovery_codes_replace_the_old_ones() -> None:
    app, _phone = protected()
    old = app.get(CODES).json()["data"]["unused_codes"]

    new = app.post(CODES).json()["data"]["unused_codes"]

    assert not set(old) & set(new)
    assert "unused_codes" not in app.get(CODES).json()["data"]
    assert actions()[-1] == "second_factor.recovery_codes"


def test_the_password_alone_does_not_remove_a_second_factor() -> None:
    _, phone = protected()
    app = App()
    app.log_in()
    app.post("auth/2fa/authenticate", code=phone.fresh_code())

    assert app.delete(TOTP).status_code == 401
    refused = app.post("auth/reauthenticate", password=PASSWORD)
    assert (refused.status_code, refused.json()["code"]) == (400, "second_factor_needed")
    assert app.post("auth/2fa/reauthenticate", code=phone.fresh_code()).status_code == 200
    assert app.delete(TOTP).status_code == 200

    assert App().log_in().status_code == 200
    assert "second_factor.removed" in actions()


def test_a_forgotten_password_does_not_take_the_second_factor_away() -> None:
    protected()
    arrived()
    app = App()
    app.post("auth/password/request", email=EMAIL)
    app.post("auth/password/reset", key=mailed_code(), password=NEW)

    assert pending(App().log_in(password=NEW)) == ["mfa_authenticate"]


def test_a_passkey_with_odd_extensions_is_not_kept() -> None:
    app, key = confirmed(joined()), Passkey()
    options = app.get(PASSKEYS).json()["data"]["creation_options"]

    answer = app.post(PASSKEYS, credential=key.register(options) | {"clientExtensionResults": {"credProps": 5}})

    assert (answer.status_code, answer.json()["code"]) == (400, "incorrect_code")
    assert not Row.objects.exists()


def test_a_passkey_logs_in_alone() -> None:
    _, key = with_passkey()
    app = App()

    options = app.get("auth/webauthn/login").json()["data"]["request_options"]
    assert app.post("auth/webauthn/login", credential=key.sign(options)).status_code == 200

    assert app.is_in()
    assert "second_factor.passkey_added" in actions()


def test_a_passkey_is_a_second_step_too() -> None:
    _, key = with_passkey()
    app = App()

    assert pending(app.log_in()) == ["mfa_authenticate"]
    options = app.get("auth/webauthn/authenticate").json()["data"]["request_options"]
    assert app.post("auth/webauthn/authenticate", credential=key.sign(options)).status_code == 200

    assert app.is_in()


def test_another_key_is_no_passkey_of_this_person() -> None:
    _, key = with_passkey()
    app, thief = App(), Passkey()
    thief.user_handle, thief.credential_id = key.user_handle, key.credential_id

    options = app.get("auth/webauthn/login").json()["data"]["request_options"]
    answer = app.post("auth/webauthn/login", credential=thief.sign(options))

    assert (answer.status_code, answer.json()["code"]) == (400, "incorrect_code")
    assert not app.is_in()
    assert actions()[-1] == "person.login_failed"


@pytest.mark.parametrize(
    "credential", [{}, [], "x", 0, 5, False, None, {"response": 5}, {"response": {}, "id": "x"}, {"rawId": "é"}]
)
@pytest.mark.parametrize("address", ["auth/webauthn/login", PASSKEYS])
def test_a_passkey_that_is_none_is_a_problem(address: str, credential: Any) -> None:
    app = confirmed(joined()) if address == PASSKEYS else App()
    app.get(address)

    answer = app.post(address, credential=credential)

    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
