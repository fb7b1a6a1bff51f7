"""The card on pages: limits, money on it, replacing and closing it."""

from typing import Any

import pytest
from django.test import Client

from audit.models import Entry
from issuing.issuers import registry
from issuing.issuers.mock import MockIssuer
from issuing.models import CardChange, CardFunding, VirtualCard
from tests.onecard.person.words import hidden_of, send, words_of
from tests.support.back_office import logged_in
from tests.support.factories import FundingMethodFactory, VirtualCardFactory
from tests.support.sandboxes import processor_sandbox

pytestmark = pytest.mark.django_db


@pytest.fixture
def card(settings: Any) -> VirtualCard:
    settings.ISSUER_PROVIDER = "mock"
    registry.install(MockIssuer())
    found: VirtualCard = VirtualCardFactory(issuer_provider="mock", status="active")
    FundingMethodFactory(cardholder=found.cardholder, product=None)
    return found


@pytest.fixture
def client(card: VirtualCard) -> Client:
    return logged_in(card.cardholder.user)


def page(card: VirtualCard, what: str) -> str:
    return f"/card/{card.public_id}/{what}"


def test_limits_are_changed_and_shown(card: VirtualCard, client: Client) -> None:
    typed = {"per_transaction": "300", "daily": "400.00", "monthly": "1,000.00"}

    assert send(client, page(card, "limits"), **typed)["Location"] == "/"

    card.refresh_from_db()
    assert (card.per_transaction_limit_minor, card.daily_limit_minor, card.monthly_limit_minor) == (
        30_000,
        40_000,
        100_000,
    )
    assert "left of 400.00 USD" in words_of(client.get("/"))


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"daily": "999,999.00"}, "Your daily limit can be 5,000.00 USD at most."),
        ({"daily": "4.5.1"}, "is not an amount of USD"),
        ({"daily": "0"}, "limit"),
        ({"daily": ""}, "This field is required."),
        ({"shown": "1-2-3"}, "were changed since you opened this page"),
    ],
)
def test_wrong_limits_are_said_beside_them(
    card: VirtualCard, client: Client, typed: dict[str, str], sentence: str
) -> None:
    good = {"per_transaction": "300.00", "daily": "400.00", "monthly": "1000.00"}

    answer = send(client, page(card, "limits"), **good | typed)

    assert answer.status_code in (200, 400, 409)
    assert sentence in words_of(answer)
    before = card.daily_limit_minor
    card.refresh_from_db()
    assert card.daily_limit_minor == before


def test_money_is_put_on_the_card_once(card: VirtualCard, client: Client) -> None:
    source = card.cardholder.funding_methods.get()
    with processor_sandbox():
        sent = hidden_of(client, page(card, "top-up")) | {"amount": "50.00", "source": source.pk}
        first = client.post(page(card, "top-up"), sent, follow=True)
        client.post(page(card, "top-up"), sent)

    made = CardFunding.objects.get()
    assert made.amount_minor == 5000
    assert made.requested_by == f"user:{card.cardholder.user_id}"
    assert words_of(first).count("50.00 USD") >= 1


def test_a_top_up_names_what_is_wrong(card: VirtualCard, client: Client) -> None:
    mine = card.cardholder.funding_methods.get()
    foreign = FundingMethodFactory()

    for typed, sentence in (
        ({"amount": "0", "source": mine.pk}, "more than nothing"),
        ({"amount": "99,000.00", "source": mine.pk}, "no more than that is put on it at once"),
        ({"amount": "5.00", "source": foreign.pk}, "Select a valid choice"),
        ({"amount": "x", "source": mine.pk}, "is not an amount of USD"),
    ):
        assert sentence in words_of(send(client, page(card, "top-up"), **typed))
    assert not CardFunding.objects.exists()


def test_the_balance_pays_first_by_ones_own_wish(card: VirtualCard, client: Client) -> None:
    send(client, page(card, "balance"), spends_balance="on")
    assert "It pays first" in words_of(client.get("/"))

    send(client, page(card, "balance"))

    assert "It does not pay: your funding cards do." in words_of(client.get("/"))
    assert Entry.objects.filter(action="virtualcard.changed", actor=f"user:{card.cardholder.user_id}").count() == 2


def test_nothing_is_chosen_for_a_person_who_replaces(card: VirtualCard, client: Client) -> None:
    assert "This field is required." in words_of(send(client, page(card, "replace"), reason=""))
    assert '<option value="" selected>Choose one</option>' in client.get(page(card, "replace")).content.decode()


def test_a_lost_card_is_replaced_once_and_ends_at_once(card: VirtualCard, client: Client) -> None:
    sent = hidden_of(client, page(card, "replace")) | {"reason": "lost"}

    answers = [client.post(page(card, "replace"), sent) for _ in range(2)]

    assert [each.status_code for each in answers] == [302, 302]
    card.refresh_from_db()
    assert card.status == "closed"
    assert VirtualCard.objects.filter(replaces=card).count() == 1
    assert "Activate this card" in words_of(client.get("/"))


def test_a_card_is_closed_for_good_with_a_reason(card: VirtualCard, client: Client) -> None:
    assert "This field is required" in words_of(send(client, page(card, "close"), reason=""))

    send(client, page(card, "close"), reason="I do not need it any more.")

    card.refresh_from_db()
    assert card.status == "closed"
    assert "You have no card yet" in words_of(client.get("/"))


def test_what_a_card_cannot_do_now_is_said(card: VirtualCard, client: Client) -> None:
    answer = send(client, page(card, "activate"))

    assert answer.status_code == 409
    assert not CardChange.objects.exists()
    assert "error" in answer.content.decode()


@pytest.mark.parametrize("what", ["activate", "limits", "top-up", "balance", "replace", "close"])
def test_a_strangers_card_is_not_there(card: VirtualCard, what: str) -> None:
    stranger = logged_in(VirtualCardFactory().cardholder.user)

    assert stranger.get(page(card, what)).status_code == 404
    assert stranger.post(page(card, what), {"reason": "lost"}).status_code == 404
    assert Client().get(page(card, what))["Location"].startswith("/login?next=")
