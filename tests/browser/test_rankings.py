"""Rankings: one person drafts and previews, a second one publishes; and a file with a mistake changes nothing."""

import re
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Page, expect

from issuing.models import Decision
from routing.models import RankingDraft, RankingRow
from tests.browser.conftest import Axe, Buy, LogIn, Shot
from tests.onecard.dev.processes import eventually
from wallet.models import CardProduct

pytestmark = pytest.mark.only_in_proofs
BAD: Final = """mcc,scope,product,network,card_name,reward_rate,reward_type,annual_fee,valid_from,valid_to
5812,network,,visa,Sapphire,4,cash,,,
5812,network,,amex,Gold,a lot,points,,,
"""


def test_a_draft_is_previewed_and_published_by_a_second_person(log_in: LogIn, buy: Buy, axe: Axe, shot: Shot) -> None:
    report = buy(mcc="5812", amount="45.00", merchant="Bella Italia")
    assert report.charge is not None
    assert report.charge.method.name == "Citi Double Cash Card"
    author = log_in("operations")

    draft_of_cash_at_restaurants(author, axe)
    expect(author.get_by_text("a second person publishes").or_(author.get_by_text("who wrote it"))).to_be_visible()
    expect(author.get_by_role("link", name=re.compile("Publish$"))).to_have_count(0)
    draft_page = author.url
    preview(author, axe)
    shot(author, "ranking-preview")
    publish(log_in("risk"), draft_page, axe)

    draft = RankingDraft.objects.get(by_command="")
    assert (draft.status, str(draft.published_by)) == ("published", "risk")
    report = buy(mcc="5812", amount="20.00", merchant="Bella Italia")
    assert report.charge is not None
    assert report.charge.method.name == "Chase Sapphire Reserve"


def draft_of_cash_at_restaurants(page: Page, axe: Axe) -> None:
    """From the grid to the ranking of Visa at restaurants, which gets 4 % cash in a new draft."""
    page.get_by_role("link", name="Rankings").first.click()
    page.get_by_role("link", name="Grid").click()
    axe(page)
    page.get_by_role("link", name="5812, Visa").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    axe(page)
    page.get_by_role("link", name="Change in a draft").click()
    axe(page)
    page.locator("[name=reward_rate]").fill("4")
    page.locator("[name=reward_type]").select_option("cash")
    page.get_by_role("button", name="Put it into the draft").click()
    expect(page.get_by_text("becomes 4 % cash back")).to_be_visible()
    axe(page)


def preview(page: Page, axe: Axe) -> None:
    page.get_by_role("link", name=re.compile("Preview$")).click()
    axe(page)
    page.get_by_role("button", name="Begin the preview").click()
    expect(page.get_by_text("All of the period was looked at.")).to_be_visible()
    expect(page.get_by_text("+0.45 USD").first).to_be_visible()
    expect(page.get_by_text("Chase Sapphire Reserve •••• 4242")).to_be_visible()
    axe(page)


def publish(page: Page, draft_page: str, axe: Axe) -> None:
    page.goto(draft_page)
    page.get_by_role("link", name=re.compile("Publish$")).click()
    axe(page)
    page.locator("[name=reason]").fill("The bank's letter of this week.")
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_text("Published: every purchase from now on uses it.")).to_be_visible()
    expect(page.get_by_text("The bank's letter of this week.")).to_be_visible()


def test_an_import_with_a_mistake_says_where_and_changes_nothing(log_in: LogIn, axe: Axe, tmp_path: Path) -> None:
    file = tmp_path / "rankings.csv"
    file.write_text(BAD, encoding="utf-8")
    page = log_in("operations")
    page.get_by_role("link", name="Rankings").first.click()
    page.get_by_role("link", name="Import").click()
    axe(page)
    page.locator("[name=file]").set_input_files(file)
    page.get_by_role("button", name="Import into a draft").click()

    wrong = page.get_by_role("row", name="reward_rate")
    expect(wrong).to_contain_text("3")
    expect(wrong).to_contain_text("must be a number such as 1.5")
    axe(page)
    assert not RankingDraft.objects.exists()
    assert not RankingRow.objects.exists()

    file.write_text(BAD.replace("a lot", "4"), encoding="utf-8")
    page.locator("[name=file]").set_input_files(file)
    page.get_by_role("button", name="Import into a draft").click()
    expect(page.get_by_text("The draft changes 2 rankings.")).to_be_visible()
    assert eventually(lambda: RankingDraft.objects.get().changes.count() == 2)
    assert not RankingRow.objects.exists()


def test_somebody_asks_which_card_would_pay_and_nothing_is_stored(log_in: LogIn, sandbox: object, axe: Axe) -> None:
    page = log_in("operations")
    page.get_by_role("link", name="Rankings").first.click()
    page.get_by_role("link", name="What if").click()
    axe(page)
    page.get_by_label("MCC").fill("5812")
    page.get_by_label("Amount").fill("45.00")
    page.get_by_label("And these cards").select_option(str(CardProduct.objects.get(key="amex-gold").pk))
    page.get_by_role("button", name="Show", exact=True).click()

    expect(page.get_by_role("row", name="Most money")).to_contain_text("Gold")
    expect(page.get_by_role("heading", name="45.00 USD, MCC 5812")).to_be_visible()
    axe(page)
    assert not RankingDraft.objects.filter(by_command="").exists()
    assert not Decision.objects.exists()
