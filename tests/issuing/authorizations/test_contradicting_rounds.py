"""A later round that names another card or currency is declined, and a case asks a person to resolve it."""

import html
import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from issuing import journal
from issuing.authorizations import decision_store
from issuing.inbox.bodies import body_of
from issuing.models import Authorization, IssuerEvent, VirtualCard
from onecard.kit import references
from tests.issuing.inbox.contradictions import (
    ONE,
    EventBody,
    card,
    contradictions,
    later_round,
    moved,
    other_card,
    reason,
)
from tests.support import marqeta_events, stripe_events
from tests.support.back_office import logged_in, text_of
from tests.support.factories import VirtualCardFactory
from tests.support.wallets import marqeta_card

__all__ = ["card"]
pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("whose", ["another person's", "the same person's", "nobody's"])
def test_a_later_round_with_another_card_is_declined_with_a_case(card: VirtualCard, whose: str) -> None:
    other = {
        "another person's": lambda: other_card().issuer_card_id,
        "the same person's": lambda: VirtualCardFactory(cardholder=card.cardholder).issuer_card_id,
        "nobody's": lambda: "ic_nobody",
    }[whose]()
    asked = stripe_events.authorization_request(card=card.issuer_card_id)
    stripe_events.post(asked)

    again = later_round(asked, card=other)
    answers = [stripe_events.post(again) for _ in range(2)]

    assert {reason(answer) for answer in answers} == {"another_card"}
    assert answers[0].content == answers[1].content
    assert moved() == ONE
    purchase = Authorization.objects.get()
    assert (purchase.card_id, purchase.approved_minor, purchase.status) == (card.pk, 4500, "approved")
    (case,) = contradictions()
    assert (case.reference, case.amount_minor) == (f"authorization:{purchase.pk}", 900)
    assert other in case.summary
    event = IssuerEvent.objects.get(event_id=again["id"])
    assert json.loads(body_of(event)) == again


def test_a_first_round_repeated_with_another_card_is_declined(card: VirtualCard) -> None:
    asked = stripe_events.authorization_request(card=card.issuer_card_id)
    stripe_events.post(asked)
    again = stripe_events.authorization_request(
        card=other_card().issuer_card_id, authorization=asked["data"]["object"]["id"]
    )

    assert [reason(stripe_events.post(again)) for _ in range(2)] == ["round_contradicts"] * 2

    assert moved() == ONE
    assert len(contradictions()) == 1
    assert IssuerEvent.objects.get(event_id=again["id"]).status == "kept"


@pytest.mark.parametrize("change", [{"amount": 9900}, {"mcc": "5411"}])
def test_a_first_round_repeated_with_other_content_is_declined(card: VirtualCard, change: EventBody) -> None:
    asked = stripe_events.authorization_request(card=card.issuer_card_id)
    stripe_events.post(asked)
    again = stripe_events.authorization_request(
        card=card.issuer_card_id, authorization=asked["data"]["object"]["id"], **change
    )

    assert stripe_events.post(again).json()["approved"] is False

    assert moved() == ONE
    assert len(contradictions()) == 1


def test_a_later_round_in_another_currency_is_declined(card: VirtualCard) -> None:
    asked = stripe_events.authorization_request(card=card.issuer_card_id)
    stripe_events.post(asked)

    answer = stripe_events.post(later_round(asked, card=card.issuer_card_id, currency="eur"))

    assert reason(answer) == "another_currency"
    assert moved() == ONE
    assert len(contradictions()) == 1


def test_a_purchase_of_an_unknown_card_does_not_become_somebodys(card: VirtualCard) -> None:
    asked = stripe_events.authorization_request(card=card.issuer_card_id)
    stripe_events.post(asked)
    Authorization.objects.update(card=None)

    assert reason(stripe_events.post(later_round(asked, card=card.issuer_card_id))) == "another_card"
    assert Authorization.objects.get().card is None


@pytest.mark.parametrize("known", [True, False])
def test_marqetas_increment_with_another_card_is_declined(known: bool) -> None:
    first = marqeta_events.gateway_request(card=marqeta_card().issuer_card_id)
    marqeta_events.ask(first)
    other = other_card(issuer_provider="marqeta", issuer_card_id=marqeta_events.token()).issuer_card_id
    more = marqeta_events.increment(first, card_token=other if known else marqeta_events.token())

    answers = [marqeta_events.ask(more) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [402, 402]
    assert "another_card" in marqeta_events.read(answers[0])["tags"]
    assert moved() == ONE
    assert len(contradictions()) == 1


@pytest.mark.parametrize(
    ("kind", "trips"),
    [("good", 2), ("increment", 2), ("repeat", 1), ("another card", 2), ("a used id", 2), ("another account", 1)],
)
def test_every_answer_takes_two_round_trips_at_most(
    card: VirtualCard, monkeypatch: pytest.MonkeyPatch, kind: str, trips: int
) -> None:
    asked = stripe_events.authorization_request(card=card.issuer_card_id)
    stripe_events.post(asked)
    question = {
        "good": stripe_events.authorization_request(card=card.issuer_card_id),
        "increment": later_round(asked, card=card.issuer_card_id),
        "repeat": asked,
        "another card": later_round(asked, card=other_card().issuer_card_id),
        "a used id": stripe_events.authorization_request(card=card.issuer_card_id) | {"id": asked["id"]},
        "another account": asked | {"account": "acct_other"},
    }[kind]
    monkeypatch.setattr(journal, "write_soon", lambda *_event: None)
    monkeypatch.setattr(journal, "write_of", lambda **_names: 0)
    run, made = decision_store.run_statement, []
    monkeypatch.setattr(decision_store, "run_statement", lambda *args: made.append(args) or run(*args))

    with CaptureQueriesContext(connection) as by_django:
        stripe_events.post(question)

    assert len(made) == trips
    assert len(by_django) == 0


@pytest.mark.parametrize("kind", ["another card", "a used id", "another account"])
def test_staff_see_and_resolve_a_contradictions_case(card: VirtualCard, kind: str) -> None:
    asked = stripe_events.authorization_request(card=card.issuer_card_id)
    stripe_events.post(asked)
    stripe_events.post(
        {
            "another card": later_round(asked, card="ic_nobody"),
            "a used id": stripe_events.authorization_request(card="ic_nobody") | {"id": asked["id"]},
            "another account": stripe_events.authorization_request(card="ic_nobody") | {"account": "acct_other"},
        }[kind]
    )
    (case,) = contradictions()
    client = logged_in()
    page = reverse("admin:wallet_case_change", args=[case.pk])

    shown = client.get(page)

    assert client.get(references.page_of(case.reference)).status_code == 200
    assert f'href="{html.escape(references.page_of(case.reference))}"' in shown.content.decode()
    assert "Compare the event with the issuer" in text_of(shown)
    client.post(reverse("admin:wallet_case_act", args=[case.pk, "resolve"]), {"reason": "The issuer mended it."})
    case.refresh_from_db()
    assert (case.status, case.resolution) == ("resolved", "The issuer mended it.")
