"""Staff explain two declines: one of ours with the numbers of its limit, and one of the issuer's with its reason."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from issuing.models import Authorization, VirtualCard
from tests.browser.conftest import Axe, Buy, LogIn
from tests.onecard.dev.processes import eventually

pytestmark = pytest.mark.only_in_proofs
CARD = "ic_1S769SQLFtcEJSwHLTAnsvQe"


def open_purchase(page: Page, merchant: str) -> None:
    page.get_by_role("link", name="Authorizations").first.click()
    page.get_by_role("link", name=merchant).first.click()


def test_support_explains_a_decline_of_ours_and_one_of_the_issuers(
    log_in: LogIn, buy: Buy, axe: Axe, settings: Any
) -> None:
    page = log_in("support")
    # A process that has just begun may be slow; the issuer waits two seconds.
    settings.DECISION_DEADLINE_MS = 1900
    VirtualCard.objects.filter(issuer_card_id=CARD).update(daily_limit_minor=10000, per_transaction_limit_minor=10000)
    assert buy(amount="90.00", merchant="Bella Italia").issuer_approved
    assert not buy(amount="45.00", merchant="Corner Shop").issuer_approved
    assert not buy(amount="600.00", merchant="Big Store").issuer_approved  # The issuer has a limit of its own.
    assert eventually(lambda: Authorization.objects.filter(issuer_reason="spending_controls").exists())

    page.get_by_role("link", name="Authorizations").first.click()
    ours = page.get_by_role("row", name="Corner Shop")
    expect(ours).to_contain_text("Daily limit of 100.00 USD: 90.00 USD spent, 10.00 USD left, 45.00 USD asked for.")
    expect(ours).to_contain_text("It renews on")
    theirs = page.get_by_role("row", name="Big Store")
    expect(theirs).to_contain_text("600.00 USD")
    expect(theirs).to_contain_text("A spending control at the issuer")
    axe(page)

    open_purchase(page, "Corner Shop")
    expect(page.get_by_text("Spent before it")).to_be_visible()
    expect(page.get_by_text("T+0", exact=True)).to_be_visible()
    axe(page)

    open_purchase(page, "Big Store")
    expect(page.get_by_role("heading", name="Big Store 600.00 USD Declined")).to_be_visible()
    expect(page.get_by_text("The issuer reported it and did not ask us")).to_be_visible()
    expect(page.get_by_text("A spending control at the issuer").first).to_be_visible()
    axe(page)
