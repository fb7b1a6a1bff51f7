"""Somebody of operations finds a purchase by a word, keeps a filter under a name, and takes the list out as a file."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from audit.models import Entry
from onecard.desk.models import SavedFilter
from tests.browser.conftest import Axe, Buy, LogIn, Shot

pytestmark = pytest.mark.only_in_proofs


def test_a_filter_is_kept_and_its_list_is_exported(log_in: LogIn, buy: Buy, axe: Axe, shot: Shot) -> None:
    page = log_in("operations")
    buy(amount="45.00", merchant="Bella Italia")
    buy(amount="12.00", merchant="Corner Shop", mcc="7230")

    page.keyboard.press("Control+k")
    page.locator("#search-input-command").press_sequentially("Bella Italia")
    expect(page.locator("#command-results").get_by_text("Bella Italia").first).to_be_visible()
    shot(page, "search")
    page.locator("#command-results").get_by_role("link", name="Bella Italia").first.click()
    page.get_by_role("row", name="Bella Italia").get_by_role("link", name="Bella Italia").click()
    expect(page.get_by_role("heading", name="Bella Italia 45.00 USD Approved")).to_be_visible()

    page.goto("/admin/issuing/authorization/?mcc=5812")
    page.get_by_placeholder("Name of this filter").fill("Restaurants")
    page.get_by_role("button", name="Save filter").click()
    expect(page.get_by_role("link", name="Restaurants")).to_be_visible()
    expect(page.get_by_role("row", name="Bella Italia")).to_contain_text("Citi Double Cash Card •••• 4444")
    axe(page)
    shot(page, "saved-filters")

    with page.expect_download() as download:
        page.get_by_role("button", name="Export as CSV").click()
    lines = Path(download.value.path()).read_text(encoding="utf-8-sig").splitlines()

    assert SavedFilter.objects.get().name == "Restaurants"
    assert [line for line in lines if "Bella Italia" in line]
    assert not [line for line in lines if "Corner Shop" in line]
    assert Entry.objects.filter(action__startswith="list").exists()
