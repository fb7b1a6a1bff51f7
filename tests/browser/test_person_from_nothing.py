"""Staff make a person, their wallet and their card from nothing, and the purchase is charged."""

from typing import Final

import pytest
from django.core import mail
from playwright.sync_api import Page, expect

from issuing.models import VirtualCard
from tests.browser.conftest import Axe, Buy, LogIn, Shot
from tests.onecard.dev.processes import eventually
from wallet.models import FundingMethod

pytestmark = pytest.mark.only_in_proofs
GRACE: Final = {
    "email": "grace@example.com", "first_name": "Grace", "last_name": "Hopper", "birth_date": "1985-12-09",
    "phone": "+12125550123", "address_line1": "1 Navy Yard", "address_city": "New York", "address_state": "NY",
    "address_postal_code": "10001",
}  # fmt: skip


def test_staff_make_a_person_and_the_purchase_goes_through(log_in: LogIn, buy: Buy, axe: Axe, shot: Shot) -> None:
    page = log_in("operations")
    make_person(page)
    approve(log_in("risk"), axe)
    add_funding_card(page)
    card = make_card(page)

    report = buy(card_id=card.issuer_card_id)

    assert report.issuer_approved
    assert report.charge is not None
    assert (report.charge.status, report.charge.method.last_four) == ("succeeded", "4242")
    page.reload()
    expect(page.get_by_role("region", name="Purchases").get_by_text("Bella Italia")).to_be_visible()
    axe(page)
    shot(page, "customer")


def make_person(page: Page) -> None:
    page.get_by_role("link", name="Customers").click()
    page.get_by_role("link", name="New person").click()
    for name, value in GRACE.items():
        page.locator(f"[name={name}]").fill(value)
    page.locator("[name=terms]").check()
    page.get_by_role("button", name="Make the person").click()
    page.get_by_role("link", name="Submit for the check").click()
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_text("It waits under Identity checks.")).to_be_visible()


def approve(page: Page, axe: Axe) -> None:
    """Somebody else decides: operations may not."""
    page.get_by_role("link", name="Customers").click()
    page.get_by_role("searchbox").fill("212 555 0123")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="Approve").click()
    page.locator("[name=reason]").fill("Passport seen in person.")
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_text("Verified").first).to_be_visible()
    axe(page)


def add_funding_card(page: Page) -> None:
    """Staff have the link mailed, and the person saves their card on the processor's page."""
    customer = page.url
    page.get_by_role("link", name="Add a funding card").click()
    page.get_by_role("button", name="Make the page").click()
    expect(page.get_by_text("It was mailed to grace@example.com.")).to_be_visible()
    address = page.locator("a code").text_content() or ""
    assert address in mail.outbox[-1].body
    page.goto(address)
    page.get_by_role("button", name="Save card").click()
    expect(page.get_by_text("Thank you")).to_be_visible()
    assert eventually(lambda: FundingMethod.objects.filter(last_four="4242", cardholder__name="Grace Hopper").exists())
    page.goto(customer)
    expect(page.get_by_text("Visa •••• 4242").first).to_be_visible()


def make_card(page: Page) -> VirtualCard:
    page.get_by_role("link", name="New virtual card").click()
    page.get_by_role("button", name="Make the card").click()
    page.get_by_role("link", name="Activate").click()
    page.get_by_role("button", name="Activate").click()
    assert eventually(lambda: VirtualCard.objects.get(cardholder__name="Grace Hopper").status == "active")
    return VirtualCard.objects.get(cardholder__name="Grace Hopper")
