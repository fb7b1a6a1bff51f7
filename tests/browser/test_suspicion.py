"""Risk looks at a suspicion of fraud, asks the person, and says what it was; the hook's record shows it."""

from typing import Any

import pytest
from playwright.sync_api import expect

from issuing.operations import hourly_sums
from onecard.fraud_settings import SHIPPED
from tests.browser.conftest import Axe, Buy, LogIn, Shot
from wallet.models import Case

pytestmark = pytest.mark.only_in_proofs


def test_risk_judges_a_suspicion(log_in: LogIn, buy: Buy, axe: Axe, shot: Shot, settings: Any) -> None:
    settings.FRAUD_HOOKS = ["tests.issuing.fraud.hooks.flags", *SHIPPED]
    buy(mcc="5812", amount="45.00", merchant="Bella Italia")
    hourly_sums.refresh()
    page = log_in("risk")

    page.get_by_role("link", name="Cases").first.click()
    page.get_by_role("link", name="Purchases with a card look like fraud").click()
    axe(page)
    page.get_by_role("link", name="What fraud hooks said").click()
    expect(page.get_by_text("Looks odd.")).to_be_visible()
    axe(page)
    page.go_back()
    page.get_by_role("link", name="It was no fraud").click()
    page.locator("[name=reason]").fill("They were in Rome, and know the restaurant.")
    page.get_by_role("button", name="It was no fraud").click()
    expect(page.get_by_text("The case is closed as no fraud.")).to_be_visible()
    assert Case.objects.get().outcome == "false_positive"

    page.get_by_role("link", name="Fraud hooks", exact=True).click()
    expect(page.get_by_text("1 no fraud")).to_be_visible()
    axe(page)
    shot(page, "fraud-hooks")
