"""Somebody of operations looks for a purchase by its amount, its day and its card, and keeps the filter."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Axe, Buy, LogIn

pytestmark = pytest.mark.only_in_proofs


def test_a_purchase_is_found_by_amount_day_and_card(log_in: LogIn, buy: Buy, axe: Axe) -> None:
    buy(amount="45.00", merchant="Bella Italia")
    buy(amount="12.00", merchant="Corner Shop")
    page = log_in("operations")
    page.goto("/admin/issuing/authorization/")
    page.get_by_role("button", name="Filters").click()
    axe(page)

    amount = page.get_by_role("group", name="Amount")
    amount.get_by_label("From").fill("cheap")
    amount.get_by_label("From").press("Enter")

    expect(page.get_by_text("“cheap” is not an amount of USD: write it like 45.00 or 1,500.00.").first).to_be_visible()
    expect(page.get_by_text("Nothing matches")).to_be_visible()
    page.get_by_role("button", name="Filters").click()
    axe(page)
    amount.get_by_label("From").fill("40.00")
    page.get_by_label("virtual card").fill("0005")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("link", name="Bella Italia")).to_be_visible()
    expect(page.get_by_role("link", name="Corner Shop")).not_to_be_visible()
    assert "amount_from=40.00" in page.url
    assert "amount_to" not in page.url
