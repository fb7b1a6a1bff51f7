"""Staff refund a purchase from its page: to whom, how much, at whose cost; and the merchant may refund it too."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from audit.models import Entry
from issuing.models import Authorization, RewardEntry
from issuing.rewards import sweep as rewards
from onecard.users.models import User
from tests.issuing.billing.balances import card_with, on_card
from tests.support.back_office import logged_in, opened, sentences, text_of
from tests.support.factories import UserFactory
from tests.support.purchases import approve_purchase, deliver_events, run_workers, transaction_event, update_event
from tests.support.wallets import walkthrough_card
from wallet.accounts import Account
from wallet.ledger import check as ledger_check
from wallet.ledger import postings as ledger
from wallet.models import EnteredAmount, FundingCharge, FundingRefund

pytestmark = pytest.mark.django_db
WHY = "The soup was cold."


@pytest.fixture
def asked() -> dict[str, Any]:
    """45.00 USD at a restaurant, captured and paid by a funding card."""
    found = approve_purchase(walkthrough_card())
    deliver_events(transaction_event(found, 4500), update_event(found, "closed"))
    run_workers()
    return found


def staff(*names: str) -> User:
    user = UserFactory(is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=("view_authorization", *names)))
    return user


def page(name: str = "refund") -> str:
    return reverse(f"admin:issuing_authorization_{name}", args=[Authorization.objects.get().pk])


def press(client: Client, amount: str, **changes: str) -> Any:
    values = opened(client, page()) | {"amount": amount, "reason": WHY} | changes
    return client.post(page(), values, follow=True)


def goodwill() -> int:
    return ledger.balance(Account.GOODWILL, currency="USD")


def clearing() -> int:
    return ledger.balance(Account.PURCHASES, currency="USD")


def given_back() -> int:
    return sum(FundingRefund.objects.exclude(status="canceled").values_list("amount_minor", flat=True))


def test_a_part_goes_back_with_its_share_of_the_reward(asked: dict[str, Any]) -> None:
    user = staff("add_fundingrefund")
    client = logged_in(user)
    assert page() in text_of(client.get(page("change")))
    asks = text_of(client.get(page()))
    charge = FundingCharge.objects.get(status="succeeded")
    holder = charge.obligation.cardholder.name
    for words in (holder, str(charge.method), "45.00 USD can go back", "At most 45.00 USD", "second person"):
        assert words in asks, words

    answer = press(client, "15.00")

    assert "on its way" in sentences(answer)
    assert (given_back(), goodwill()) == (1500, 1500)
    assert Entry.objects.get(action="refund.intended").actor == f"user:{user.pk}"
    run_workers()
    rewards.sweep()
    earned, taken = RewardEntry.objects.order_by("pk")
    assert (taken.kind, taken.amount_minor, taken.units_micro * 3) == ("refund", 1500, -earned.units_micro)
    assert (clearing(), ledger_check.check()) == (0, [])
    assert WHY in text_of(client.get(page("change")))


def test_the_whole_goes_back_and_then_the_button_is_gone(asked: dict[str, Any]) -> None:
    client = logged_in(staff("add_fundingrefund"))

    press(client, "45.00")

    assert given_back() == 4500
    assert page() not in text_of(client.get(page("change")))
    assert "All that was paid is given back" in sentences(client.get(page(), follow=True))


@pytest.mark.parametrize("amount", ["45.01", "0", "-1", "45.000", "much", ""])
def test_no_wrong_amount_goes_back(asked: dict[str, Any], amount: str) -> None:
    answer = press(logged_in(staff("add_fundingrefund")), amount)

    assert answer.status_code == 200
    assert (given_back(), EnteredAmount.objects.count()) == (0, 0)


def test_an_amount_is_taken_as_it_is_printed(settings: Any) -> None:
    settings.TWO_PERSON_ABOVE = 1_000_000
    limits = dict.fromkeys(("per_transaction_limit_minor", "daily_limit_minor"), 500_000)
    found = approve_purchase(walkthrough_card(**limits), 250_000)
    deliver_events(transaction_event(found, 250_000), update_event(found, "closed"))
    run_workers()

    press(logged_in(staff("add_fundingrefund")), "1,500.00")

    assert given_back() == 150_000


def test_a_second_press_and_a_second_tab_give_back_nothing_more(asked: dict[str, Any]) -> None:
    client = logged_in(staff("add_fundingrefund"))
    first_tab = opened(client, page())
    press(client, "15.00")

    again = client.post(page(), first_tab | {"amount": "15.00", "reason": WHY})

    assert "Meanwhile 15.00 USD" in sentences(again)
    assert given_back() == 1500


def test_a_large_amount_waits_for_a_second_person(asked: dict[str, Any], settings: Any) -> None:
    settings.TWO_PERSON_ABOVE = 1_000
    client = logged_in(staff("add_fundingrefund"))

    answer = press(client, "15.00")

    assert "waits for a second person" in sentences(answer)
    assert (given_back(), EnteredAmount.objects.get().status) == (0, "proposed")


def test_without_a_reason_or_the_permission_nothing_goes_back(asked: dict[str, Any]) -> None:
    press(logged_in(staff("add_fundingrefund")), "15.00", reason="")
    assert given_back() == 0
    reader = logged_in(staff())
    assert page() not in text_of(reader.get(page("change")))
    assert reader.post(page(), {"amount": "1.00", "reason": WHY, "shown_minor": "0"}).status_code == 403
    assert given_back() == 0


def test_a_purchase_that_nobody_paid_has_no_button() -> None:
    approve_purchase(walkthrough_card())
    client = logged_in(staff("add_fundingrefund"))

    assert page() not in text_of(client.get(page("change")))
    assert "No funding card has paid" in sentences(client.get(page(), follow=True))


def test_what_the_cards_balance_paid_returns_to_it_and_the_page_says_so() -> None:
    card = card_with(6000)
    found = approve_purchase(card)
    deliver_events(transaction_event(found, 4500), update_event(found, "closed"))
    client = logged_in(staff("add_fundingrefund"))
    asks = text_of(client.get(page()))
    for words in (card.cardholder.name, f"Balance of {card}", "45.00 USD can go back, after the funding cards"):
        assert words in asks, words

    answer = press(client, "15.00")

    assert f"15.00 USD is back on the balance of {card}." in sentences(answer)
    assert (on_card(card), goodwill(), given_back()) == (3000, 1500, 0)
    assert "balance by staff" in text_of(client.get(page("change")))
    press(client, "30.00")
    assert on_card(card) == 6000
    assert page() not in text_of(client.get(page("change")))


def test_the_page_says_where_each_part_of_a_refund_goes() -> None:
    card = card_with(2000)
    found = approve_purchase(card)
    deliver_events(transaction_event(found, 4500), update_event(found, "closed"))
    run_workers()
    client = logged_in(staff("add_fundingrefund"))

    said = sentences(press(client, "35.00"))

    assert f"10.00 USD is back on the balance of {card}. The rest is on its way to the funding cards" in said
    assert (on_card(card), given_back(), goodwill()) == (1000, 2500, 3500)


def test_the_merchants_refund_after_ours_makes_good_our_cost(asked: dict[str, Any]) -> None:
    press(logged_in(staff("add_fundingrefund")), "15.00")
    run_workers()

    deliver_events(transaction_event(asked, 1500, kind="refund"))
    run_workers()
    assert (given_back(), goodwill(), clearing()) == (1500, 0, 0)

    deliver_events(transaction_event(asked, 1000, kind="refund", number=2))
    run_workers()
    assert (given_back(), goodwill(), clearing()) == (2500, 0, 0)
    assert ledger_check.check() == []


def test_ours_after_the_merchants_refund_is_only_the_rest(asked: dict[str, Any]) -> None:
    client = logged_in(staff("add_fundingrefund"))
    before = opened(client, page())
    deliver_events(transaction_event(asked, 1500, kind="refund"))

    late = client.post(page(), before | {"amount": "40.00", "reason": WHY})
    assert "Meanwhile 15.00 USD" in sentences(late)
    press(client, "30.00")
    run_workers()

    assert (given_back(), goodwill(), clearing()) == (4500, 3000, 0)
