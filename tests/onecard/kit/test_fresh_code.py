"""What moves money asks for the second factor anew after some minutes, and does nothing by itself afterwards."""

import time
from typing import Any

import pytest
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from audit.models import Entry
from onecard.second_factor import devices
from onecard.second_factor.seeds import seeds_of
from onecard.users.models import User
from routing.models import Threshold
from tests.support.authenticators import Authenticator
from tests.support.back_office import form_of, logged_in, opened, send, sentences, superuser, text_of
from tests.support.factories import UserFactory
from tests.support.second_step import let_code_age
from tests.wallet.admin.case_pages import act, paid_case
from wallet.models import Case, FundingRefund

pytestmark = pytest.mark.django_db

WHY = "They rang and asked for it."
AGAIN = "/admin/second-factor/again/"


@pytest.fixture
def user() -> User:
    return superuser()


@pytest.fixture
def phone(user: User) -> Authenticator:
    return Authenticator.of(user)


@pytest.fixture
def client(user: User, phone: Authenticator) -> Client:
    """Somebody whose last code is older than it may be."""
    client = logged_in(user)
    let_code_age(client)
    return client


@pytest.fixture
def case() -> Case:
    return paid_case()


def values(**more: str) -> dict[str, str]:
    return {"amount": "12.50", "reason": WHY, "shown_minor": "0", **more}


def asks_again(answer: Any) -> bool:
    return answer.status_code == 302 and answer.url.startswith(AGAIN)


def is_noted(action: str) -> bool:
    return Entry.objects.filter(action=action).exists()


def test_a_page_that_moves_money_first_asks_and_then_leads_there(
    client: Client, phone: Authenticator, case: Case
) -> None:
    page = act(case, "refund") + "?back=/admin/wallet/case/"
    asked = client.get(page)
    assert asks_again(asked)
    shown = text_of(client.get(asked.url))
    assert "less than 10 minutes old" in shown
    assert "Nothing happens by itself" in shown

    back = client.post(AGAIN, {"code": phone.fresh_code(), "next": page})

    assert back.url == page
    assert "At most" in text_of(client.get(page))
    assert Entry.objects.get(action="second_factor.confirmed").details["by"] == "code"
    assert not FundingRefund.objects.exists()


def test_a_post_with_an_old_code_does_nothing_and_keeps_what_was_typed(
    client: Client, phone: Authenticator, case: Case
) -> None:
    page = act(case, "refund")
    asked = client.post(page, values())
    assert asks_again(asked)
    assert "Nothing has been done yet" in text_of(client.get(asked.url))
    back = client.post(AGAIN, {"code": phone.fresh_code(), "next": page})
    assert not FundingRefund.objects.exists()

    again = client.get(back.url)

    typed = form_of(again)
    assert (typed["amount"], typed["reason"], typed["shown_minor"]) == ("12.50", WHY, "0")
    assert "What you had filled in is here again" in sentences(again)
    assert not FundingRefund.objects.exists()
    assert opened(client, page)["reason"] == ""
    client.post(page, typed)
    assert FundingRefund.objects.get().amount_minor == 1250


def test_what_was_typed_on_one_page_comes_up_on_no_other(client: Client, phone: Authenticator, case: Case) -> None:
    client.post(act(case, "refund"), values())
    client.post(AGAIN, {"code": phone.fresh_code()})

    assert opened(client, act(case, "refund") + "?back=/admin/")["reason"] == ""
    assert opened(client, act(case, "refund"))["reason"] == WHY


def test_a_hidden_field_is_worked_out_anew(client: Client, phone: Authenticator, case: Case) -> None:
    client.post(act(case, "refund"), values(shown_minor="700"))
    client.post(AGAIN, {"code": phone.fresh_code()})

    assert opened(client, act(case, "refund"))["shown_minor"] == "0"


def test_a_form_that_is_too_long_is_not_kept_and_nothing_breaks(client: Client, case: Case) -> None:
    assert asks_again(client.post(act(case, "refund"), values(reason="x" * 30_000)))
    assert "unsent_form" not in client.session


def test_the_code_of_the_login_counts_and_only_so_long(
    user: User, phone: Authenticator, case: Case, settings: Any
) -> None:
    settings.STAFF_FRESH_CODE_MIN = 3
    client = logged_in(user)
    assert client.get(act(case, "refund")).status_code == 200
    let_code_age(client, over_s=-30)
    assert client.get(act(case, "refund")).status_code == 200
    let_code_age(client)
    assert asks_again(client.get(act(case, "refund")))


def test_a_page_that_moves_no_money_asks_for_nothing(client: Client, case: Case) -> None:
    assert client.get(act(case, "note")).status_code == 200
    client.post(act(case, "note"), {"text": "They were glad."})
    assert case.notes.filter(text__contains="glad").exists()


def test_a_number_of_the_rules_is_edited_shortly_after_a_code_only(client: Client, phone: Authenticator) -> None:
    row = Threshold.objects.first()
    assert row is not None
    page = reverse("admin:routing_threshold_change", args=[row.pk])
    before = Threshold.objects.filter(pk=row.pk).values().get()
    assert asks_again(client.get(page))
    assert asks_again(client.post(page, {"value": "9", "shown_version": str(row.version)}))
    assert Threshold.objects.filter(pk=row.pk).values().get() == before

    client.post(AGAIN, {"code": phone.fresh_code()})
    send(client, page, value="9")

    assert Threshold.objects.get(pk=row.pk).value == 9


def test_who_may_only_look_at_a_form_is_asked_for_nothing() -> None:
    auditor = UserFactory(is_staff=True)
    auditor.groups.add(Group.objects.get(name="auditor"))
    client = logged_in(auditor)
    let_code_age(client)

    assert client.get(reverse("admin:users_user_change", args=[auditor.pk])).status_code == 200


def test_a_wrong_code_is_in_the_trail_and_ten_end_it(
    client: Client, user: User, phone: Authenticator, case: Case
) -> None:
    refused = client.post(AGAIN, {"code": phone.wrong_code()})
    assert "not the present code" in text_of(refused)
    for _ in range(devices.REFUSALS_PER_HOUR - 1):
        with pytest.raises(devices.SecondFactorError):
            devices.confirm(user, phone.wrong_code())

    assert "Too many" in text_of(client.post(AGAIN, {"code": phone.fresh_code()}))

    assert Entry.objects.filter(action=devices.REFUSED).count() == devices.REFUSALS_PER_HOUR
    assert not is_noted("second_factor.confirmed")
    assert asks_again(client.get(act(case, "refund")))


def test_a_code_counts_once_over_all_sessions(client: Client, user: User, phone: Authenticator, case: Case) -> None:
    thief, code = logged_in(user), phone.fresh_code()
    let_code_age(thief)

    client.post(AGAIN, {"code": code})
    answer = thief.post(AGAIN, {"code": code})

    assert "used before" in text_of(answer)
    assert client.get(act(case, "refund")).status_code == 200
    assert asks_again(thief.get(act(case, "refund")))


def test_a_recovery_code_lets_in_and_moves_no_money(client: Client, user: User, case: Case) -> None:
    with seeds_of(user):
        recovery = RecoveryCodes.activate(user)
        codes = recovery.generate_codes()
    answer = client.post(AGAIN, {"code": codes[0]})
    assert "A recovery code does not do here" in text_of(answer)
    with seeds_of(user):
        assert codes[0] in RecoveryCodes(recovery.instance).get_unused_codes()
    session = client.session
    session["account_authentication_methods"] = [{"method": "mfa", "at": time.time(), "type": "recovery_codes"}]
    session.save()

    assert asks_again(client.get(act(case, "refund")))


def test_a_password_is_no_second_factor(client: Client, case: Case) -> None:
    session = client.session
    session["account_authentication_methods"].append({"method": "password", "at": time.time(), "reauthenticated": True})
    session.save()

    assert asks_again(client.post(act(case, "refund"), values()))
    assert not FundingRefund.objects.exists()


def test_the_page_leads_nowhere_else(client: Client, phone: Authenticator) -> None:
    answer = client.post(AGAIN, {"code": phone.fresh_code(), "next": "https://example.com/"})
    assert answer.url == reverse("admin:index")


def test_the_page_speaks_german(client: Client, user: User) -> None:
    User.objects.filter(pk=user.pk).update(language="de")
    shown = text_of(client.get(AGAIN))
    assert "Bestätigen" in shown
    assert "Nothing happens" not in shown
