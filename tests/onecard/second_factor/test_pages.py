"""Staff set up their second factor: the key is seen once, a code counts once, and nobody replaces it from a session."""

import logging
import re
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django_otp.plugins.otp_totp.models import TOTPDevice

from audit.models import Entry
from onecard.second_factor import devices
from onecard.users.models import User
from tests.authenticators import Authenticator
from tests.back_office import logged_in, text_of
from tests.factories import UserFactory
from tests.threads import at_once

PASSWORD = "a long pass phrase"
pytestmark = pytest.mark.django_db


def clerk(**more: Any) -> User:
    user = UserFactory(is_staff=True, **more)
    user.set_password(PASSWORD)
    user.save()
    return user


def begin(client: Client, **changes: str) -> Any:
    return client.post(reverse("second-factor"), {"password": PASSWORD, **changes})


def finish(client: Client, code: str) -> Any:
    return client.post(reverse("second-factor-finish"), {"code": code})


def key_on(answer: Any) -> str:
    found = re.search(r'<code class="oc-secret">([A-Z2-7 ]+)</code>', answer.content.decode())
    assert found
    return found[1]


def actions() -> list[str]:
    return list(Entry.objects.order_by("pk").values_list("action", flat=True))


def test_a_device_is_set_up_with_the_password_and_a_first_code(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    user = clerk()
    client = logged_in(user)

    shown = begin(client)
    key = key_on(shown)
    phone = Authenticator.typed_from(key)
    assert not devices.has_device(user)
    done = finish(client, phone.code())

    assert done.url == reverse("admin:index")
    assert devices.has_device(user)
    entry = Entry.objects.get()
    assert (entry.action, entry.subject_type, entry.subject_id) == ("second_factor.enrolled", "user", str(user.pk))
    assert "no-store" in shown["Cache-Control"]
    assert "<svg" in text_of(shown)
    later = [client.get(reverse(name)) for name in ("second-factor", "second-factor-finish", "admin:index")]
    told = [*(each.content.decode() for each in later), caplog.text, str(list(Entry.objects.values()))]
    assert not [text for text in told if key in text or key.replace(" ", "") in text]


def test_a_wrong_password_shows_no_key_and_makes_no_device() -> None:
    answer = begin(logged_in(clerk()), password="something else")

    assert "This is not your password." in text_of(answer)
    assert "oc-secret" not in text_of(answer)
    assert not TOTPDevice.objects.exists()
    assert actions() == ["second_factor.refused"]


def test_a_wrong_first_code_enrols_nobody_and_does_not_show_the_key_again() -> None:
    user = clerk()
    client = logged_in(user)
    phone = Authenticator.typed_from(key_on(begin(client)))

    answer = finish(client, phone.wrong_code())

    assert "not the present code" in text_of(answer)
    assert "oc-secret" not in text_of(answer)
    assert not devices.has_device(user)


def test_what_was_begun_cannot_be_finished_by_another_person_or_later(monkeypatch: pytest.MonkeyPatch) -> None:
    user = clerk()
    client = logged_in(user)
    phone = Authenticator.typed_from(key_on(begin(client)))

    assert "start again" in text_of(finish(logged_in(clerk()), phone.code()))
    monkeypatch.setattr(devices, "BEGUN_FOR", devices.BEGUN_FOR * 0)
    assert "start again" in text_of(finish(client, phone.code()))
    assert not TOTPDevice.objects.filter(confirmed=True).exists()


@pytest.mark.parametrize("code", ["", "wrong"])
def test_a_device_is_replaced_only_with_a_code_of_the_old_one(code: str) -> None:
    user = clerk()
    client, old = logged_in(user), Authenticator.of(user)

    answer = begin(client, code=old.wrong_code() if code else "")

    assert "oc-secret" not in text_of(answer)
    assert TOTPDevice.objects.get().bin_key == old.key


def test_with_the_old_code_the_new_device_takes_its_place() -> None:
    user = clerk()
    client, old = logged_in(user), Authenticator.of(user)

    new = Authenticator.typed_from(key_on(begin(client, code=old.code())))
    assert TOTPDevice.objects.get(confirmed=True).bin_key == old.key
    finish(client, new.code())

    assert TOTPDevice.objects.get().bin_key == new.key
    assert actions() == ["second_factor.replaced"]


def test_what_was_begun_before_a_device_counted_dies_with_it() -> None:
    """Else a forgotten page would replace the device without its code."""
    user = clerk()
    client = logged_in(user)
    first = Authenticator.typed_from(key_on(begin(client)))
    second = Authenticator.typed_from(key_on(begin(client)))

    assert "not the present code" in text_of(finish(client, first.code()))
    TOTPDevice.objects.update(throttling_failure_count=0)
    finish(client, second.code())

    assert TOTPDevice.objects.get().bin_key == second.key


def test_guessing_passwords_ends_after_ten() -> None:
    user = clerk()
    client = logged_in(user)
    for _ in range(devices.REFUSALS_PER_HOUR):
        begin(client, password="guess")

    answer = begin(client)

    assert "Too many wrong passwords or codes" in text_of(answer)
    assert not TOTPDevice.objects.exists()


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


def test_after_a_wrong_code_the_right_one_waits() -> None:
    user = clerk()
    phone = Authenticator.of(user)
    for _ in range(3):
        devices.verify_code(user, phone.wrong_code())
        TOTPDevice.objects.update(throttling_failure_timestamp=None)
    devices.verify_code(user, phone.wrong_code())

    assert not devices.verify_code(user, phone.code())
    TOTPDevice.objects.update(throttling_failure_timestamp=None)
    assert devices.verify_code(user, phone.code())


@pytest.mark.django_db(transaction=True)
def test_a_code_that_races_with_itself_counts_once() -> None:
    user = clerk()
    code = Authenticator.of(user).code()

    assert sum(at_once([lambda: devices.verify_code(user, code)] * 8)) == 1


def test_a_superuser_takes_a_lost_device_away_and_says_why() -> None:
    user, boss = clerk(), clerk(is_superuser=True)
    Authenticator.of(user)
    client, page = logged_in(boss), reverse("second-factor-remove", args=[user.pk])

    assert "Remove the second factor" in text_of(client.get(reverse("admin:users_user_change", args=[user.pk])))
    assert "at least 10" in text_of(client.post(page, {"reason": "lost"}))
    assert devices.has_device(user)
    client.post(page, {"reason": "Their phone fell into the sea"})

    assert not devices.has_device(user)
    entry = Entry.objects.get(action="second_factor.removed")
    assert (entry.actor, entry.subject_id) == (f"user:{boss.pk}", str(user.pk))
    assert entry.details == {"reason": "Their phone fell into the sea"}
    assert "Remove the second factor" not in text_of(client.get(reverse("admin:users_user_change", args=[user.pk])))


def test_nobody_else_removes_one_and_superusers_not_their_own() -> None:
    user, boss = clerk(), clerk(is_superuser=True)
    Authenticator.of(boss)
    Authenticator.of(user)
    reason = {"reason": "I would rather have another one"}

    assert logged_in(user).post(reverse("second-factor-remove", args=[user.pk]), reason).status_code == 403
    own = logged_in(boss).post(reverse("second-factor-remove", args=[boss.pk]), reason)
    assert "Nobody removes their own" in text_of(own)
    assert TOTPDevice.objects.count() == 2


def test_the_last_superuser_is_helped_on_the_machine() -> None:
    boss = clerk(is_superuser=True)
    Authenticator.of(boss)
    with pytest.raises(CommandError, match="no login"):
        call_command("remove_second_factor", "nobody", reason="The phone was stolen")

    call_command("remove_second_factor", boss.username, reason="The phone was stolen")

    assert not devices.has_device(boss)
    assert Entry.objects.get().actor == "system:command"


def test_strangers_and_people_who_are_not_staff_are_led_to_the_login() -> None:
    for client in (Client(), logged_in(UserFactory())):
        for name in ("second-factor", "second-factor-finish"):
            assert "/admin/login/" in client.get(reverse(name)).url


def test_the_packages_own_pages_which_show_keys_are_not_there() -> None:
    Authenticator.of(clerk())

    assert logged_in().get("/admin/otp_totp/totpdevice/").status_code == 404
