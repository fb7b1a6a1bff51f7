"""Freezing and unfreezing by the person who carries the card, and what they may not undo."""

import pytest
from django.test import Client

from audit.models import Entry
from issuing.cards import changes, service
from issuing.models import CardChange, VirtualCard
from onecard.kit import clock
from tests.issuing.cards.test_service import ScriptedIssuer
from tests.onecard.api.activity.test_purchases import buy
from tests.support.back_office import logged_in
from tests.support.factories import VirtualCardFactory
from tests.support.wallets import walkthrough_card
from wallet.models import Case, FundingObligation

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> VirtualCard:
    scripted = ScriptedIssuer()
    monkeypatch.setattr(changes, "issuer_for", lambda _provider: scripted)
    return walkthrough_card(issuer_provider="stripe", issuer_card_id="ic_1")


@pytest.fixture
def client(card: VirtualCard) -> Client:
    return logged_in(card.cardholder.user)


def press(client: Client, card: VirtualCard, act: str) -> str:
    answer = client.post(f"/card/{card.public_id}/{act}", follow=True)
    card.refresh_from_db()
    return answer.content.decode()


def test_a_frozen_card_is_shown_and_can_be_unfrozen(card: VirtualCard, client: Client) -> None:
    assert "new purchases are declined from now on" in press(client, card, "freeze")
    assert card.status == "frozen"
    assert Entry.objects.get(action="card.freeze_requested").actor == f"user:{card.cardholder.user_id}"

    assert "Unfreeze this card" in client.get("/").content.decode()
    assert "active again" in press(client, card, "unfreeze")
    assert card.status == "active"


def test_freezing_twice_is_one_change(card: VirtualCard, client: Client) -> None:
    press(client, card, "freeze")
    answer = client.post(f"/card/{card.public_id}/freeze")

    assert answer.status_code == 409
    assert "This card is frozen" in answer.content.decode()
    assert CardChange.objects.filter(card=card, kind="freeze").count() == 1


def test_a_purchase_after_freezing_is_declined_at_the_webhook(card: VirtualCard, client: Client) -> None:
    buy(card)
    press(client, card, "freeze")
    name = buy(card)

    assert card.status == "frozen"
    assert "Your card is not active. Unfreeze" in client.get(f"/purchases/{name}").content.decode()


def test_what_others_froze_the_holder_cannot_unfreeze(card: VirtualCard, client: Client) -> None:
    service.freeze(card=card, reason="Suspicious.", requested_by="user:0")

    assert "only our support can unfreeze it" in client.get("/").content.decode()
    assert client.post(f"/card/{card.public_id}/unfreeze").status_code == 409
    card.refresh_from_db()
    assert card.status == "frozen"


def test_what_the_issuer_froze_later_the_holder_cannot_unfreeze(card: VirtualCard, client: Client) -> None:
    press(client, card, "freeze")
    press(client, card, "unfreeze")
    VirtualCard.objects.filter(pk=card.pk).update(status="frozen")

    assert "only our support can unfreeze it" in press(client, card, "unfreeze")
    assert card.status == "frozen"


def test_who_owes_cannot_unfreeze(card: VirtualCard, client: Client) -> None:
    press(client, card, "freeze")
    owe(card)

    assert "is not paid yet" in press(client, card, "unfreeze")
    assert card.status == "frozen"


def owe(card: VirtualCard) -> None:
    now = clock.now()
    owed = FundingObligation.objects.create(
        cardholder=card.cardholder, reference="decision:1", amount_minor=100, currency="USD", created_at=now,
        updated_at=now,
    )  # fmt: skip
    Case.objects.create(
        kind=Case.Kind.RECEIVABLE, reference="obligation:1", obligation=owed, amount_minor=100, currency="USD",
        opened_at=now, summary="Owed",
    )  # fmt: skip


def test_a_form_without_its_token_is_refused() -> None:
    card = VirtualCardFactory()
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(card.cardholder.user)

    assert strict.post(f"/card/{card.public_id}/freeze").status_code == 403
    card.refresh_from_db()
    assert card.status == "active"


def test_a_reload_of_the_buttons_address_leads_home(card: VirtualCard, client: Client) -> None:
    assert client.get(f"/card/{card.public_id}/freeze")["Location"] == "/"
    assert Client().post(f"/card/{card.public_id}/freeze")["Location"] == "/login"
