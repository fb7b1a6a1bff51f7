"""The groups of the roles follow the table, whatever was done to them, and whoever helps or looks moves no money."""

from importlib import import_module

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command

from onecard.users.roles import ROLES, administrators, roles_with
from tests.support.back_office import logged_in, superuser
from tests.support.factories import UserFactory

pytestmark = pytest.mark.django_db
MOVES_MONEY = {
    *("wallet.change_case", "issuing.add_cardfunding", "wallet.agree_write_off", "wallet.agree_entered_amount"),
    "wallet.add_fundingrefund",
}


def test_the_groups_have_exactly_what_the_table_says() -> None:
    for name, role in ROLES.items():
        held = Permission.objects.filter(group__name=name).select_related("content_type")
        assert {f"{each.content_type.app_label}.{each.codename}" for each in held} == role.permissions


def test_a_migration_takes_back_what_somebody_gave_to_a_role() -> None:
    support = Group.objects.get(name="support")
    support.permissions.add(Permission.objects.get(codename="reveal_card_data"))

    call_command("migrate", verbosity=0)

    assert not support.permissions.filter(codename="reveal_card_data").exists()


@pytest.mark.parametrize("name", ["support", "auditor", "administrator"])
def test_who_looks_or_helps_moves_no_money(name: str) -> None:
    assert not ROLES[name].permissions & (MOVES_MONEY | {"issuing.reveal_card_data"})


def test_an_auditor_changes_nothing() -> None:
    assert {permission.split(".")[1].split("_")[0] for permission in ROLES["auditor"].permissions} == {"view"}


def test_only_administrators_choose_roles() -> None:
    assert [str(role.title) for role in roles_with("users.assign_roles")] == ["Administrator"]


def test_administrators_are_those_who_can_log_in() -> None:
    boss, clerk = superuser(), UserFactory(is_staff=True)
    gone, guest = UserFactory(is_staff=True, is_active=False), UserFactory(is_staff=False)
    for each in (clerk, gone, guest):
        each.groups.add(Group.objects.get(name="administrator"))

    assert set(administrators()) == {boss, clerk}


@pytest.mark.parametrize("view", ["change", "delete"])
def test_nobody_edits_a_role_in_the_back_office(view: str) -> None:
    group = Group.objects.get(name="support")
    before = set(group.permissions.values_list("pk", flat=True))

    answer = logged_in().post(f"/admin/auth/group/{group.pk}/{view}/", {"name": "support", "post": "yes"})

    assert answer.status_code == 403
    assert set(Group.objects.get(name="support").permissions.values_list("pk", flat=True)) == before


def test_an_older_group_of_a_roles_name_keeps_its_members_and_powers() -> None:
    Group.objects.all().delete()
    older, member = Group.objects.create(name="finance"), UserFactory(is_staff=True)
    older.permissions.add(Permission.objects.get(codename="view_case"))
    member.groups.add(older)
    migration = import_module("onecard.users.migrations.0006_roles")

    migration.make_room(apps, None)
    migration.make_groups(apps, None)
    call_command("migrate", verbosity=0)

    older.refresh_from_db()
    assert older.name == "finance (before roles)"
    assert member.get_all_permissions() == {"wallet.view_case"}
    assert Group.objects.get(name="finance").permissions.count() == len(ROLES["finance"].permissions)
