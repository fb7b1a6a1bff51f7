"""The buttons on a card's page, new cards, and limits while an issuer is read-only."""

import re
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from audit.models import Entry
from issuing.cards import service as cards
from issuing.issuers import errors, registry
from issuing.issuers.mock import Failure, MockIssuer
from issuing.models import CardChange, IssuerAccount, VirtualCard
from issuing.operations import availability
from tests.support.back_office import logged_in, opened, send, sentences, superuser, text_of
from tests.support.factories import CardholderFactory, UserFactory, VirtualCardFactory

pytestmark = pytest.mark.django_db
REASON = "The cardholder lost it on the train"
ACTS = ("activate", "freeze", "unfreeze", "close")


@pytest.fixture(autouse=True)
def mock(settings: Any) -> Iterator[MockIssuer]:
    settings.ISSUER_PROVIDER = "mock"
    issuer = MockIssuer()
    registry.clear()
    registry.install(issuer)
    yield issuer
    registry.clear()


def made_card(status: str = "active") -> VirtualCard:
    """A card that the mock issuer knows, in the wanted state."""
    card = cards.create_virtual_card(cardholder=CardholderFactory(), card_type="visa", requested_by="user:0")
    if status != "pending":
        card = cards.activate(card=card, requested_by="user:0")
    if status == "frozen":
        card = cards.freeze(card=card, reason=REASON, requested_by="user:0")
    if status == "closed":
        card = cards.close(card=card, reason=REASON, requested_by="user:0")
    assert card.status == status
    return card


def page(card: VirtualCard, act: str) -> str:
    return reverse(f"admin:issuing_virtualcard_{act}", args=[card.pk])


def shown_acts(card: VirtualCard, client: Any = None) -> set[str]:
    text = (client or logged_in()).get(page(card, "change")).content.decode()
    return {act for act in ACTS if f'href="{page(card, act)}"' in text}


@pytest.mark.parametrize(
    ("status", "acts"),
    [
        ("pending", {"activate", "close"}),
        ("active", {"freeze", "close"}),
        ("frozen", {"unfreeze", "close"}),
        ("closed", set()),
    ],
)
def test_only_what_is_legal_has_a_button(status: str, acts: set[str]) -> None:
    assert shown_acts(made_card(status)) == acts


@pytest.mark.parametrize(
    ("before", "act", "after"),
    [
        ("pending", "activate", "active"),
        ("active", "freeze", "frozen"),
        ("frozen", "unfreeze", "active"),
        ("active", "close", "closed"),
    ],
)
def test_each_button_asks_and_then_does_it_at_the_issuer(mock: MockIssuer, before: str, act: str, after: str) -> None:
    card, boss = made_card(before), superuser()
    client = logged_in(boss)

    assert client.get(page(card, act)).status_code == 200
    assert VirtualCard.objects.get(pk=card.pk).status == before
    answer = client.post(page(card, act), {"reason": REASON}, follow=True)

    assert VirtualCard.objects.get(pk=card.pk).status == after
    assert mock.cards[card.issuer_card_id].status == after
    assert "The card is" in sentences(answer)
    change = CardChange.objects.latest("pk")
    assert (change.requested_by, change.reason) == (f"user:{boss.pk}", REASON if act in ("freeze", "close") else "")


@pytest.mark.parametrize("act", ["freeze", "close"])
@pytest.mark.parametrize("reason", ["", "   ", "x" * 201])
def test_taking_something_away_needs_a_reason(act: str, reason: str) -> None:
    card = made_card()
    before = CardChange.objects.count()

    answer = logged_in().post(page(card, act), {"reason": reason})

    assert answer.status_code == 200
    assert VirtualCard.objects.get(pk=card.pk).status == "active"
    assert CardChange.objects.count() == before


@pytest.mark.parametrize("act", ACTS)
def test_a_page_that_was_opened_too_long_ago_is_a_sentence(act: str) -> None:
    card = made_card("closed")
    before = CardChange.objects.count()

    answer = logged_in().post(page(card, act), {"reason": REASON}, follow=True)

    assert "This card is closed" in sentences(answer)
    assert CardChange.objects.count() == before


def test_an_issuer_that_does_not_answer_leaves_it_waiting_and_frozen_here(mock: MockIssuer) -> None:
    card = made_card()
    mock.fail(Failure("update_card_status", errors.no_answer))

    answer = logged_in().post(page(card, "freeze"), {"reason": REASON}, follow=True)

    assert "Waiting for the issuer" in sentences(answer)
    assert "Here it holds already." in sentences(answer)
    assert VirtualCard.objects.get(pk=card.pk).status == "frozen"
    assert CardChange.objects.latest("pk").status == "intended"


def test_a_refusal_of_the_issuer_is_shown(mock: MockIssuer) -> None:
    card = made_card("frozen")
    mock.fail(Failure("update_card_status", errors.refused))

    answer = logged_in().post(page(card, "unfreeze"), {}, follow=True)

    assert "The issuer refused" in sentences(answer)
    assert VirtualCard.objects.get(pk=card.pk).status == "frozen"


@pytest.mark.parametrize("act", ["close", "activate", "unfreeze"])
def test_read_only_mode_is_a_sentence_and_changes_nothing(act: str) -> None:
    card = made_card({"close": "active", "activate": "pending", "unfreeze": "frozen"}[act])
    before = CardChange.objects.count()
    availability.enter_read_only(provider="mock", reason="Maintenance", actor="user:0")

    answer = logged_in().post(page(card, act), {"reason": REASON}, follow=True)

    assert "Cards cannot be made or changed at the moment" in sentences(answer)
    assert VirtualCard.objects.get(pk=card.pk).status == card.status
    assert CardChange.objects.count() == before


def test_a_refused_button_keeps_the_reason_that_was_typed() -> None:
    card = made_card()
    availability.enter_read_only(provider="mock", reason="Maintenance", actor="user:0")

    answer = logged_in().post(page(card, "close"), {"reason": REASON})

    assert answer.status_code == 200
    assert REASON in text_of(answer)
    assert VirtualCard.objects.get(pk=card.pk).status == "active"


def test_who_may_only_look_presses_nothing() -> None:
    card, clerk = made_card(), UserFactory(is_staff=True)
    clerk.user_permissions.add(*Permission.objects.filter(codename="view_virtualcard"))
    client = logged_in(clerk)

    assert shown_acts(card, client) == set()
    for act in ACTS:
        assert client.get(page(card, act)).status_code == 403
        assert client.post(page(card, act), {"reason": REASON}).status_code == 403
    assert client.get(reverse("admin:issuing_virtualcard_new_card")).status_code == 403
    assert VirtualCard.objects.get(pk=card.pk).status == "active"


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("key", ["999999", "nonsense"])
def test_a_card_that_is_not_there_is_no_page(act: str, key: str) -> None:
    assert logged_in().get(reverse(f"admin:issuing_virtualcard_{act}", args=[key])).status_code == 404


def new_card(**changes: Any) -> Any:
    values = {"card_type": "visa", "currency": "usd", "per_transaction": "50", "daily": "100.50", "monthly": "1000"}
    return logged_in().post(reverse("admin:issuing_virtualcard_new_card"), {**values, **changes}, follow=True)


def test_a_new_card_is_made_at_the_issuer_with_its_limits(mock: MockIssuer) -> None:
    holder = CardholderFactory()

    answer = new_card(cardholder=holder.pk, card_type="mastercard")

    card = VirtualCard.objects.get()
    assert answer.redirect_chain == [(page(card, "change"), 302)]
    assert "The card is made" in sentences(answer)
    assert (card.cardholder, card.card_type, card.currency, card.status) == (holder, "mastercard", "USD", "pending")
    assert (card.per_transaction_limit_minor, card.daily_limit_minor, card.monthly_limit_minor) == (5000, 10050, 100000)
    assert list(mock.cards) == [card.issuer_card_id]


def test_the_form_opens_with_limits_and_the_list_has_its_button() -> None:
    url = reverse("admin:issuing_virtualcard_new_card")

    assert f'href="{url}"' in logged_in().get(reverse("admin:issuing_virtualcard_changelist")).content.decode()
    assert 'value="500.00"' in text_of(logged_in().get(url))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"daily": "100.555"}, "is not an amount"),
        ({"daily": "lots"}, "is not an amount"),
        ({"daily": "-5"}, "more than nothing"),
        ({"daily": "10"}, "cannot exceed"),
        ({"currency": "XYZ"}, "XYZ"),
        ({"card_type": "amex"}, "valid choice"),
        ({"cardholder": "999999"}, "valid choice"),
        ({"cardholder": ""}, "required"),
    ],
)
def test_a_new_card_that_cannot_be_is_a_sentence(mock: MockIssuer, changes: dict[str, str], sentence: str) -> None:
    holder = CardholderFactory()

    answer = new_card(**{"cardholder": str(holder.pk), **changes})

    assert answer.status_code == 200
    assert sentence in text_of(answer)
    assert not VirtualCard.objects.exists()
    assert mock.calls == []


def test_no_card_without_an_identity_or_while_read_only(mock: MockIssuer) -> None:
    unverified = CardholderFactory(kyc_status="pending")
    assert "identity is not verified" in text_of(new_card(cardholder=unverified.pk))

    availability.enter_read_only(provider="mock", reason="Maintenance", actor="user:0")
    assert "cannot be made or changed" in text_of(new_card(cardholder=CardholderFactory().pk))
    assert not VirtualCard.objects.exists()
    assert not IssuerAccount.objects.exists()


def test_limits_stay_while_the_issuer_is_read_only() -> None:
    card = VirtualCardFactory(issuer_provider="mock")
    availability.enter_read_only(provider="mock", reason="Maintenance", actor="user:0")
    entries = Entry.objects.count()

    answer = send(logged_in(), page(card, "change_limits"), daily_limit="1234.56", reason="A journey.")

    assert "cannot be made or changed at the moment" in sentences(answer)
    assert 'value="1234.56"' in text_of(answer)
    assert VirtualCard.objects.get(pk=card.pk).daily_limit_minor == card.daily_limit_minor
    assert not CardChange.objects.exists()
    assert Entry.objects.count() == entries


def test_a_closed_cards_limits_stay() -> None:
    card = made_card("closed")
    before = CardChange.objects.count()

    answer = send(logged_in(), page(card, "change_limits"), daily_limit="1234.56", reason="A journey.")

    assert "This card is closed" in sentences(answer)
    assert CardChange.objects.count() == before


@pytest.mark.parametrize("act", [*ACTS, "reveal", "new_card"])
def test_the_pages_that_ask_take_nothing_from_other_hosts(act: str) -> None:
    url = page(made_card(), act) if act != "new_card" else reverse("admin:issuing_virtualcard_new_card")

    answer = logged_in().get(url)

    assert answer.status_code == 200
    assert re.findall(r"""(?:src|href|action)=["'](?:https?:)?//[^"']+""", answer.content.decode()) == []


def test_staff_have_a_stolen_card_replaced_once() -> None:
    card, client = made_card(), logged_in()
    values = opened(client, page(card, "replace_card")) | {"reason": "stolen"}

    for _press in range(2):
        client.post(page(card, "replace_card"), values)

    old, new = VirtualCard.objects.order_by("pk")
    assert (old.status, new.replaces, new.replacement_reason) == ("closed", old, "stolen")
    assert new.daily_limit_minor == old.daily_limit_minor


def test_a_card_is_not_replaced_for_no_known_reason() -> None:
    card, client = made_card(), logged_in()
    values = opened(client, page(card, "replace_card")) | {"reason": "boredom"}

    assert client.post(page(card, "replace_card"), values).status_code == 200

    assert VirtualCard.objects.get().status == card.status


def test_a_closed_card_offers_no_replacement_and_gets_none() -> None:
    card, client = made_card("closed"), logged_in()

    assert "Replace" not in text_of(client.get(page(card, "change")))
    answer = client.post(page(card, "replace_card"), {"reason": "lost", "key": str(uuid.uuid4())})

    assert "This card is closed" in sentences(answer)
    assert VirtualCard.objects.count() == 1
