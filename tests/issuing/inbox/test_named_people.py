"""A message that names another person than its card's is declined or stored, and opens a case."""

from typing import Any

import pytest

from issuing.models import Authorization, CardTransaction
from tests.issuing.clearing.postings import deliver, posted
from tests.issuing.inbox.contradictions import contradictions, later_round, moved, reason, with_jit
from tests.issuing.inbox.test_references import bought, cards, standing
from tests.support import marqeta_events, stripe_events

pytestmark = pytest.mark.django_db
NOTHING: tuple[list[int], list[int], list[int]] = ([], [], [])


@pytest.mark.parametrize("place", ["an id", "an object", "inside the card", "both, and one is right"])
def test_a_question_that_names_another_person_is_declined(place: str) -> None:
    ada, _ = cards()
    card = {"id": ada.issuer_card_id, "object": "issuing.card"}
    named: dict[str, Any] = {
        "an id": {"cardholder": "ich_Bob"},
        "an object": {"cardholder": {"id": "ich_Bob"}},
        "inside the card": {"card": card | {"cardholder": {"id": "ich_Bob"}}},
        "both, and one is right": {"cardholder": "ich_Ada", "card": card | {"cardholder": "ich_Bob"}},
    }[place]
    asked = stripe_events.authorization_request(**({"card": ada.issuer_card_id} | named))
    asked["data"]["object"] |= named

    answers = [stripe_events.post(asked) for _ in range(2)]

    assert {reason(answer) for answer in answers} == {"another_person"}
    assert moved() == NOTHING
    (case,) = contradictions()
    assert "ich_Bob" in case.summary


@pytest.mark.parametrize("named", ["ich_Ada", "ich_nobody", None, ""])
def test_the_cards_own_person_or_nobody_known_is_no_contradiction(named: Any) -> None:
    ada, _ = cards()
    asked = stripe_events.authorization_request(card=ada.issuer_card_id, cardholder=named)

    assert stripe_events.post(asked).json()["approved"] is True
    assert contradictions() == []


def test_a_later_round_that_names_another_person_adds_nothing() -> None:
    ada, _ = cards()
    asked = bought(ada)
    before = standing()

    answer = stripe_events.post(later_round(asked, card=ada.issuer_card_id, cardholder="ich_Bob"))

    assert reason(answer) == "another_person"
    assert standing() == before
    assert len(contradictions()) == 1


@pytest.mark.parametrize("place", ["jit_funding", "the message"])
def test_marqetas_question_that_names_another_user_is_declined(place: str) -> None:
    ada, _ = cards("marqeta")
    asked = marqeta_events.gateway_request(card=ada.issuer_card_id)
    asked = with_jit(asked, user_token="ich_Bob") if place == "jit_funding" else asked | {"user_token": "ich_Bob"}

    answer = marqeta_events.ask(asked)

    assert answer.status_code == 402
    assert "another_person" in marqeta_events.read(answer)["tags"]
    assert moved() == NOTHING
    assert Authorization.objects.get().status == "declined"
    assert len(contradictions()) == 1


def test_a_used_jit_token_with_another_user_is_declined() -> None:
    ada, _ = cards("marqeta")
    asked = marqeta_events.gateway_request(card=ada.issuer_card_id)
    first = marqeta_events.ask(asked)

    answer = marqeta_events.ask(with_jit(asked, user_token="somebody"))

    assert answer.status_code == 402
    assert "event_id_reused" in marqeta_events.read(answer)["tags"]
    assert marqeta_events.ask(asked).content == first.content
    assert len(contradictions()) == 1


@pytest.mark.parametrize(("kind", "amount"), [("refund", 500), ("capture", -500)])
def test_a_movement_whose_cards_person_is_another_is_kept(kind: str, amount: int) -> None:
    ada, _ = cards()
    asked = bought(ada)
    before = standing()
    card = {"id": ada.issuer_card_id, "cardholder": {"id": "ich_Bob"}}

    deliver(posted(asked, type=kind, amount=amount, card=card))

    assert standing() == before
    assert CardTransaction.objects.get().authorization is None
    assert len(contradictions()) == 1


def test_a_disputed_transaction_whose_cards_person_is_another_is_kept() -> None:
    ada, _ = cards()
    deliver(posted(bought(ada), id="ipi_1"))
    before = standing()
    expanded = {"id": "ipi_1", "card": {"id": ada.issuer_card_id, "cardholder": {"id": "ich_Bob"}}}
    content = {"id": "idp_1", "amount": 4500, "currency": "usd", "status": "won", "transaction": expanded}

    deliver(stripe_events.event("issuing_dispute.funds_reinstated", content))

    assert standing() == before
    assert len(contradictions()) == 1
