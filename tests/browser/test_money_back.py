"""Staff give back a part of a purchase, and dispute one for its cardholder, up to the issuer."""

import re

import pytest
from playwright.sync_api import Page, expect

from issuing.models import Authorization, CardTransaction, DisputeRequest
from tests.browser.conftest import Axe, Buy, LogIn
from tests.onecard.dev.processes import eventually
from wallet.accounts import Account
from wallet.ledger import postings as ledger
from wallet.models import FundingRefund
from wallet.processors.stripe.client import stripe_client

pytestmark = pytest.mark.only_in_proofs
PDF = {"name": "letter.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7 a letter"}


def open_purchase(page: Page) -> None:
    page.get_by_role("link", name="Authorizations").click()
    page.get_by_role("link", name="Bella Italia").first.click()


def merchant_takes(purchase: Authorization) -> None:
    stripe_client().v1.test_helpers.issuing.authorizations.capture(purchase.issuer_authorization_id)
    assert eventually(lambda: CardTransaction.objects.filter(authorization=purchase).exists())


def test_a_part_of_a_purchase_is_refunded(log_in: LogIn, buy: Buy, axe: Axe) -> None:
    purchase = buy(mcc="5812", amount="45.00", merchant="Bella Italia").authorization
    merchant_takes(purchase)
    page = log_in("operations")
    open_purchase(page)
    page.get_by_role("link", name=re.compile(r"\bRefund$")).click()
    expect(page.get_by_text("45.00 USD can go back")).to_be_visible()
    axe(page)
    page.locator("[name=amount]").fill("100.00")
    page.locator("[name=reason]").fill("The soup was cold.")
    page.get_by_role("button", name="Refund").click()
    expect(page.get_by_text("45.00 USD is left of what was paid")).to_be_visible()
    assert not FundingRefund.objects.exists()

    page.locator("[name=amount]").fill("15.00")
    page.get_by_role("button", name="Refund").click()

    expect(page.get_by_text("The refund is on its way")).to_be_visible()
    assert eventually(lambda: FundingRefund.objects.filter(status="succeeded", amount_minor=1500).exists())
    page.reload()
    expect(page.get_by_text("The soup was cold.").first).to_be_visible()
    axe(page)
    assert ledger.balance(Account.GOODWILL, currency="USD") == 1500
    assert ledger.balance(Account.PURCHASES, currency="USD") == 0


def test_a_dispute_is_opened_and_submitted(log_in: LogIn, buy: Buy, axe: Axe) -> None:
    purchase = buy(mcc="5812", amount="45.00", merchant="Bella Italia").authorization
    merchant_takes(purchase)
    page = log_in("operations")
    open_purchase(page)
    page.get_by_role("link", name="Open a dispute").click()
    axe(page)
    page.locator("[name=network_reason]").select_option("not_received")
    page.locator("[name=text]").fill("The food never came, and the restaurant does not answer.")
    page.locator("[name=file]").set_input_files([PDF])
    page.locator("[name=reason]").fill("They called on Monday.")
    page.get_by_role("button", name="Open the dispute").click()
    expect(page.get_by_text("The dispute is opened")).to_be_visible()
    expect(page.get_by_text("letter.pdf").first).to_be_visible()
    axe(page)

    page.get_by_role("link", name="Add evidence").click()
    page.locator("[name=file]").set_input_files([PDF])
    page.locator("[name=reason]").fill("It came by mail.")
    page.get_by_role("button", name="Add the file").click()
    expect(page.get_by_text("The file is added")).to_be_visible()

    page.get_by_role("link", name="Submit to the issuer").click()
    axe(page)
    page.get_by_role("button", name="Submit it to the issuer").click()

    expect(page.get_by_text("The issuer has it")).to_be_visible()
    made = DisputeRequest.objects.get()
    assert (made.status, made.amount_minor) == ("submitted", 4500)
    assert made.dispute is not None
    assert sorted(made.evidence.values_list("goes_to_issuer", flat=True)) == [False, True]
