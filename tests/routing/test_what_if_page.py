"""The page that asks which card would pay: each strategy's answer for a wallet or chosen products, and no effect."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from issuing.models import Decision
from routing.models import SpendBooking
from tests.routing.test_draft_pages import clerk
from tests.support.back_office import logged_in, text_of
from tests.support.wallets import valued_card
from wallet.models import Cardholder, CardProduct, FundingCharge, Preference

pytestmark = pytest.mark.django_db
DINNER = {"mcc": "5812", "merchant": "Starbucks", "amount": "45.00", "currency": "usd", "channel": "in_store"}


@pytest.fixture
def holder(settings: Any) -> Cardholder:
    settings.MERCHANT_MCC_PASSED_THROUGH = True
    found = valued_card().cardholder
    Cardholder.objects.filter(pk=found.pk).update(preference=Preference.CASH)
    return found


def page(client: Client | None = None, **asked: Any) -> Any:
    return (client or logged_in()).get(reverse("admin:routing_rankingrow_what_if"), asked)


def test_it_is_reached_from_the_rankings_and_begins_empty(holder: Cardholder) -> None:
    listed = logged_in().get(reverse("admin:routing_rankingrow_changelist"))
    assert reverse("admin:routing_rankingrow_what_if") in listed.content.decode()

    empty = page()

    assert (empty.status_code, empty.context["found"], empty.context["problems"]) == (200, None, [])


def test_each_strategy_answers_for_the_wallet_of_a_login(holder: Cardholder) -> None:
    answer = page(**DINNER, login=holder.user.username)

    shown = answer.context["found"]["answers"]
    assert [(each["card"][-4:], each["earned"], each["is_in_force"]) for each in shown] == [
        ("8431", "2.70 USD", False), ("4444", "1.26 USD", True), ("8431", "2.70 USD", False),
    ]  # fmt: skip
    text = text_of(answer)
    assert "45.00 USD at 4 (dining)" in text
    assert "What the purchase earns on each card, in money" in text
    assert not any(model.objects.exists() for model in (Decision, FundingCharge, SpendBooking))


def test_products_are_tried_as_if_they_were_held(holder: Cardholder) -> None:
    gold = CardProduct.objects.get(key="amex-gold")
    alone = page(**DINNER, products=[gold.pk]).context["found"]["answers"]
    assert {each["card"] for each in alone} == {gold.name}

    fees = page(**DINNER | {"country": "fr", "day": "2030-01-01"}, products=[gold.pk]).context["found"]

    assert (str(fees["day"]), fees["answers"][0]["earned"]) == ("2030-01-01", "2.70 USD")


def test_who_may_not_see_wallets_asks_by_products_only(holder: Cardholder) -> None:
    client = logged_in(clerk("view_rankingrow"))

    answer = page(client, **DINNER, login=holder.user.username)

    assert answer.context["found"] is None
    assert answer.context["problems"] == ["Name a login, or choose products, or both."]
    assert 'name="login"' not in answer.content.decode()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"mcc": "58"}, "MCC: An MCC has four digits."),
        ({"amount": "much"}, "Amount: “much” is not an amount of USD"),
        ({"amount": "0"}, "Amount: It must be more than zero."),
        ({"currency": "XXQ"}, "Currency: 'XXQ' is not an ISO 4217 currency code."),
        ({"day": "1999-01-01"}, "On this day: The day must lie between 2000-01-01"),
        ({"country": "ZZ"}, "Country: ZZ is no country"),
        ({"channel": "fax"}, "Channel: "),
        ({"login": "nobody"}, "Login or e-mail address: Nobody with a wallet has this login."),
        ({"products": ["0"]}, "Card products: "),
        ({"products": ["x"]}, "Card products: "),
    ],
)
def test_a_wrong_question_is_named(holder: Cardholder, change: dict[str, Any], why: str) -> None:
    answer = page(**DINNER | {"login": holder.user.username} | change)

    assert (answer.status_code, answer.context["found"]) == (200, None)
    assert any(each.startswith(why) for each in answer.context["problems"])


def test_it_takes_no_post(holder: Cardholder) -> None:
    assert logged_in().post(reverse("admin:routing_rankingrow_what_if"), DINNER).status_code == 403
