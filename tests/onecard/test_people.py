"""Nobody becomes somebody else: administrators change powers, names and addresses, and never their own powers."""

import datetime as dt
from typing import Any

import pytest
from allauth.mfa.models import Authenticator as Row
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.urls import reverse

from audit.models import Entry
from issuing.card_data import reveal
from issuing.issuers import registry
from issuing.issuers.mock import MockIssuer
from onecard.kit import clock
from onecard.second_factor import devices, invitations, trust
from onecard.users.models import Invitation, User
from tests.support.authenticators import Authenticator
from tests.support.back_office import logged_in, opened, send, superuser, text_of
from tests.support.factories import UserFactory, VirtualCardFactory
from tests.support.second_step import let_code_age
from tests.wallet.admin.case_pages import act, press, staff
from tests.wallet.charges.unpaid import receivable
from wallet.casework import proposals as case_proposals
from wallet.casework.desk import CaseRefusedError
from wallet.models import Case

pytestmark = pytest.mark.django_db


def hr() -> User:
    user = UserFactory(is_staff=True, username="hr")
    user.user_permissions.add(
        *Permission.objects.filter(content_type__app_label__in=("users", "auth", "mfa", "account")).exclude(
            # Who has this one is an administrator.
            codename="assign_roles"
        )
    )
    return user


def caseb() -> User:
    user = staff("change_case", "agree_write_off")
    user.set_password("a long pass phrase")
    user.save()
    Authenticator.of(user)
    return user


def page(user: User) -> str:
    return reverse("admin:users_user_change", args=[user.pk])


def test_who_may_change_users_changes_nothing_that_makes_them_another() -> None:
    victim, thief = caseb(), hr()
    client = logged_in(thief)
    before = User.objects.filter(pk=victim.pk).values().get()
    seed = Row.objects.get(user=victim).data
    group = Group.objects.create(name="Everything")

    client.post(
        page(victim),
        opened(client, page(victim))
        | {
            "username": "mine",
            "email": "hr@example.com",
            "password": "known to hr alone",
            "password1": "known to hr alone",
            "password2": "known to hr alone",
            "usable_password": "true",
            "is_superuser": "on",
            "groups": str(group.pk),
            "trusted_from": "2020-01-01",
            "session_version": "9",
            "first_name": "Casey",
        },
    )

    after = User.objects.filter(pk=victim.pk).values().get()
    assert {name for name in after if after[name] != before[name]} == {"first_name"}
    assert not victim.groups.exists()
    assert Row.objects.get(user=victim).data == seed
    for path in (
        reverse("admin:auth_user_password_change", args=[victim.pk]),
        reverse("second-factor-remove", args=[victim.pk]),
        reverse("staff-invite", args=[victim.pk]),
    ):
        answer = client.post(
            path, {"password1": "known to hr alone", "password2": "known to hr alone", "reason": "x" * 20}
        )
        assert answer.status_code == 403, path
    assert not Invitation.objects.exists()


@pytest.mark.parametrize("own", ["hr", "boss"])
def test_nobody_changes_their_own_powers(own: str) -> None:
    person = hr() if own == "hr" else superuser()
    group = Group.objects.create(name="Everything")
    permission = Permission.objects.get(codename="agree_write_off")

    client = logged_in(person)
    values = {"is_superuser": "on", "groups": str(group.pk), "user_permissions": str(permission.pk), "is_staff": "on"}
    client.post(page(person), opened(client, page(person)) | values)

    person.refresh_from_db()
    assert person.is_superuser is (own == "boss")
    assert not person.groups.exists()
    assert not person.user_permissions.filter(codename="agree_write_off").exists()
    assert logged_in(person).post(reverse("admin:auth_group_change", args=[group.pk]), {}).status_code in (200, 403)


def test_nobody_sets_a_password_for_another_not_even_a_superuser() -> None:
    victim, boss = caseb(), superuser()
    client = logged_in(boss)

    shown = text_of(client.get(page(victim)))
    answer = client.post(
        reverse("admin:auth_user_password_change", args=[victim.pk]),
        {"usable_password": "true", "password1": "known to the boss", "password2": "known to the boss"},
    )
    send(client, page(victim), password="known to the boss", password1="known to the boss")

    assert 'name="password' not in shown
    assert "Send an invitation" in shown
    assert answer.status_code == 403
    victim.refresh_from_db()
    assert victim.check_password("a long pass phrase")


def test_a_new_login_has_no_password_until_the_person_sets_one() -> None:
    client = logged_in()

    send(client, reverse("admin:users_user_add"), username="new", email="new@example.com", password1="x" * 14)

    made = User.objects.get(username="new")
    assert not made.has_usable_password()
    assert made.trusted_from is None
    assert not made.is_staff


@pytest.mark.parametrize("changes", [{"email": "boss@example.com"}, {"username": "somebody_else"}])
def test_a_changed_login_is_suspended_and_mailed_at_its_old_address(changes: dict[str, str]) -> None:
    from tests.onecard.second_factor.test_pages import deliver

    victim = caseb()
    theirs, earlier = logged_in(victim), victim.email

    send(logged_in(), page(victim), **changes)

    victim.refresh_from_db()
    assert victim.trusted_from is None
    assert theirs.get(reverse("admin:index")).status_code == 302
    entry = Entry.objects.get(action="staff.suspended")
    assert entry.subject_id == str(victim.pk)
    assert any(text.startswith(f"{earlier}: ") for text in deliver())


def test_who_is_suspended_neither_agrees_nor_reveals() -> None:
    case, asker, victim = receivable(), staff("change_case"), caseb()
    press(case, "ask-write-off", asker)
    from onecard.kit.transactions import transaction

    with transaction():
        trust.suspend(victim, actor="user:1", because="login_changed")

    with pytest.raises(CaseRefusedError, match="Set it up again"):
        case_proposals.agree(case=case, user=victim, reason="Agreed on the phone")
    answer = press(case, "agree", victim, shown_minor="4500")

    assert "Set it up again" in text_of(answer)
    case.refresh_from_db()
    assert case.status == Case.Status.OPEN
    assert_no_reveal(victim, "Set it up again")


def test_a_new_second_factor_waits_before_it_agrees_or_reveals(settings: Any) -> None:
    """Enrolled by an invitation with a password that the thief knows: nothing is shown for a day, and it is told."""
    from tests.onecard.second_factor.test_pages import take

    user = staff("change_case", "agree_write_off")
    link = invitations.link(invitations.invite(user=user, actor="user:1"))
    take(Client(), "/" + link.partition("//")[2].partition("/")[2])

    assert_no_reveal(user, "Your second factor is new")
    case = receivable()
    press(case, "ask-write-off", staff("change_case"))
    assert "Your second factor is new" in text_of(
        press(case, "agree", User.objects.get(pk=user.pk), shown_minor="4500")
    )
    case.refresh_from_db()
    assert case.status == Case.Status.OPEN
    with clock.ahead(dt.timedelta(hours=settings.SECOND_FACTOR_WAIT_H, minutes=1)):
        assert trust.why_not_trusted(user) == ""


def test_agreeing_needs_a_code_typed_shortly_before() -> None:
    case, asker, boss = receivable(), staff("change_case"), caseb()
    press(case, "ask-write-off", asker)
    phone, client = Authenticator.of(boss), logged_in(boss)
    values = {"reason": "Agreed on the phone", "shown_minor": "4500"}

    let_code_age(client)
    asked = client.post(act(case, "agree"), values).url
    for code, words in (("", "required"), (phone.wrong_code(), "not the present code")):
        assert words in text_of(client.post(asked, {"code": code}))
        client.post(act(case, "agree"), values)
        case.refresh_from_db()
        assert case.status == Case.Status.OPEN
    code = phone.fresh_code()
    client.post(asked, {"code": code})
    case.refresh_from_db()
    assert case.status == Case.Status.OPEN
    client.post(act(case, "agree"), values)

    case.refresh_from_db()
    assert case.agreed_by == boss
    assert not devices.verify_code(boss, code)


def test_powers_that_are_given_and_invitations_are_in_the_trail() -> None:
    boss, other = superuser(), UserFactory(is_staff=True)
    permission = Permission.objects.get(codename="agree_write_off")

    send(logged_in(boss), page(other), user_permissions=str(permission.pk), is_superuser="on")
    logged_in(boss).post(reverse("staff-invite", args=[other.pk]), {})

    changes = [
        entry.details["changes"] for entry in Entry.objects.filter(action="user.changed", actor=f"user:{boss.pk}")
    ]
    assert {"is_superuser": [False, True]} in changes
    assert any("user_permissions" in each for each in changes)
    assert Entry.objects.get(action="staff.invited").actor == f"user:{boss.pk}"


def assert_no_reveal(user: User, words: str) -> None:
    user.user_permissions.add(Permission.objects.get(codename="reveal_card_data"))
    user = User.objects.get(pk=user.pk)
    mock, card = MockIssuer(), VirtualCardFactory(issuer_provider="mock")
    registry.install(mock)
    with pytest.raises(reveal.SuspendedError, match=words):
        reveal.reveal_to_staff(card=card, user=user, reason="The cardholder asks")
    assert "get_card_data" not in mock.calls
    assert Entry.objects.filter(action="card_data.reveal").latest("pk").details["outcome"] == "suspended"


@pytest.mark.parametrize("name", ["CASEY", " casey ", "c\uff41sey"])
def test_a_name_that_differs_in_its_letters_only_is_taken(name: str) -> None:
    """Else whoever may add logins locks a person out: neither of two such names would be found at the login."""
    taken, other = UserFactory(username="casey", is_staff=True), UserFactory()
    boss = logged_in()

    boss.post(reverse("admin:users_user_add"), {"username": name})
    send(boss, page(other), username=name)

    assert [user.pk for user in User.objects.filter(username__iregex="^ *c.sey *$")] == [taken.pk]
