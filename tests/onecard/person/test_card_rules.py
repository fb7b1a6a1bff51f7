"""A person's own rules for their card, and “it was me”, on their pages."""

import uuid

import pytest
from django.test import Client

from issuing.controls import own as own_controls
from issuing.models import ControlPass, VirtualCard
from tests.onecard.api.cards.test_controls import buy, suspicious
from tests.onecard.person.words import send, words_of
from tests.support.back_office import logged_in
from tests.support.wallets import walkthrough_card

pytestmark = pytest.mark.django_db


@pytest.fixture
def card() -> VirtualCard:
    return walkthrough_card()


@pytest.fixture
def client(card: VirtualCard) -> Client:
    return logged_in(card.cardholder.user)


def rules(card: VirtualCard, what: str = "") -> str:
    return f"/card/{card.public_id}/rules{what}"


def kinds(card: VirtualCard) -> list[str]:
    return [each.kind for each in own_controls.list_of(card)]


def test_a_card_is_made_single_use_and_the_rule_is_taken_off_again(card: VirtualCard, client: Client) -> None:
    assert "No rule: the card pays everywhere" in words_of(client.get(rules(card)))
    assert rules(card) in client.get("/").content.decode()

    assert send(client, rules(card, "/single-use"))["Location"] == rules(card)

    assert kinds(card) == ["single_use"]
    assert [buy(card)[1], buy(card)[1]] == [True, False]
    for page in ("/", rules(card)):
        assert "Its single purchase was made: the card declines everything." in words_of(client.get(page))
    again = send(client, rules(card, "/single-use"))
    assert (again.status_code, "has this control already" in words_of(again)) == (409, True)

    (rule,) = own_controls.list_of(card)
    remove = rules(card, f"/{rule.public_id}/remove")
    assert "Its single purchase was made" in words_of(client.get(remove))
    assert send(client, remove)["Location"] == rules(card)
    assert (kinds(card), buy(card)[1]) == ([], True)
    assert client.get(remove).status_code == 404


@pytest.mark.parametrize("by_name", [False, True])
def test_a_card_is_locked_to_one_merchant(by_name: bool, card: VirtualCard, client: Client) -> None:
    purchase, _approved = buy(card)
    offered = client.get(rules(card, "/one-merchant")).content.decode()
    assert f'<option value="{purchase}">Bella Italia</option>' in offered

    typed = {"name": "bella italia"} if by_name else {"merchant": purchase}
    assert send(client, rules(card, "/one-merchant"), **typed)["Location"] == rules(card)

    assert kinds(card) == ["merchant_lock"]
    assert [buy(card)[1], buy(card, name="Elsewhere", network_id="999")[1]] == [True, False]
    assert "declines everywhere but at" in words_of(client.get("/"))
    assert "one-merchant" not in client.get(rules(card)).content.decode()


@pytest.mark.parametrize(
    "typed", [{}, {"name": " "}, {"merchant": "both", "name": "Both"}, {"merchant": "iauth_not_mine"}]
)
def test_a_merchant_is_named_once(typed: dict[str, str], card: VirtualCard, client: Client) -> None:
    purchase, _approved = buy(card)
    typed = {name: purchase if value == "both" else value for name, value in typed.items()}

    answer = send(client, rules(card, "/one-merchant"), **typed)

    assert answer.status_code == 200
    assert kinds(card) == []
    expected = "Select a valid choice" if "name" not in typed and typed else "one of the two"
    assert expected in words_of(answer)


def test_another_persons_card_and_purchase_are_not_there(card: VirtualCard, client: Client) -> None:
    other = walkthrough_card()
    theirs, _approved = buy(other, 9_000)
    own_controls.make_single_use(other, actor="user:1")
    (rule,) = own_controls.list_of(other)

    pages = (rules(other), rules(other, "/single-use"), rules(other, "/one-merchant"))
    assert {client.get(page).status_code for page in pages} == {404}
    assert client.get(rules(card, f"/{rule.public_id}/remove")).status_code == 404
    assert client.get(rules(card, f"/{uuid.uuid4()}/remove")).status_code == 404
    assert client.post(f"/purchases/{theirs}/it-was-me").status_code == 404
    assert (kinds(other), kinds(card), ControlPass.objects.count()) == (["single_use"], [], 0)


def test_it_was_me_is_a_button_where_it_helps(card: VirtualCard, client: Client) -> None:
    suspicious()
    purchase, approved = buy(card, 9_000)
    assert not approved
    shown = client.get(f"/purchases/{purchase}")
    assert "pay again at the same merchant within 10 minutes" in words_of(shown)

    answer = client.post(f"/purchases/{purchase}/it-was-me", follow=True)

    assert "Pay again at Bella Italia: one purchase up to 90.00 USD passes." in words_of(answer)
    assert "It was me" not in words_of(answer)
    assert [buy(card, 9_000)[1], buy(card, 9_000)[1]] == [True, False]
    twice = client.post(f"/purchases/{purchase}/it-was-me", follow=True)
    assert "You have said that of this purchase already." in words_of(twice)
    assert client.get(f"/purchases/{purchase}/it-was-me")["Location"] == f"/purchases/{purchase}"


def test_a_purchase_that_is_nobodys_to_answer_for_has_no_button(card: VirtualCard, client: Client) -> None:
    suspicious(allows_pass=False)
    purchase, _approved = buy(card, 9_000)

    assert "It was me" not in words_of(client.get(f"/purchases/{purchase}"))
    answer = client.post(f"/purchases/{purchase}/it-was-me", follow=True)
    assert "No control that you can answer for" in words_of(answer)
    assert not ControlPass.objects.exists()
