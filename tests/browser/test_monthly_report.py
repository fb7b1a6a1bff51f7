"""A person looks back on a month, on their own page, and staff see the same numbers beside them."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from issuing.models import VirtualCard
from tests.browser.conftest import Axe, LogIn, Shot
from tests.issuing.rewards.monthly.months import this_month
from tests.issuing.rewards.purchases import bought
from tests.support.back_office import logged_in
from tests.support.wallets import named_valued_card
from wallet.models import FundingCharge, FundingMethod

pytestmark = pytest.mark.only_in_proofs
BOUGHT = (("5812", 18_450), ("5411", 9_240), ("8011", 21_000), ("5541", 5_210), ("5812", 7_300))


@pytest.fixture
def card(settings: Any) -> VirtualCard:
    card = named_valued_card(settings)
    for mcc, minor in BOUGHT:
        charge = bought(card, minor, mcc=mcc)
    # The last dinner was paid by another card than the best.
    FundingCharge.objects.filter(pk=charge.pk).update(method=FundingMethod.objects.get(last_four="4444"))
    return card


def test_a_month_is_looked_back_on(
    card: VirtualCard, server: str, new_page: Callable[[], Page], log_in: LogIn, axe: Axe, shot: Shot
) -> None:
    page = new_page()
    cookies = logged_in(card.cardholder.user).cookies.values()
    page.context.add_cookies([{"name": each.key, "value": each.value, "url": server} for each in cookies])
    page.goto("/rewards")
    page.get_by_role("link", name="Report of last month").click()
    expect(page.get_by_text("No purchase of this month was paid")).to_be_visible()
    page.get_by_role("link", name=f"{this_month():%B %Y}").click()
    expect(page.get_by_role("heading", name="You earned")).to_be_visible()
    expect(page.get_by_text("Left on the table").first).to_be_visible()
    axe(page)
    shot(page, "monthly-report")

    staff = log_in("support")
    staff.goto("/admin/issuing/rewardentry/monthly/")
    staff.locator("[name=cardholder]").fill(card.cardholder.user.get_username())
    staff.locator("[name=month]").fill(f"{this_month():%Y-%m}")
    staff.get_by_role("button", name="Apply").click()
    expect(staff.get_by_role("heading", name="Earned by card")).to_be_visible()
    axe(staff)
    shot(staff, "monthly-report-staff")
