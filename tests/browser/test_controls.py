"""A control is drafted, previewed over 30 days of history, shadowed, published by a second person, reported."""

import datetime as dt
import re

import pytest
from playwright.sync_api import Page, expect

from issuing.models import Authorization, Control, ControlHit, Decision, VirtualCard
from onecard.kit import clock
from tests.browser.conftest import Axe, Buy, LogIn
from tests.journeys.conftest import CARD
from tests.onecard.dev.processes import eventually
from tests.support import stripe_events

pytestmark = [pytest.mark.only_in_proofs, pytest.mark.timeout(400)]
DAYS_AGO = (29, 21, 14, 8, 8, 8, 2)
AMOUNT = 2_000


def history() -> None:
    """Purchases of the last 30 days: three of them on one day."""
    for number, days in enumerate(DAYS_AGO):
        with clock.ahead(dt.timedelta(minutes=number) - dt.timedelta(days=days)):
            asked = stripe_events.authorization_request(card=CARD, amount=AMOUNT)
            assert stripe_events.post(asked).json()["approved"] is True
    assert eventually(lambda: Decision.objects.count() == len(DAYS_AGO))


def test_a_control_is_tried_and_then_published_by_a_second_person(log_in: LogIn, buy: Buy, axe: Axe) -> None:
    history()
    author = log_in("risk")

    draft_of_two_purchases_a_day(author, axe)
    control_page = author.url
    expect(author.get_by_role("link", name=re.compile("Publish$"))).to_have_count(0)
    preview(author, axe)
    author.goto(control_page)
    author.get_by_role("link", name=re.compile("To shadow$")).click()
    author.get_by_role("button", name="To shadow").click()
    expect(author.get_by_text("It is in shadow.")).to_be_visible()
    for _ in range(3):
        assert buy(amount="20.00").issuer_approved
    assert eventually(lambda: ControlHit.objects.filter(in_shadow=True).count() == 1)
    expect(author.get_by_role("link", name=re.compile("Publish$"))).to_have_count(0)

    publish(log_in("operations"), control_page, axe)
    control = Control.objects.get(name="Two a day")
    version = control.versions.get()
    assert (version.state, version.author == version.publisher) == ("active", False)
    assert not buy(amount="20.00").issuer_approved
    assert eventually(lambda: ControlHit.objects.filter(in_shadow=False).count() == 1)
    assert Authorization.objects.latest("pk").status == "declined"

    author.goto(control_page)
    author.get_by_role("link", name="Hits, amounts and cases by day").click()
    expect(author.get_by_role("row", name=re.compile("active"))).to_contain_text("20.00 USD")
    expect(author.get_by_role("row", name=re.compile("shadow")).first).to_contain_text("20.00 USD")
    axe(author)
    with author.expect_download() as download:
        author.get_by_role("button", name="All versions as CSV").click()
    assert download.value.suggested_filename.startswith(f"control-{control.pk}-")
    assert VirtualCard.objects.get(issuer_card_id=CARD).status == "active"


def draft_of_two_purchases_a_day(page: Page, axe: Axe) -> None:
    page.get_by_role("link", name="Controls", exact=True).click()
    page.get_by_role("link", name=re.compile("New control$")).click()
    expect(page.get_by_text("A second person must publish it, and you cannot be that person.")).to_be_visible()
    axe(page)
    page.locator("[name=name]").fill("Two a day")
    page.locator("[name=attribute_0]").select_option(label="Group of merchant categories")
    page.locator("[name=value_0]").fill("Restaurants and other stores")
    page.locator("[name=measure]").select_option(label="the number of purchases")
    page.locator("[name=window]").select_option(label="of a day")
    page.locator("[name=most]").fill("two")
    page.locator("[name=reason_code]").fill("two_a_day")
    page.locator("[name=sentence]").fill("You have been to restaurants twice today.")
    page.get_by_role("button", name="Write the draft").click()
    expect(page.get_by_text("Write a whole number of purchases, such as 5.")).to_be_visible()
    page.locator("[name=most]").fill("2")
    page.get_by_role("button", name="Write the draft").click()
    expect(page.get_by_text("Group of merchant categories is Restaurants and other stores.").first).to_be_visible()
    axe(page)


def preview(page: Page, axe: Axe) -> None:
    page.get_by_role("link", name=re.compile("Preview$")).first.click()
    page.get_by_role("button", name="Begin the preview").click()
    expect(page.get_by_text("All of the period was looked at.")).to_be_visible()
    expect(page.get_by_text("Approved then, declined with the control")).to_have_count(1)
    axe(page)


def publish(page: Page, control_page: str, axe: Axe) -> None:
    page.goto(control_page)
    page.get_by_role("link", name=re.compile("Publish$")).click()
    expect(page.get_by_text("1 hits in 30 days").or_(page.get_by_text("1 hit in 30 days"))).to_be_visible()
    axe(page)
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_text("Published: it takes its action from now on.")).to_be_visible()
