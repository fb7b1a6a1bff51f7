"""A person tries a rule on their own page, reads what it would have changed, and adds it, all with the keyboard."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from issuing.models import VirtualCard
from routing.models import PersonalRule
from tests.browser.conftest import Axe, Shot
from tests.issuing.rewards.purchases import bought
from tests.support.back_office import logged_in
from tests.support.wallets import named_valued_card
from wallet.models import FundingMethod

pytestmark = pytest.mark.only_in_proofs


@pytest.fixture
def card(settings: Any) -> VirtualCard:
    card = named_valued_card(settings)
    for mcc, minor in (("5812", 18_450), ("5411", 9_240), ("5812", 7_300)):
        bought(card, minor, mcc=mcc)
    return card


def test_a_rule_is_tried_and_added(
    card: VirtualCard, server: str, new_page: Callable[[], Page], axe: Axe, shot: Shot
) -> None:
    page = new_page()
    cookies = logged_in(card.cardholder.user).cookies.values()
    page.context.add_cookies([{"name": each.key, "value": each.value, "url": server} for each in cookies])
    page.goto("/wallet/rules")
    page.get_by_role("link", name="Try a rule").press("Enter")
    page.get_by_label("What to do").select_option(label="Never use this card")
    page.get_by_label("Card", exact=True).select_option(value=str(FundingMethod.objects.get(last_four="8431").pk))
    page.get_by_label("Kind of shop").fill("5812")
    page.get_by_label("Amount", exact=True).fill("45.00")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="What the rule would do")).to_be_visible()
    expect(page.get_by_text("Another card would have paid")).to_be_visible()
    axe(page)
    shot(page, "rule-trial")
    assert not PersonalRule.objects.exists()

    page.get_by_role("button", name="Add this rule").press("Enter")
    expect(page.get_by_text("Never use American Express Gold Card.")).to_be_visible()
    assert PersonalRule.objects.get().method.last_four == "8431"
    axe(page)
    page.context.add_cookies([{"name": "onecard_language", "value": "de", "url": server}])
    page.get_by_role("link", name="Change rule 1").click()
    page.get_by_role("button", name="Erst ausprobieren").press("Enter")
    expect(page.get_by_role("heading", name="Was die Regel täte")).to_be_visible()
    axe(page)
