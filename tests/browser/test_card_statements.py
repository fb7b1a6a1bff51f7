"""An administrator says what an account passes through, compares a card's statement, and drafts the corrections."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from issuing.rewards import sweep
from onecard.kit import clock
from routing.models import RankingDraft
from routing.odds import keeping
from tests.browser.conftest import Axe, LogIn
from tests.issuing.rewards.purchases import bought
from tests.support.wallets import valued_card
from wallet.models import ProcessorAccount

pytestmark = pytest.mark.only_in_proofs
AMOUNTS = (4500, 2000, 1234)


@pytest.mark.django_db(transaction=True)
def test_a_statement_is_compared_and_corrected(
    server: str, log_in: LogIn, axe: Axe, settings: Any, tmp_path: Path
) -> None:
    settings.MERCHANT_MCC_PASSED_THROUGH = True
    card = valued_card()
    (gold,) = {bought(card, amount=amount).method for amount in AMOUNTS}
    sweep.sweep()
    keeping.count_all(clock.now())
    day = clock.local_day(clock.now(), gold.cardholder.time_zone)
    file = tmp_path / "statement.csv"
    lines = [f"{day},{amount / 100:.2f},{round(amount * 3 / 100)}" for amount in AMOUNTS]
    file.write_text("\n".join(["date,amount,reward", *lines, f"{day},9.99,10"]))

    page = log_in("administrator")
    page.get_by_role("link", name="Processor accounts", exact=True).click()
    axe(page)
    page.get_by_role("link", name="Stripe, any other account").click()
    axe(page)
    page.get_by_role("link", name="Change pass-through").click()
    axe(page)
    page.get_by_label("The card's bank sees").select_option("on")
    page.get_by_label("Reason").fill("Their letter of November")
    page.get_by_role("button", name="Change").click()
    expect(page.get_by_text("Changed.")).to_be_visible()
    assert ProcessorAccount.objects.get().passes_mcc is True

    page.get_by_role("link", name="Likelihood to pay", exact=True).click()
    expect(page.get_by_text("95.7 %").first).to_be_visible()
    axe(page)

    page.get_by_role("link", name="Card statements", exact=True).click()
    page.get_by_role("link", name="Import a statement").click()
    page.get_by_label("Cardholder's login").fill(gold.cardholder.user.username)
    page.get_by_label("Last four digits").fill("8431")
    page.get_by_role("button", name="Go on").click()
    axe(page)
    page.get_by_label("File").set_input_files(file)
    page.get_by_role("button", name="Import").click()
    expect(page.get_by_text("4 new lines, of which 3 are purchases of ours")).to_be_visible()
    expect(page.get_by_role("row", name="Bonus dining")).to_contain_text("-77")
    axe(page)
    page.get_by_role("link", name="Draft corrections").click()
    expect(page.get_by_text("4 becomes 3, by 3 purchases")).to_be_visible()
    axe(page)
    page.get_by_role("button", name="Begin the draft").click()
    expect(page.get_by_text("Statement of").first).to_be_visible()
    assert RankingDraft.objects.filter(status="draft").count() == 1
