"""A person signs up, proves their address by a mailed code, logs in, and sets a new password."""

from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core import mail

from audit.models import Entry
from onecard.api.auth import mails
from onecard.api.models import LoginMail
from onecard.outbox.models import Message
from onecard.users.models import User
from tests.onecard.api.auth.people import CODE, EMAIL, NEW, PASSWORD, App, arrived, joined, later, mailed_code
from tests.support.threads import at_once

WRONG = "BBBB-BBBB"
pytestmark = pytest.mark.django_db


def trail() -> list[tuple[str, str]]:
    return [(each.action, each.details.get("why", "")) for each in Entry.objects.order_by("pk")]


def flows(answer: Any) -> list[str]:
    assert answer.status_code == 401
    return [each["id"] for each in answer.json()["data"]["flows"] if each.get("is_pending")]


def test_signing_up_leads_to_a_session_once_the_address_is_proved() -> None:
    app = App()

    assert flows(app.sign_up("Ada@Example.com ")) == ["verify_email"]
    assert app.token
    assert not app.is_in()
    sent = arrived()
    assert [each.to for each in sent] == [[EMAIL]]
    assert "This code proves that it is yours" in sent[0].body
    answer = app.verify(CODE.findall(sent[0].body)[0])

    assert answer.status_code == 200
    assert answer.json()["data"]["user"] == {"email": EMAIL, "has_usable_password": True}
    assert app.is_in()
    assert [action for action, _ in trail()] == ["person.signed_up", "person.email_verified", "person.logged_in"]
    user = User.objects.get()
    assert (user.email, user.is_staff, user.username.startswith("person-")) == (EMAIL, False, True)
    assert not LoginMail.objects.exists()


def test_a_code_is_kept_sealed_and_mailed_once() -> None:
    App().sign_up()
    mail_id = Message.objects.get(topic="login.mail").payload["mail_id"]
    row = LoginMail.objects.get(pk=mail_id)

    sent = arrived()
    mails.send(mail_id)

    assert CODE.findall(sent[0].body)
    assert CODE.findall(sent[0].body)[0] not in row.sealed_code
    assert len(arrived()) == 0


def test_a_code_that_came_too_late_is_not_mailed() -> None:
    App().sign_up()
    LoginMail.objects.update(created_at=LoginMail.objects.get().created_at - 2 * mails.GOOD_FOR)

    assert arrived() == []
    assert mails.forget_old() == 1


def test_three_wrong_codes_end_the_attempt() -> None:
    app = App()
    app.sign_up()
    code = mailed_code()

    answers = [app.verify(WRONG) for _ in range(3)]

    assert [(each.status_code, each.json()["code"]) for each in answers] == [(400, "incorrect_code")] * 3
    assert answers[0].json()["errors"] == {"key": ["Incorrect code."]}
    assert answers[0]["Content-Type"] == "application/problem+json"
    assert app.verify(code).status_code == 409
    assert trail()[1:] == [("person.login_failed", "verification_code")] * 3
    assert not EmailAddress.objects.get().verified


def test_a_code_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    app = App()
    app.sign_up()
    code = mailed_code()

    later(monkeypatch, 901)

    assert app.verify(code).status_code == 409


def test_a_code_is_good_only_where_it_was_asked_for() -> None:
    app, other = App(), App()
    app.sign_up()
    other.sign_up("eve@example.com")

    code = CODE.findall(arrived()[0].body)[0]

    assert other.verify(code).status_code == 400
    assert App().verify(code).status_code == 409


def test_a_second_code_replaces_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    app = App()
    app.sign_up()
    first = mailed_code()
    assert app.post("auth/email/verify/resend").status_code == 429
    later(monkeypatch, 11)

    assert app.post("auth/email/verify/resend").status_code == 200
    second = mailed_code()

    assert app.verify(first).status_code == 400
    assert app.verify(second).status_code == 200


def test_a_login_without_a_proved_address_asks_for_the_code_again(monkeypatch: pytest.MonkeyPatch) -> None:
    App().sign_up()
    arrived()
    later(monkeypatch, 11)
    app = App()

    assert flows(app.log_in()) == ["verify_email"]
    assert not app.is_in()
    assert app.verify().status_code == 200


def test_logging_in_gives_a_session_and_logging_out_ends_it() -> None:
    joined()
    app = App()

    assert app.log_in("ADA@example.com").status_code == 200
    assert app.is_in()
    assert app.delete("auth/session").status_code == 401

    assert app.api().status_code == 401
    assert app.get("auth/session").status_code == 410
    assert [action for action, _ in trail()][-2:] == ["person.logged_in", "person.logged_out"]


def test_wrong_passwords_lock_the_login_and_are_in_the_trail() -> None:
    joined()
    app = App()

    answers = [app.log_in(password="not this one") for _ in range(6)]

    assert [each.status_code for each in answers] == [400] * 5 + [429]
    assert answers[0].json()["code"] == "email_password_mismatch"
    assert int(answers[5]["Retry-After"]) > 0
    assert app.log_in().status_code == 429
    assert trail()[3:] == [("person.login_failed", "password")] * 5 + [("person.locked_out", "")]
    assert EMAIL not in str(list(Entry.objects.values_list("details", flat=True)))


def test_a_forgotten_password_is_replaced_by_code_and_ends_all_sessions() -> None:
    phone, app = joined(), App()

    assert flows(app.post("auth/password/request", email=EMAIL)) == ["password_reset_by_code"]
    code = mailed_code()
    weak = app.post("auth/password/reset", key=code, password="1234")
    done = app.post("auth/password/reset", key=code, password=NEW)

    assert (weak.status_code, list(weak.json()["errors"])) == (400, ["password"])
    assert done.status_code == 401
    assert phone.api().status_code == 401
    assert App().log_in().status_code == 400
    assert App().log_in(password=NEW).status_code == 200
    assert "The password of your login was changed" in arrived()[0].body
    assert ("person.password_changed", "") in trail()
    assert app.post("auth/password/reset", key=code, password=PASSWORD).status_code == 409


def test_three_wrong_reset_codes_end_the_reset() -> None:
    joined()
    app = App()
    app.post("auth/password/request", email=EMAIL)
    code = mailed_code()

    for _ in range(3):
        assert app.post("auth/password/reset", key=WRONG, password=NEW).status_code == 400

    assert app.post("auth/password/reset", key=code, password=NEW).status_code == 409
    assert App().log_in().status_code == 200
    assert trail()[3:6] == [("person.login_failed", "reset_code")] * 3


def test_a_password_is_changed_with_the_present_one() -> None:
    app, other = joined(), App()
    other.log_in()

    wrong = app.post("account/password/change", current_password="no", new_password=NEW)
    done = app.post("account/password/change", current_password=PASSWORD, new_password=NEW)

    assert (wrong.status_code, wrong.json()["code"]) == (400, "enter_current_password")
    assert done.status_code == 401
    assert (app.api().status_code, other.api().status_code) == (401, 401)
    assert App().log_in(password=NEW).status_code == 200


def test_an_address_is_changed_by_a_code_from_the_new_mailbox() -> None:
    app = joined()
    new = "ada@lovelace.example"

    assert app.post("account/email", email=new).status_code == 401
    assert app.post("auth/reauthenticate", password=PASSWORD).status_code == 200
    assert app.post("account/email", email=new).status_code == 200
    sent = arrived()
    assert [each.to for each in sent] == [[new]]
    assert User.objects.get().email == EMAIL
    assert app.verify(CODE.findall(sent[0].body)[0]).status_code == 200

    assert User.objects.get().email == new
    assert list(EmailAddress.objects.values_list("email", "verified")) == [(new, True)]
    assert sorted(each.to[0] for each in arrived()) == [EMAIL, new]
    assert App().log_in().status_code == 400
    assert App().log_in(new).status_code == 200


def test_an_address_of_somebody_else_is_not_taken_over(monkeypatch: pytest.MonkeyPatch) -> None:
    joined("eve@example.com")
    app = joined()
    later(monkeypatch, 11)
    app.post("auth/reauthenticate", password=PASSWORD)

    answer = app.post("account/email", email="eve@example.com")
    taken = app.verify()

    assert answer.status_code == 200
    assert (taken.status_code, taken.json()["code"]) == (400, "email_taken")
    assert User.objects.filter(email=EMAIL).exists()


@pytest.mark.parametrize(
    ("email", "password", "field"),
    [
        ("no address", PASSWORD, "email"),
        ("", PASSWORD, "email"),
        (EMAIL, "short", "password"),
        (EMAIL, "ada@example.com", "password"),
        (EMAIL, "", "password"),
        (EMAIL, "123456789012345", "password"),
    ],
)
def test_a_sign_up_with_a_wrong_field_names_it(email: str, password: str, field: str) -> None:
    answer = App().sign_up(email, password)

    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [field]
    assert not User.objects.exists()


@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", b'"x"', b"\xff", b'{"email": "\\ud800"}', b"[" * 100_000, b'{"email": 5, "password": []}', b""],
)
@pytest.mark.parametrize("address", ["auth/signup", "auth/login", "auth/password/request", "auth/webauthn/login"])
def test_an_unreadable_body_is_a_problem(address: str, body: bytes) -> None:
    answer = App().send("POST", address, body)

    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    "address",
    ["config", "account/phone", "auth/code/request", "auth/phone/verify", "tokens/refresh", "auth/webauthn/signup"],
)
def test_what_nobody_needs_of_the_library_is_not_there(address: str) -> None:
    for answer in (App().get(address), App().post(address)):
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_login_that_is_switched_off_opens_nothing() -> None:
    app = joined()
    User.objects.update(is_active=False)
    other = App()

    assert (other.log_in().status_code, other.log_in().json()["code"]) == (400, "email_password_mismatch")
    other.post("auth/password/request", email=EMAIL)

    assert [each.subject for each in arrived()] == ["There is no One Card login with this address"]
    assert app.api().status_code == 401


def test_a_mail_that_the_server_refuses_is_sent_later(monkeypatch: pytest.MonkeyPatch) -> None:
    App().sign_up()
    mail_id = LoginMail.objects.get().pk

    def refuse(*_sent: Any) -> None:
        raise ConnectionRefusedError

    with monkeypatch.context() as patch:
        patch.setattr(mails, "send_mail", refuse)
        with pytest.raises(ConnectionRefusedError):
            mails.send(mail_id)

    assert [each.to for each in arrived()] == [[EMAIL]]


@pytest.mark.django_db(transaction=True)
def test_two_workers_send_a_mail_once() -> None:
    App().sign_up()
    mail_id = LoginMail.objects.get().pk
    mail.outbox.clear()

    at_once([lambda: mails.send(mail_id)] * 4)

    assert len(mail.outbox) == 1


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
def test_another_method_is_refused(method: str) -> None:
    answer = App().client.generic(method, "/api/v1/auth/app/v1/auth/login")

    assert answer.status_code == 405
    assert answer["Allow"] == "POST"


@pytest.mark.django_db(transaction=True)
def test_sign_ups_at_once_make_one_login() -> None:
    answers = at_once([lambda: App().sign_up().status_code] * 5)

    assert set(answers) <= {401, 429}
    assert User.objects.count() == 1
