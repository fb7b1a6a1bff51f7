"""Staff bring a charge that every card refused to its end: another try, the card unfrozen, the pauses ended."""

import pytest
from playwright.sync_api import expect

from issuing.models import VirtualCard
from tests.browser.conftest import Axe, Buy, LogIn
from tests.onecard.dev.processes import eventually
from tests.sandbox.running import RunningSandbox
from wallet.models import Case, FundingMethod

pytestmark = pytest.mark.only_in_proofs
CARD = "ic_1S769SQLFtcEJSwHLTAnsvQe"


def stands(status: str) -> bool:
    return VirtualCard.objects.get(issuer_card_id=CARD).status == status


def test_a_failed_charge_is_brought_to_its_end(log_in: LogIn, buy: Buy, sandbox: RunningSandbox, axe: Axe) -> None:
    # Each of the four cards once.
    sandbox.order(method="POST", path="/v1/payment_intents", do="decline", decline_code="insufficient_funds", times=4)
    assert buy(merchant="Bella Italia").issuer_approved
    assert eventually(lambda: Case.objects.filter(kind="receivable", status="open").exists())
    assert eventually(lambda: stands("frozen"))
    page = log_in("operations")

    page.get_by_role("link", name="Authorizations").first.click()
    expect(page.get_by_role("row", name="Bella Italia")).to_contain_text("Unpaid, case open")
    axe(page)
    page.get_by_role("link", name="Unpaid, case open").first.click()
    expect(page.get_by_text("No funding card paid; the cardholder owes it").first).to_be_visible()
    axe(page)
    page.get_by_role("link", name="Charge another card").click()
    page.locator("[name=method]").select_option(index=1)
    page.locator("[name=reason]").fill("She has put money on it.")
    page.get_by_role("button", name="Charge another card").click()
    expect(page.get_by_text("The other card is being charged")).to_be_visible()
    assert eventually(lambda: Case.objects.filter(kind="receivable", status="resolved").exists())

    page.reload()
    page.get_by_role("link", name="Unfreeze the card").click()
    axe(page)
    page.locator("[name=reason]").fill("It is paid.")
    page.get_by_role("button", name="Unfreeze the card").click()
    expect(page.get_by_text("The freeze for this case is ended")).to_be_visible()
    assert eventually(lambda: stands("active"))

    page.get_by_role("link", name="End cooling").click()
    page.locator("[name=reason]").fill("It is paid.")
    page.get_by_role("button", name="End cooling").click()
    expect(page.get_by_text("The cards can be chosen again")).to_be_visible()

    assert not FundingMethod.objects.filter(cooling_until__isnull=False).exists()
    page.get_by_role("link", name="Authorizations").first.click()
    expect(page.get_by_role("row", name="Bella Italia")).not_to_contain_text("Unpaid")
    assert buy(merchant="Corner Shop").issuer_approved
