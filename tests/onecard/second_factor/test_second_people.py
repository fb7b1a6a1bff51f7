"""Who may be the second person, as the pages name them before somebody starts."""

import datetime as dt

import pytest
from django.contrib.auth.models import Group, Permission

from onecard.kit import clock
from onecard.second_factor.second_people import in_words, who_may
from onecard.users.models import User
from tests.support.factories import UserFactory

pytestmark = pytest.mark.django_db

AGREES = "wallet.agree_entered_amount"


def colleague(name: str, **more: object) -> User:
    user = UserFactory(**{"is_staff": True, "first_name": name, **more})
    user.user_permissions.add(Permission.objects.get(codename="agree_entered_amount"))
    return user


def test_it_names_who_has_the_right_by_role_by_hand_or_as_superuser() -> None:
    by_role = UserFactory(is_staff=True, first_name="Zoe", last_name="Lin")
    by_role.groups.add(Group.objects.get(name="risk"))
    UserFactory(is_staff=True, first_name="Support").groups.add(Group.objects.get(name="support"))
    by_hand, boss = colleague("Bo"), UserFactory(is_staff=True, is_superuser=True, username="the-boss")

    assert {each.pk for each in who_may(AGREES, besides=[])} == {by_role.pk, by_hand.pk, boss.pk}
    assert in_words(AGREES, besides=[boss]) == "May approve now: Bo, Zoe Lin."


def test_it_leaves_out_who_would_be_refused() -> None:
    ada = colleague("Ada")
    colleague("Twin", email=ada.email.upper())
    colleague("Gone", is_active=False)
    colleague("No staff", is_staff=False)
    colleague("Suspended", trusted_from=None)
    colleague("New", trusted_from=clock.now() + dt.timedelta(hours=1))

    assert who_may(AGREES, besides=[ada]) == []
    said = in_words(AGREES, besides=[ada])
    assert said == "Nobody else may approve now: ask an administrator. These roles may: Risk, Finance."


def test_of_many_it_names_the_first_and_counts_the_others() -> None:
    for number in range(8):
        colleague(f"Person {number}")

    said = in_words(AGREES, besides=[])
    assert said == "May approve now: Person 0, Person 1, Person 2, Person 3, Person 4, 3 more."
