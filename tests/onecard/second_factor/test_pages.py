"""Staff set up their second factor: by invitation, seen once, told by mail, and nobody replaces it from a session."""

import datetime as dt
import logging
import re
from typing import Any

import pytest
from allauth.mfa.models import Authenticator as Row
from django.core import mail
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from audit.models import Entry
from onecard.kit import clock
from onecard.outbox.models import Message
from onecard.second_factor import devices, invitations, login_mails, trust, views
from onecard.users.models import Invitation, User
from tests.support.authenticators import Authenticator
from tests.support.back_office import logged_in, send, text_of
from tests.support.factories import UserFactory
from tests.support.threads import at_once

PASSWORD = "a long pass phrase"
NEW = "another long pass phrase"
pytestmark = pytest.mark.django_db


def clerk(**more: Any) -> User:
    user = UserFactory(is_staff=True, **more)
    user.set_password(PASSWORD)
    user.save()
    return user


def invited(user: User) -> str:
    return invitations.link(invitations.invite(user=user, actor="user:1")).partition("//")[2].partition("/")[2]


def key_on(answer: Any) -> str:
    found = re.search(r'Key: <code class="oc-secret">([A-Z2-7 ]+)</code>', answer.content.decode())
    assert found
    return found[1]


def take(client: Client, page: str, **changes: str) -> Any:
    """Opens the page of an invitation with a phone, and sends it."""
    phone = Authenticator.typed_from(key_on(client.get(page)))
    return client.post(page, {"password": NEW, "again": NEW, "code": phone.code(), **changes})


def codes_on(answer: Any) -> list[str]:
    return re.findall(r'<code class="oc-secret">(\d{8})</code>', answer.content.decode())


def actions(*, but: tuple[str, ...] = ()) -> list[str]:
    return [each for each in Entry.objects.order_by("pk").values_list("action", flat=True) if each not in but]


def deliver() -> list[str]:
    """Sends the mails that wait in the outbox, as the worker does."""
    mail.outbox.clear()
    for message in Message.objects.filter(topic="staff.notify").order_by("pk"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(login_mails, "require_no_transaction", lambda _what: None)
            login_mails.send(message.payload["entry_id"])
    Message.objects.filter(topic="staff.notify").delete()
    return [f"{each.to[0]}: {each.body}" for each in mail.outbox]


def test_an_invitation_sets_password_and_second_factor_and_tells(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    user = UserFactory(is_staff=True, trusted_from=None)
    client, page = Client(), "/" + invited(user)
    assert [page in text for text in deliver()] == [True]
    shown = client.get(page)
    key = key_on(shown)

    done = take(client, page)

    user.refresh_from_db()
    assert user.check_password(NEW)
    assert devices.has_device(user)
    assert len(set(codes_on(done))) == 10
    assert "no-store" in done["Cache-Control"]
    assert "no-store" in shown["Cache-Control"]
    assert "<svg" in text_of(shown)
    assert actions() == ["staff.invited", "staff.password_changed", "second_factor.enrolled"]
    told = deliver()
    assert all(text.startswith(f"{user.email}: ") for text in told)
    assert any("A second factor was set up" in text for text in told)
    secrets = [key, key.replace(" ", ""), NEW, *codes_on(done)]
    kept = [caplog.text, str(list(Entry.objects.values())), str(list(Row.objects.values())), *told]
    assert not [text for text in kept for secret in secrets if secret in text]


def test_an_invitation_is_good_once() -> None:
    user = UserFactory(is_staff=True)
    page = "/" + invited(user)
    take(Client(), page)

    for client in (Client(), Client()):
        answer = client.get(page)
        assert answer.status_code == 410
        assert "was used" in text_of(answer)
        assert client.post(page, {"password": "yet another long one", "again": "x", "code": "1"}).status_code == 410
    user.refresh_from_db()
    assert user.check_password(NEW)


@pytest.mark.parametrize("how", ["expired", "replaced", "inactive", "no_staff", "altered", "new_address"])
def test_an_invitation_that_is_over_is_closed(how: str) -> None:
    user = UserFactory(is_staff=True)
    page = "/" + invited(user)
    if how == "expired":
        Invitation.objects.update(expires_at=clock.now() - dt.timedelta(seconds=1))
    elif how == "replaced":
        invitations.invite(user=user, actor="user:2")
    elif how == "new_address":
        # The link lies in the mailbox of the earlier one.
        send(logged_in(), reverse("admin:users_user_change", args=[user.pk]), email="right@example.com")
    elif how == "altered":
        page = page.replace(str(Invitation.objects.get().pk), str(Invitation.objects.get().pk + 1), 1)
    else:
        User.objects.filter(pk=user.pk).update(**{"is_active" if how == "inactive" else "is_staff": False})

    assert Client().get(page).status_code == 410
    assert not devices.has_device(user)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"password": "short one", "again": "short one"}, "at least 12 characters"),
        ({"again": "something else entirely"}, "not the same password"),
        ({"code": "000000000"}, "not the present code"),
        ({"code": ""}, "required"),
    ],
)
def test_a_wrong_answer_enrols_nobody_and_leaves_the_invitation(changes: dict[str, str], words: str) -> None:
    user = UserFactory(is_staff=True)
    client, page = Client(), "/" + invited(user)

    answer = take(client, page, **changes)

    user.refresh_from_db()
    assert words in text_of(answer)
    assert not devices.has_device(user)
    assert not user.has_usable_password()
    take(client, page)
    assert devices.has_device(user)


def test_who_has_a_device_gives_its_code_even_with_an_invitation() -> None:
    """A link in a mailbox that somebody else reads is not enough."""
    user = clerk()
    old = Authenticator.of(user)
    client, page = Client(), "/" + invited(user)

    assert "Code of the device you have now" in text_of(client.get(page))
    assert "neither a code of your old device" in text_of(take(client, page, old_code=old.wrong_code()))
    assert Authenticator.of(user).key == old.key
    take(client, page, old_code=old.code())

    assert Authenticator.of(user).key != old.key
    user.refresh_from_db()
    assert user.check_password(NEW)
    assert "second_factor.replaced" in actions()


@pytest.mark.django_db(transaction=True)
def test_two_browsers_with_one_invitation_enrol_one_device() -> None:
    user = UserFactory(is_staff=True)
    page = "/" + invited(user)

    answers = at_once([lambda: take(Client(), page)] * 4)

    assert sum(bool(codes_on(answer)) for answer in answers) == 1
    assert Row.objects.filter(user=user, type="totp").count() == 1


def test_the_second_factor_is_replaced_with_password_and_old_code() -> None:
    user = clerk()
    client, old, page = logged_in(user), Authenticator.of(user), reverse("second-factor")

    new = Authenticator.typed_from(key_on(client.get(page)))
    for wrong in ({"password": "guess"}, {"old_code": old.wrong_code()}):
        values = {"password": PASSWORD, "old_code": old.code(), "code": new.code(), **wrong}
        assert not codes_on(client.post(page, values))
        assert Authenticator.of(user).key == old.key
    done = client.post(page, {"password": PASSWORD, "old_code": old.code(1), "code": new.code()})

    assert len(codes_on(done)) == 10
    assert Authenticator.of(user).key == new.key
    assert "/sign-in/" in client.get(reverse("admin:index"), follow=True).redirect_chain[-1][0]


def test_nobody_sets_up_a_first_device_without_an_invitation() -> None:
    """Not even with the password: whoever has it would be in for good."""
    user = clerk()
    client = logged_in(user)

    answer = client.post(reverse("second-factor"), {"password": PASSWORD, "code": "123456"})

    assert answer.status_code == 403
    assert not Row.objects.exists()
    for path in ("/admin/second-factor/totp/activate/", "/accounts/2fa/totp/activate/"):
        assert client.get(path).status_code == 404


def test_what_was_begun_is_over_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    user = UserFactory(is_staff=True)
    client, page = Client(), "/" + invited(user)
    phone = Authenticator.typed_from(key_on(client.get(page)))
    monkeypatch.setattr(views, "BEGUN_FOR_S", -1)

    answer = client.post(page, {"password": NEW, "again": NEW, "code": phone.code()})

    assert "Nothing was begun within the last 15 minutes" in text_of(answer)
    assert not devices.has_device(user)


def test_guessing_codes_ends_after_ten() -> None:
    user = clerk()
    phone = Authenticator.of(user)
    for _ in range(devices.REFUSALS_PER_HOUR):
        with pytest.raises(devices.SecondFactorError, match="not the present code"):
            devices.confirm(user, phone.wrong_code())

    with pytest.raises(devices.SecondFactorError, match="Too many"):
        devices.confirm(user, phone.code())


def test_a_code_is_good_once_and_only_for_its_owner() -> None:
    user, other = clerk(), clerk()
    phone = Authenticator.of(user)
    Authenticator.of(other)

    assert not devices.verify_code(other, phone.code())
    assert devices.verify_code(user, f"{phone.code()[:3]} {phone.code()[3:]}")
    assert not devices.verify_code(user, phone.code())
    assert not devices.verify_code(clerk(), phone.code())


@pytest.mark.parametrize("code", ["", "12345", "1234567", "١٢٣٤٥٦", "-12345", "12345\x00", "1e5555", "9" * 5000])
def test_what_is_no_code_is_a_wrong_code(code: str) -> None:
    user = clerk()
    Authenticator.of(user)

    assert not devices.verify_code(user, code)


@pytest.mark.django_db(transaction=True)
def test_a_code_that_races_with_itself_counts_once() -> None:
    user = clerk()
    code = Authenticator.of(user).code()

    assert sum(at_once([lambda: devices.verify_code(user, code)] * 8)) == 1


def test_a_superuser_takes_a_lost_device_away_and_says_why() -> None:
    user, boss = clerk(), clerk(is_superuser=True)
    Authenticator.of(user)
    theirs = logged_in(user)
    client, page = logged_in(boss), reverse("second-factor-remove", args=[user.pk])

    assert "Remove the second factor" in text_of(client.get(reverse("admin:users_user_change", args=[user.pk])))
    assert "10 to 200 characters" in text_of(client.post(page, {"reason": "lost"}))
    assert devices.has_device(user)
    client.post(page, {"reason": "Their phone fell into the sea"})

    assert not devices.has_device(user)
    entry = Entry.objects.get(action="second_factor.removed")
    assert (entry.actor, entry.subject_id) == (f"user:{boss.pk}", str(user.pk))
    assert entry.details == {"reason": "Their phone fell into the sea"}
    assert trust.why_not_trusted(user)
    assert any("was removed" in text for text in deliver())
    assert theirs.get(reverse("admin:index")).status_code == 302, "their sessions have ended"
    assert "Remove the second factor" not in text_of(client.get(reverse("admin:users_user_change", args=[user.pk])))


def test_nobody_else_removes_or_invites_and_superusers_not_their_own() -> None:
    user, boss, other = clerk(), clerk(is_superuser=True), clerk()
    Authenticator.of(boss)
    Authenticator.of(user)
    reason = {"reason": "I would rather have another one"}

    for name in ("second-factor-remove", "staff-invite"):
        assert logged_in(user).post(reverse(name, args=[other.pk]), reason).status_code == 403
    own = logged_in(boss).post(reverse("second-factor-remove", args=[boss.pk]), reason)
    assert "Nobody removes their own" in text_of(own)
    assert Row.objects.count() == 2
    assert not Invitation.objects.exists()


def test_the_last_superuser_is_helped_on_the_machine() -> None:
    boss = clerk(is_superuser=True)
    Authenticator.of(boss)
    with pytest.raises(CommandError, match="no login"):
        call_command("remove_second_factor", "nobody", reason="The phone was stolen")

    call_command("remove_second_factor", boss.username, reason="The phone was stolen")

    assert not devices.has_device(boss)
    assert {entry.actor for entry in Entry.objects.all()} == {"system:command"}


def test_the_first_superuser_is_invited_by_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    """From nothing: createsuperuser, this command, and a browser."""
    call_command("createsuperuser", username="first", email="first@example.com", interactive=False)
    with pytest.raises(CommandError, match="createsuperuser"):
        call_command("invite_staff", "nobody")

    capsys.readouterr()
    call_command("invite_staff", "first")

    page = "/" + capsys.readouterr().out.split()[0].partition("//")[2].partition("/")[2]
    assert len(codes_on(take(Client(), page))) == 10
    assert devices.has_device(User.objects.get(username="first"))


def test_people_who_are_not_staff_are_not_invited() -> None:
    with pytest.raises(CommandError, match="staff"):
        call_command("invite_staff", UserFactory().username)


def test_strangers_and_people_who_are_not_staff_are_led_to_the_login() -> None:
    for client in (Client(), logged_in(UserFactory())):
        assert "/admin/login/" in client.get(reverse("second-factor")).url


def test_the_librarys_own_pages_which_show_seeds_are_not_there() -> None:
    Authenticator.of(clerk())

    for path in ("mfa/authenticator", "account/emailaddress", "account/emailconfirmation"):
        assert logged_in().get(f"/admin/{path}/").status_code == 404
