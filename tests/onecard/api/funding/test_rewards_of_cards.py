"""What a person says of their cards' rewards by the API: quarters, categories, cents per point, and rules."""

import pytest
from django.test import Client

from routing import personal_rules
from routing.models import PersonalRule
from tests.onecard.api.funding.test_funding_cards import CARDS, change, post
from tests.support.back_office import logged_in
from tests.support.factories import FundingMethodFactory
from tests.support.wallets import valued_card
from wallet.models import Cardholder, CardProduct, FundingMethod

pytestmark = pytest.mark.django_db
WALLET, RULES = "/api/v1/wallet", "/api/v1/wallet/rules"


@pytest.fixture
def holder() -> Cardholder:
    return valued_card().cardholder


@pytest.fixture
def client(holder: Cardholder) -> Client:
    return logged_in(holder.user)


def test_a_person_says_what_a_cards_rewards_depend_on(client: Client, holder: Cardholder) -> None:
    card = holder.funding_methods.get(last_four="4242")
    FundingMethod.objects.filter(pk=card.pk).update(product=CardProduct.objects.get(key="usbank-cash-plus"))
    path = f"{CARDS}/{card.public_id}"
    offered = client.get(path).json()["earning"]["to_choose"]
    assert [(each["bonus"], each["pick"]) for each in offered] == [("choice_5", 2), ("choice_2", 1)]

    said = change(
        client, path, statement_day=15, opened_on="2024-05-01", activated_quarters=["2026q4"],
        choices={"choice_5": ["utilities", "fitness"]},
    )  # fmt: skip

    assert said.status_code == 200
    earning = said.json()["earning"]
    assert (earning["statement_day"], earning["opened_on"]) == (15, "2024-05-01")
    assert (earning["activated_quarters"], earning["choices"]) == (["2026Q4"], {"choice_5": ["utilities", "fitness"]})
    card.refresh_from_db()
    assert card.activations["2026Q4"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"choices": {"choice_5": ["gas"]}}, "gas cannot be chosen for choice_5"),
        ({"choices": {"choice_2": ["gas", "dining"]}}, "Choose 1 at most"),
        ({"choices": {"other": ["gas"]}}, "This card has no bonus other"),
        ({"activated_quarters": ["2026Q5"]}, "is no quarter"),
        ({"statement_day": 32}, "less than or equal to 31"),
    ],
)
def test_what_a_card_does_not_offer_is_refused(
    client: Client, holder: Cardholder, body: dict[str, object], words: str
) -> None:
    card = holder.funding_methods.get(last_four="4242")
    FundingMethod.objects.filter(pk=card.pk).update(product=CardProduct.objects.get(key="usbank-cash-plus"))
    refused = change(client, f"{CARDS}/{card.public_id}", **body)
    assert refused.status_code in (400, 409, 422)
    assert words in refused.content.decode()
    card.refresh_from_db()
    assert (card.choices, card.activations, card.statement_day) == ({}, {}, None)


def test_a_person_says_what_points_are_worth(client: Client, holder: Cardholder) -> None:
    before = {each["key"]: each["cents_per_point"] for each in client.get(WALLET).json()["programmes"]}
    assert before == {"amex_mr": "1.5", "cash": "1", "chase_ur": "1.5", "citi_ty": "1.4"}
    said = change(client, WALLET, point_cents={"amex_mr": "0.60"})
    own = {each["key"]: each["own_cents_per_point"] for each in said.json()["programmes"]}
    assert own["amex_mr"] == "0.6"
    for bad in ("-1", "101", "NaN", "1.00001"):
        assert change(client, WALLET, point_cents={"amex_mr": bad}).status_code in (400, 409, 422)
    holder.refresh_from_db()
    assert (holder.point_cents, holder.preference) == ({"amex_mr": "0.6"}, "value")


def test_rules_are_added_changed_tried_and_removed(client: Client, holder: Cardholder) -> None:
    gold = str(holder.funding_methods.get(last_four="8431").public_id)
    purchase = {"mcc": "5812", "amount": {"amount_minor": 4500, "currency": "USD"}}
    trial = {"action": "never_this_card", "funding_card": gold, **purchase}
    tried = post(client, f"{RULES}/try", **trial)
    assert tried.status_code == 200
    assert "8431" not in {each["last_four"] for each in tried.json()["value"]["cards"]}
    assert not PersonalRule.objects.exists()

    made = post(client, RULES, action="use_this_card", funding_card=gold, merchants=["Costco"])
    assert made.status_code == 201
    rule = made.json()["id"]
    assert post(client, RULES, action="never_this_card", funding_card=gold).status_code == 201
    (pair,) = client.get(RULES).json()["overlaps"]
    assert pair["first"] == rule

    moved = change(client, f"{RULES}/{rule}", position=2, above_minor=1000)
    assert (moved.status_code, moved.json()["position"], moved.json()["above_minor"]) == (200, 2, 1000)
    assert change(client, f"{RULES}/{rule}", etag='"old"', position=1).status_code == 412
    assert client.delete(f"{RULES}/{rule}").status_code == 204
    assert [each["action"] for each in client.get(RULES).json()["results"]] == ["never_this_card"]


def test_rules_of_other_people_are_not_there(client: Client) -> None:
    other = valued_card_of_somebody()
    assert client.get(f"{RULES}/{other.public_id}").status_code == 404
    assert client.delete(f"{RULES}/{other.public_id}").status_code == 404
    card = str(other.method.public_id)
    assert post(client, RULES, action="use_this_card", funding_card=card).status_code == 404
    assert PersonalRule.objects.count() == 1


def valued_card_of_somebody() -> PersonalRule:
    method = FundingMethodFactory()
    return personal_rules.add(method.cardholder, actor="user:1", action="use_this_card", method=method)
