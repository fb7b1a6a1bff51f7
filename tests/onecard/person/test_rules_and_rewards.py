"""What a person says of their cards' rewards, and their own rules, on pages."""

import pytest
from django.test import Client

from audit.models import Entry
from routing import preview
from routing.models import PersonalRule
from tests.onecard.person.words import send, words_of
from tests.support.back_office import logged_in
from tests.support.factories import CardholderFactory, FundingMethodFactory
from tests.support.wallets import valued_card
from wallet.models import Cardholder, CardProduct, FundingMethod

pytestmark = pytest.mark.django_db


@pytest.fixture
def holder() -> Cardholder:
    return valued_card().cardholder


@pytest.fixture
def client(holder: Cardholder) -> Client:
    return logged_in(holder.user)


def card(last_four: str) -> FundingMethod:
    return FundingMethod.objects.get(last_four=last_four)


def test_a_quarter_is_activated_and_older_ones_stay(holder: Cardholder, client: Client) -> None:
    FundingMethod.objects.filter(last_four="1117").update(activations={"2019Q1": None})
    page = f"/wallet/{card('1117').public_id}/rewards"
    offered = client.get(page).context["form"].fields["quarters"].choices

    assert send(client, page, quarters=[offered[0][0]], statement_day="7").status_code == 302

    assert sorted(card("1117").activations) == ["2019Q1", offered[0][0]]
    assert card("1117").statement_day == 7
    assert "Activated with your bank" not in words_of(client.get(f"/wallet/{card('4444').public_id}/rewards"))


def test_categories_are_chosen_of_those_that_the_card_offers(holder: Cardholder, client: Client) -> None:
    product = CardProduct.objects.get(key="bofa-customized-cash")
    FundingMethod.objects.filter(last_four="4242").update(product=product)
    page = f"/wallet/{card('4242').public_id}/rewards"
    (name,) = (each for each in client.get(page).context["form"].fields if each.startswith("choice_"))
    bonus = name.removeprefix("choice_")
    tags = [tag for tag, _ in client.get(page).context["form"].fields[name].choices]

    too_many = send(client, page, **{name: tags[:2]})
    assert "Choose 1 at most" in words_of(too_many)
    assert card("4242").choices == {}

    assert send(client, page, **{name: tags[:1]}).status_code == 302
    assert card("4242").choices == {bonus: tags[:1]}


def test_a_rule_is_added_changed_and_removed(holder: Cardholder, client: Client) -> None:
    assert "You have none" in words_of(client.get("/wallet/rules"))
    citi = card("4444")

    said = {"action": "use_this_card", "method": citi.pk, "merchants": "Costco\n\n Shell ", "above": "10.00"}
    send(client, "/wallet/rules/add", **said)
    rule = PersonalRule.objects.get()
    assert (rule.merchants, rule.above_minor, rule.method) == (["Costco", "Shell"], 1000, citi)
    assert f"Use {citi.name} at Costco or Shell, above 10.00 USD." in words_of(client.get("/wallet/rules"))
    assert Entry.objects.get(action="wallet.rule_added").actor == f"user:{holder.user_id}"

    page = f"/wallet/rules/{rule.public_id}"
    send(client, page, action="never_this_card", method=citi.pk)
    holder.refresh_from_db()
    choice, _ = preview.rank(holder, mcc="5812", currency="USD", amount_minor=4500)
    assert {each.left_out for each in choice.candidates if each.method.id == citi.pk} == {f"personal_rule_{rule.pk}"}

    send(client, f"{page}/remove")
    assert not PersonalRule.objects.exists()


def test_a_target_needs_its_days_and_nothing_is_stored_without(client: Client) -> None:
    answer = send(client, "/wallet/rules/add", action="reach_a_spend_target", method=card("8431").pk, target="500.00")

    assert answer.status_code == 409 or answer.status_code == 400
    assert "A target needs an amount, a first day and a last day." in words_of(answer)
    assert not PersonalRule.objects.exists()


def test_rules_that_contradict_are_shown(client: Client) -> None:
    for last_four in ("4444", "8431"):
        send(client, "/wallet/rules/add", action="use_this_card", method=card(last_four).pk)

    assert "Rules 1 and 2 may meet at one purchase and contradict each other" in words_of(client.get("/wallet/rules"))


def test_another_persons_rules_and_cards_are_out_of_reach(client: Client) -> None:
    other = FundingMethodFactory(cardholder=CardholderFactory())
    rule = PersonalRule.objects.create(cardholder=other.cardholder, position=1, action="use_this_card", method=other)

    for page in (f"/wallet/rules/{rule.public_id}", f"/wallet/{other.public_id}/rewards"):
        assert client.get(page).status_code == 404
    send(client, "/wallet/rules/add", action="use_this_card", method=other.pk)
    assert PersonalRule.objects.count() == 1
