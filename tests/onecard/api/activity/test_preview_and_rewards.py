"""Which card would pay, asked without buying; and what purchases earned."""

from typing import Any

import pytest
from django.test import Client

from issuing.models import Decision, VirtualCard
from issuing.rewards import sweep
from onecard.kit import clock
from routing.models import MerchantCategory, SpendBooking
from tests.onecard.api.activity.test_purchases import buy
from tests.support.back_office import logged_in
from tests.support.factories import UserFactory
from tests.support.wallets import valued_card, walkthrough_card
from wallet.models import Cardholder, CardProduct, FundingCharge, FundingMethod

pytestmark = pytest.mark.django_db


@pytest.fixture
def card() -> VirtualCard:
    return walkthrough_card(issuer_provider="stripe", issuer_card_id="ic_1")


@pytest.fixture
def client(card: VirtualCard) -> Client:
    return logged_in(card.cardholder.user)


def preview(client: Client, **body: Any) -> Any:
    asked = {"mcc": "5812", "amount": {"amount_minor": 4500, "currency": "USD"}} | body
    return client.post("/api/v1/routing/preview", asked, content_type="application/json")


def test_the_preview_ranks_as_the_decision_does(card: VirtualCard, client: Client) -> None:
    seen = preview(client).json()

    assert seen["would_pay"]
    assert not Decision.objects.exists()
    assert not FundingCharge.objects.exists()
    name = buy(card)
    assert seen["explanation"] == client.get(f"/api/v1/purchases/{name}").json()["explanation"]


def test_a_category_by_its_name_is_found(client: Client) -> None:
    known = {"stripe_category": "eating_places_restaurants", "description": "Restaurants"}
    category, _ = MerchantCategory.objects.get_or_create(code="5812", defaults=known)

    seen = preview(client, mcc=None, category="eating_places_restaurants")
    assert seen.status_code == 400
    seen = client.post(
        "/api/v1/routing/preview",
        {"category": category.stripe_category, "amount": {"amount_minor": 100, "currency": "USD"}},
        content_type="application/json",
    )

    assert (seen.json()["mcc"], seen.json()["category"]) == ("5812", category.description)


def test_a_currency_that_no_card_can_be_charged_in_pays_nothing(client: Client) -> None:
    seen = preview(client, amount={"amount_minor": 100, "currency": "EUR"}).json()

    assert not seen["would_pay"]
    assert {each["left_out"] for each in seen["explanation"]["cards"]} == {"cannot be charged in this currency"}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"mcc": "58"}, "mcc"),
        ({"category": "x"}, "mcc"),
        ({"amount": {"amount_minor": 0, "currency": "USD"}}, "amount"),
        ({"amount": {"amount_minor": 1.5, "currency": "USD"}}, "amount"),
        ({"amount": {"amount_minor": 100, "currency": "XXQ"}}, "amount"),
        ({"amount": 45}, "amount"),
        ({"amount": None}, "amount"),
    ],
)
def test_a_wrong_question_is_named(client: Client, change: dict[str, Any], field: str) -> None:
    answer = preview(client, **change)

    assert answer.status_code == 400, answer.content
    assert list(answer.json()["errors"]) == [field]


@pytest.mark.parametrize("page", ["purchases", "transactions", "rewards"])
def test_without_a_profile_the_person_is_told_to_give_one(page: str) -> None:
    answer = logged_in(UserFactory()).get(f"/api/v1/{page}")

    assert (answer.status_code, answer.json()["code"]) == (409, "profile_missing")


def test_rewards_are_summed_up_by_month_card_and_category(card: VirtualCard, client: Client) -> None:
    buy(card, captured=True)
    sweep.sweep()

    for by in ("month", "card", "category"):
        (group,) = client.get("/api/v1/rewards", {"by": by}).json()["groups"]
        assert (group["purchases"], group["spent"]["amount_minor"]) == (1, 4500)
        assert (group["earned"], group["value"], group["benefit"]) == (["135 points"], "1.35", "0.9")
        # Rounded half up to whole cents; the book has 0.675 and 2.025.
        assert (group["value_low"], group["value_high"]) == ("0.68", "2.03")
    assert logged_in(walkthrough_stranger()).get("/api/v1/rewards").json()["groups"] == []


def walkthrough_stranger() -> Any:
    return walkthrough_card(issuer_provider="stripe", issuer_card_id="ic_2").cardholder.user


@pytest.mark.parametrize(("name", "value"), [("by", "year"), ("since", "2026-13-01"), ("until", "soon")])
def test_a_wrong_question_about_rewards_is_named(client: Client, name: str, value: str) -> None:
    answer = client.get("/api/v1/rewards", {name: value})

    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [name]


def test_each_strategy_answers_in_one_measure(settings: Any) -> None:
    settings.MERCHANT_MCC_PASSED_THROUGH = True
    holder = valued_card().cardholder
    Cardholder.objects.filter(pk=holder.pk).update(preference="cash")

    seen = preview(logged_in(holder.user), merchant="Starbucks").json()

    found = {each["strategy"]: each for each in seen["strategies"]}
    assert list(found) == ["value", "cash", "rewards"]
    assert [name for name, each in found.items() if each["is_in_force"]] == ["cash"]
    assert seen["explanation"] == found["cash"]["explanation"]
    chosen = {name: each["explanation"]["chosen"]["last_four"] for name, each in found.items()}
    # Citi is the backup and has 2 points at 1.4 cents; Gold has 4 points at 1.5 cents.
    assert chosen == {"value": "8431", "cash": "4444", "rewards": "8431"}
    assert {name: each["earned"] for name, each in found.items()} == {"value": "2.7", "cash": "1.26", "rewards": "2.7"}
    assert found["value"]["explanation"]["value"]["cards"][0]["parts"][0]["cap"] == "dining"
    assert not any(model.objects.exists() for model in (Decision, FundingCharge, SpendBooking))


def test_country_day_channel_and_cards_of_a_purchase_may_be_said(settings: Any) -> None:
    settings.MERCHANT_MCC_PASSED_THROUGH = True
    holder = valued_card().cardholder
    client = logged_in(holder.user)
    citi = holder.funding_methods.get(network="mastercard")

    def best(**body: Any) -> tuple[str, str]:
        found = preview(client, mcc="5944", **body).json()["strategies"][0]
        return found["explanation"]["chosen"]["last_four"], found["earned"]

    assert best() == ("4444", "1.26")
    assert best(country="FR")[0] == "4242"
    assert best(country="FR", funding_cards=[str(citi.public_id)]) == ("4444", "-0.09")
    FundingMethod.objects.update(expiry_year=clock.now().year, expiry_month=12)
    beyond = preview(client, mcc="5944", date=f"{clock.now().year + 1}-03-01").json()
    assert not beyond["would_pay"]
    assert {each["left_out"] for each in beyond["explanation"]["cards"]} == {"expired"}
    with_more = preview(client, mcc="5411", funding_cards=[], products=["amex-blue-cash-preferred"]).json()
    assert with_more["explanation"]["chosen"]["name"] == CardProduct.objects.get(key="amex-blue-cash-preferred").name


def test_the_address_asks_the_same_as_the_body(client: Client) -> None:
    asked = {"mcc": "5812", "amount_minor": 4500, "currency": "USD", "country": "US", "channel": "online"}

    seen = client.get("/api/v1/routing/preview", asked)

    assert seen.status_code == 200
    assert seen.json() == preview(client, country="US", channel="online").json()
    assert list(client.get("/api/v1/routing/preview", {"mcc": "5812"}).json()["errors"]) == ["amount_minor", "currency"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"amount_minor": "\uff14\uff15"}, "amount_minor"),
        ({"amount_minor": "0"}, "amount_minor"),
        ({"amount_minor": "45.5"}, "amount_minor"),
        ({"currency": "XXQ"}, "currency"),
        ({"mcc": "\uff15\uff18\uff11\uff12"}, "mcc"),
        ({"category": "x"}, "mcc"),
        ({"country": "ZZ"}, "country"),
        ({"date": "soon"}, "date"),
        ({"products": ["amex-gold", "no-such-card"]}, "products"),
        ({"funding_cards": "x"}, "funding_cards"),
    ],
)
def test_a_wrong_parameter_is_named_as_the_address_does(client: Client, change: dict[str, Any], field: str) -> None:
    asked = {"mcc": "5812", "amount_minor": "4500", "currency": "USD"}

    answer = client.get("/api/v1/routing/preview", asked | change)

    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])


def test_an_amount_in_digits_of_another_script_is_refused(client: Client) -> None:
    digits = "\uff14\uff15"

    sent = preview(client, amount={"amount_minor": digits, "currency": "USD"})
    asked = client.get("/api/v1/routing/preview", {"mcc": "5812", "amount_minor": digits, "currency": "USD"})
    filtered = client.get("/api/v1/purchases", {"least_minor": digits})

    assert [each.status_code for each in (sent, asked, filtered)] == [400, 400, 400]
    assert asked.json()["errors"]["amount_minor"] == ["Write the digits as 0 to 9."]
    assert asked.json()["errors"]["amount_minor"] == sent.json()["errors"]["amount"]["amount_minor"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"date": "soon"}, "date"),
        ({"date": "1999-12-31"}, "date"),
        ({"date": "9999-12-31"}, "date"),
        ({"country": "ZZ"}, "country"),
        ({"country": "usa"}, "country"),
        ({"channel": "fax"}, "channel"),
        ({"funding_cards": ["x"]}, "funding_cards"),
        ({"funding_cards": ["7b0a5b2e-5f6c-4b52-9a44-0f8a3f6c1d11"]}, "funding_cards"),
        ({"products": ["no-such-card"]}, "products"),
        ({"products": ["a"] * 21}, "products"),
    ],
)
def test_a_wrong_circumstance_is_named(client: Client, change: dict[str, Any], field: str) -> None:
    answer = preview(client, **change)

    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])


def test_a_card_of_another_wallet_is_not_chosen_from(client: Client) -> None:
    foreign = walkthrough_card(issuer_provider="stripe", issuer_card_id="ic_3").cardholder.funding_methods.first()

    answer = preview(client, funding_cards=[str(foreign.public_id)])

    assert list(answer.json()["errors"]) == ["funding_cards"]
