"""The one short story of the suite: staff log in, and somebody with a password alone does not."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Axe, LogIn
from tests.browser.looks import violations
from tests.browser.staff import PASSWORD, colleague


def test_staff_log_in_and_see_the_overview(log_in: LogIn, axe: Axe) -> None:
    page = log_in("operations")

    expect(page.get_by_role("heading", name="Overview").first).to_be_visible()
    axe(page)


def test_a_password_alone_opens_nothing(new_page: Callable[[], Page], server: str) -> None:
    who, page = colleague("operations"), new_page()
    page.goto("/admin/wallet/case/")
    page.locator("[name=login]").fill(who.user.get_username())
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("[type=submit]").first.click()
    page.locator("[name=code]").fill(who.phone.wrong_code())
    page.locator("[type=submit]").first.click()
    page.goto("/admin/wallet/case/")

    assert "/admin/sign-in/" in page.url


@pytest.mark.only_in_proofs
def test_axe_finds_a_picture_without_words_and_grey_on_grey(new_page: Callable[[], Page]) -> None:
    page = new_page()
    page.set_content("<html lang=en><title>A</title><main><h1>A</h1><img src=''><p style='color: #ccc'>grey</p></main>")

    found = " ".join(violations(page))

    assert "image-alt" in found
    assert "color-contrast" in found
