"""A member of staff watches the live page, and a purchase that somebody makes appears by itself."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Axe, Buy, LogIn, Shot

pytestmark = pytest.mark.only_in_proofs


def test_live_page_sees_a_purchase(log_in: LogIn, buy: Buy, axe: Axe, shot: Shot) -> None:
    page = log_in("operations")
    page.get_by_role("link", name=re.compile(r"\bLive$")).click()
    expect(page.get_by_text("No decision fits.")).to_be_visible()

    buy(amount="45.00", merchant="Bella Italia")

    expect(page.get_by_role("cell", name="Bella Italia")).to_be_visible()
    expect(page.get_by_role("status")).to_contain_text("1 new decision. Approved: Bella Italia, 45.00 USD.")
    axe(page)
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("Paused: nothing new comes until you resume.")).to_be_visible()
    buy(amount="12.00", merchant="Corner Shop")
    expect(page.get_by_role("cell", name="Corner Shop")).not_to_be_visible()

    page.get_by_role("button", name="Resume").click()

    expect(page.get_by_role("cell", name="Corner Shop")).to_be_visible()
    shot(page, "live")
    page.get_by_label("Amount of at least").fill("20.00")
    page.get_by_role("button", name="Filter", exact=True).click()
    expect(page.get_by_role("cell", name="Corner Shop")).not_to_be_visible()
    page.get_by_role("row", name="Bella Italia").get_by_role("link").click()
    expect(page.get_by_text("Bella Italia").first).to_be_visible()
