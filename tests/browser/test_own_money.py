"""Finance sees what the issuer's balance has, follows a top-up, and enters a settlement from the bank's statement."""

import pytest
from playwright.sync_api import expect

from issuing.operations import balances
from onecard.kit import clock
from tests.browser.conftest import Axe, LogIn
from tests.sandbox.running import RunningSandbox
from tests.wallet.own_money.bank import follow, played, top_up
from wallet.ledger.balances import balances as books

pytestmark = pytest.mark.only_in_proofs


def test_finance_looks_after_our_own_money(log_in: LogIn, sandbox: RunningSandbox, axe: Axe) -> None:
    played(f"topups/{top_up(70_000)}/fail")
    follow()
    balances.read_all()
    page = log_in("finance")

    page.get_by_role("link", name="Issuers", exact=True).click()
    expect(page.get_by_text("1,000,000.00 USD")).to_be_visible()
    axe(page)
    page.get_by_role("link", name="Top-ups and payouts", exact=True).click()
    expect(page.get_by_role("row", name="700.00 USD")).to_contain_text("Your bank account has too little money.")
    axe(page)

    page.get_by_role("link", name="Enter from the bank's statement").click()
    axe(page)
    page.get_by_label("Amount").fill("12.345")
    page.get_by_label("Day of the statement").fill(clock.now().date().isoformat())
    page.get_by_label("Reason").fill("Settlement of Marqeta's program")
    page.get_by_role("button", name="Post it").click()
    expect(page.get_by_text("is not an amount of USD")).to_be_visible()
    page.get_by_label("Amount").fill("123.45")
    page.get_by_role("button", name="Post it").click()

    expect(page.get_by_text("It is posted.")).to_be_visible()
    held = {each.account: each.minor for each in books()}
    assert (held["bank"], held["issuer"]) == (-12_345 - 100_000_000, 100_000_000 + 12_345)
