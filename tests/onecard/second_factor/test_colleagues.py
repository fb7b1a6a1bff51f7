"""Staff are invited with a role, by administrators on a page and by a command on the machine."""

import pytest
from allauth.mfa.models import Authenticator as Row
from django.contrib.auth.models import Group
from django.core import mail
from django.core.management import CommandError, call_command
from django.urls import reverse

from audit.models import Entry
from onecard.users.models import Invitation, User
from tests.onecard.second_factor.test_pages import deliver
from tests.support.authenticators import Authenticator
from tests.support.back_office import logged_in, superuser, text_of
from tests.support.factories import UserFactory

pytestmark = pytest.mark.django_db
PAGE = reverse("staff-invite-new")
GRACE = {"username": "grace", "email": "grace@example.com", "first_name": "Grace", "last_name": "H", "role": "finance"}


def of_role(name: str) -> User:
    clerk = UserFactory(is_staff=True)
    clerk.groups.add(Group.objects.get(name=name))
    return clerk


def roles_of(user: User) -> list[str]:
    return sorted(user.groups.values_list("name", flat=True))


def test_an_administrator_invites_somebody_with_a_role() -> None:
    assert logged_in(of_role("administrator")).post(PAGE, GRACE).status_code == 302

    grace = User.objects.get(username="grace")
    assert (grace.is_staff, grace.is_superuser, grace.has_usable_password()) == (True, False, False)
    assert roles_of(grace) == ["finance"]
    assert Invitation.objects.get().user == grace
    assert Entry.objects.get(action="staff.role_given").details["role"] == "finance"


def test_other_administrators_hear_of_an_invitation_without_its_link() -> None:
    ada, other, gone = of_role("administrator"), superuser(), of_role("administrator")
    User.objects.filter(pk=gone.pk).update(is_active=False)
    of_role("risk")

    logged_in(ada).post(PAGE, GRACE)

    told = dict(each.split(": ", 1) for each in deliver())
    assert set(told) == {"grace@example.com", other.email}
    assert "/invitation/" in told["grace@example.com"]
    assert f"{ada.username} invited grace" in told[other.email]
    assert "Groups of grace: finance" in told[other.email]
    assert "/invitation/" not in told[other.email]


def test_other_administrators_hear_of_a_removed_second_factor_and_why() -> None:
    ada, other, casey = of_role("administrator"), of_role("administrator"), of_role("risk")
    Authenticator.of(casey)

    logged_in(ada).post(reverse("second-factor-remove", args=[casey.pk]), {"reason": "Their phone fell into the sea"})

    told = dict(each.split(": ", 1) for each in deliver())
    assert "Their phone fell into the sea" in told[other.email]
    assert f"{ada.username} removed the second factor of {casey.username}" in told[other.email]
    assert ada.email not in told
    assert not Row.objects.filter(user=casey).exists()


@pytest.mark.parametrize("wrong", [{"username": "GRACE"}, {"role": "boss"}, {"role": ""}, {"email": "no"}])
def test_a_wrong_invitation_makes_no_login(wrong: dict[str, str]) -> None:
    UserFactory(username="Grace", is_staff=True)
    before = User.objects.count()
    client = logged_in(superuser())

    assert client.post(PAGE, GRACE | {"username": "other"} | wrong).status_code == 200

    assert (User.objects.count(), Invitation.objects.count(), mail.outbox) == (before + 1, 0, [])


@pytest.mark.parametrize("role", ["support", "operations", "risk", "finance", "auditor"])
def test_nobody_else_invites(role: str) -> None:
    answer = logged_in(of_role(role)).post(PAGE, GRACE)

    assert answer.status_code == 403
    assert "users.assign_roles" in text_of(answer)
    assert not User.objects.filter(username="grace").exists()


def test_a_new_role_takes_the_place_of_the_earlier_one() -> None:
    clerk = of_role("support")
    clerk.groups.add(Group.objects.create(name="Night shift"))

    logged_in(of_role("administrator")).post(reverse("staff-invite", args=[clerk.pk]), {"role": "risk"})

    assert roles_of(clerk) == ["Night shift", "risk"]
    assert Entry.objects.get(action="staff.role_given").details["earlier"] == ["support"]


def test_nobody_chooses_their_own_role_nor_one_of_a_superuser() -> None:
    boss, clerk = superuser(), of_role("administrator")
    client = logged_in(clerk)

    own = client.post(reverse("staff-invite", args=[clerk.pk]), {"role": "finance"})
    bosses = client.post(reverse("staff-invite", args=[boss.pk]), {"role": "finance"})

    assert "Nobody chooses their own role." in text_of(own)
    assert bosses.status_code == 403
    assert (roles_of(clerk), roles_of(boss), Invitation.objects.count()) == (["administrator"], [], 0)


def test_the_command_makes_a_login_with_a_role(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CommandError, match="name --role and --email"):
        call_command("invite_staff", "grace", "--role", "support")

    call_command("invite_staff", "grace", "--role", "support", "--email", "grace@example.com")

    assert "/invitation/" in capsys.readouterr().out
    assert roles_of(User.objects.get(username="grace")) == ["support"]
