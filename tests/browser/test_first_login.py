"""Somebody new is invited with a role, sets up their login without help, and meets no dead link."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from audit.models import Entry
from onecard.second_factor import invitations
from onecard.users.models import Invitation, User
from tests.browser.conftest import Axe, LogIn, Shot
from tests.support.authenticators import Authenticator

pytestmark = pytest.mark.only_in_proofs
PASSWORD = "seven green garden chairs"


def test_an_invited_colleague_sets_up_their_login(
    log_in: LogIn, new_page: Callable[[], Page], axe: Axe, shot: Shot
) -> None:
    invite(log_in("administrator"), axe)
    assert Entry.objects.get(action="staff.role_given").details["role"] == "support"

    page = new_page()
    page.goto(invitations.link(Invitation.objects.get()))
    axe(page)
    shot(page, "first-login")
    phone = Authenticator.typed_from(page.locator("code.oc-secret").first.inner_text())
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("[name=again]").fill(PASSWORD)
    page.locator("[name=code]").fill(phone.fresh_code())
    page.get_by_role("button", name="Finish").click()
    expect(page.locator("code.oc-secret")).to_have_count(10)
    axe(page)
    page.get_by_role("link", name="I have kept them: log in").click()
    page.locator("[name=login]").fill("grace")
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("[type=submit]").first.click()
    page.locator("[name=code]").fill(phone.fresh_code())
    page.locator("[type=submit]").first.click()
    page.wait_for_url("**/admin/")

    assert User.objects.get(username="grace").has_perm("wallet.view_case")
    assert not User.objects.get(username="grace").has_perm("wallet.change_case")


def invite(page: Page, axe: Axe) -> None:
    page.goto("/admin/users/user/")
    page.get_by_role("link", name="Invite a colleague").click()
    for name, value in {
        "first_name": "Grace",
        "last_name": "Hopper",
        "username": "grace",
        "email": "grace@example.com",
    }.items():
        page.locator(f"[name={name}]").fill(value)
    page.locator("[name=role]").select_option("support")
    axe(page)
    page.get_by_role("button", name="Send the invitation").click()
    expect(page.get_by_text("The invitation goes to grace@example.com").first).to_be_visible()


def test_a_support_person_meets_no_dead_link(log_in: LogIn, axe: Axe, shot: Shot) -> None:
    log_in("administrator")
    page = log_in("support")
    axe(page)

    links = {str(link.get_attribute("href")) for link in page.locator("a[href^='/admin/']").all()}
    answers = {link: page.goto(link) for link in sorted(links) if "sign-out" not in link and "logout" not in link}

    assert {link: answer.status for link, answer in answers.items() if answer and answer.status >= 400} == {}
    assert len(answers) > 10
    assert "/admin/wallet/posting/" not in links
    page.goto("/admin/wallet/posting/")
    expect(page.get_by_text("wallet.view_posting")).to_be_visible()
    expect(page.get_by_text("administrator@example.com")).to_be_visible()
    axe(page)
    shot(page, "refused")
