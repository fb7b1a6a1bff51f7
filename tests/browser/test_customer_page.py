"""What staff do for a customer on the phone, from the search that finds them to what the history says of it."""

import re

import pytest
from playwright.sync_api import Page, expect

from audit.models import Entry
from issuing.models import VirtualCard
from onecard.users.models import User
from tests.browser.conftest import Axe, Buy, LogIn
from tests.browser.staff import colleague, let_code_age
from tests.onecard.dev.processes import eventually
from tests.sandbox.running import RunningSandbox
from wallet.kyc import review
from wallet.models import Cardholder, EnteredAmount

pytestmark = pytest.mark.only_in_proofs


def find(page: Page, words: str) -> None:
    """Looks for the only customer whom the words describe."""
    page.get_by_role("link", name="Customers").click()
    page.get_by_role("searchbox").fill(words)
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("heading", name="Virtual cards")).to_be_visible()


def test_support_freezes_the_card_of_a_caller(log_in: LogIn, buy: Buy, axe: Axe) -> None:
    buy(merchant="Bella Italia")
    page = log_in("support")
    find(page, "0005")
    expect(page.get_by_text("Bella Italia").first).to_be_visible()
    axe(page)

    page.get_by_role("link", name="Freeze").click()
    axe(page)
    page.locator("[name=reason]").fill("The person says that it was stolen.")
    page.get_by_role("button", name="Freeze").click()

    history = page.get_by_role("region", name="History")
    expect(history.get_by_text("Reason: The person says that it was stolen.")).to_be_visible()
    expect(page.get_by_role("region", name="Virtual cards").get_by_text("Frozen")).to_be_visible()
    assert VirtualCard.objects.get().status == "frozen"
    assert not buy(merchant="Too Late").issuer_approved


def test_a_high_limit_waits_for_a_second_person(log_in: LogIn, sandbox: RunningSandbox, axe: Axe) -> None:
    page = log_in("operations", "first")
    find(page, VirtualCard.objects.get().cardholder.user.email)
    page.get_by_role("link", name="Change limits").click()
    expect(page.get_by_text("takes a second person")).to_be_visible()
    axe(page)
    page.locator("[name=monthly_limit]").fill("20,000.00")
    page.locator("[name=reason]").fill("A wedding in June.")
    page.get_by_role("button", name="Change limits").click()
    expect(page.get_by_text("20,000.00 USD waits for a second person").first).to_be_visible()
    assert VirtualCard.objects.get().monthly_limit_minor == 500_000

    boss = colleague("risk", "second")
    second = log_in(boss)
    second.get_by_role("link", name="Entered amounts").click()
    second.get_by_role("link", name="20,000.00 USD").first.click()
    second.get_by_role("link", name=re.compile("Agree$")).click()
    axe(second)
    second.locator("[name=reason]").fill("Called back, it is them.")
    second.get_by_role("button", name="Agree", exact=True).click()

    assert eventually(lambda: VirtualCard.objects.get().monthly_limit_minor == 2_000_000)
    assert EnteredAmount.objects.get().agreed_by == boss.user
    find(second, "0005")
    expect(second.get_by_role("region", name="Virtual cards").get_by_text("20,000.00 USD").first).to_be_visible()
    expect(second.get_by_role("region", name="History").get_by_text("Reason: A wedding in June.").first).to_be_visible()


def test_an_identity_is_approved_from_the_customers_page(log_in: LogIn, sandbox: RunningSandbox, axe: Axe) -> None:
    holder = Cardholder.objects.get()
    Cardholder.objects.filter(pk=holder.pk).update(kyc_status="not_started", kyc_due_at=None)
    review.submit(cardholder_id=holder.pk, actor=f"user:{holder.user_id}")
    page = log_in("risk")
    find(page, holder.name)
    expect(page.get_by_text("at place 1 of the queue")).to_be_visible()

    page.get_by_role("link", name="Approve").click()
    axe(page)
    page.locator("[name=reason]").fill("Passport seen in a video call.")
    page.get_by_role("button", name="Approve").click()

    expect(page.get_by_role("region", name="Identity check").get_by_text("Verified", exact=True).first).to_be_visible()
    history = page.get_by_role("region", name="History")
    expect(history.get_by_text("Reason: Passport seen in a video call.")).to_be_visible()
    assert Cardholder.objects.get().kyc_status == "verified"


def test_a_number_is_revealed_with_a_reason_and_a_code(log_in: LogIn, sandbox: RunningSandbox, axe: Axe) -> None:
    boss = colleague("risk", "boss")
    page = log_in(boss)
    find(page, "0005")
    page.get_by_role("link", name="Reveal the number").click()
    axe(page)
    page.locator("[name=reason]").fill("The person cannot open the app abroad.")
    let_code_age(page)
    page.get_by_role("button", name="Reveal").click()
    expect(page.get_by_text("Nothing has been done yet")).to_be_visible()
    axe(page)
    page.locator("[name=code]").fill(boss.phone.wrong_code())
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_text("This is not the present code")).to_be_visible()
    page.locator("[name=code]").fill(boss.phone.fresh_code())
    page.get_by_role("button", name="Confirm").click()
    expect(page.locator("[name=reason]")).to_have_value("The person cannot open the app abroad.")
    assert not Entry.objects.filter(action="card_data.reveal").exists()
    page.get_by_role("button", name="Reveal").click()

    number = VirtualCard.objects.get().last_four
    expect(page.get_by_text(number).first).to_be_visible()
    entry = Entry.objects.filter(action="card_data.reveal").first()
    assert entry is not None
    assert entry.actor == f"user:{User.objects.get(username='boss').pk}"
    assert entry.details["reason"] == "The person cannot open the app abroad."


def test_a_wallet_is_put_in_order_by_keyboard_and_by_mouse(log_in: LogIn, sandbox: RunningSandbox, axe: Axe) -> None:
    first, second, *others = Cardholder.objects.get().funding_methods.order_by("position", "pk")
    page = log_in("operations")
    find(page, "0005")
    page.get_by_role("button", name=f"Move {second} up").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("The wallet has its new order.")).to_be_visible()
    assert list(Cardholder.objects.get().funding_methods.order_by("position", "pk")) == [second, first, *others]

    cards = page.get_by_role("list", name="Funding cards in their order").get_by_role("listitem")
    cards.nth(1).drag_to(cards.nth(0), target_position={"x": 20, "y": 4})
    expect(cards.nth(0)).to_contain_text(str(first))
    assert eventually(
        lambda: list(Cardholder.objects.get().funding_methods.order_by("position", "pk")) == [first, second, *others]
    )
    axe(page)
