"""Cardholders and issued cards."""

from typing import Any

import pytest
import stripe

from tests.sandbox.tests.conftest import CARD
from tests.sandbox.tests.receiver import Receiver

pytestmark = pytest.mark.only_in_proofs

ADDRESS = {"line1": "1 Main St", "city": "Oakland", "state": "CA", "postal_code": "94601", "country": "US"}
TERMS = {"card_issuing": {"user_terms_acceptance": {"date": 1_790_000_000, "ip": "203.0.113.7"}}}
INDIVIDUAL = {"first_name": "Ana", "last_name": "Smith", "dob": {"day": 1, "month": 2, "year": 1990}, **TERMS}
PERSON: Any = {
    "name": "Ana O'Neil-Smith",
    "email": "ana@example.com",
    "type": "individual",
    "billing": {"address": ADDRESS},
    "individual": INDIVIDUAL,
}


@pytest.fixture
def holder(client: stripe.StripeClient) -> Any:
    return client.v1.issuing.cardholders.create(PERSON)


def test_cardholder_is_kept_and_changed(client: stripe.StripeClient, receiver: Receiver, holder: Any) -> None:
    assert (holder.status, holder.billing.address.city) == ("active", "Oakland")
    assert holder.requirements.disabled_reason is None
    updated = client.v1.issuing.cardholders.update(holder.id, {"status": "inactive", "metadata": {"user": "9"}})
    assert (updated.status, updated.metadata["user"]) == ("inactive", "9")
    found = client.v1.issuing.cardholders.list({"email": "ana@example.com", "status": "inactive"}).data
    assert [found_holder.id for found_holder in found] == [holder.id]
    receiver.wait_for("issuing_cardholder.created")
    changed = receiver.wait_for("issuing_cardholder.updated")[0]["data"]["previous_attributes"]
    assert changed == {"status": "active", "metadata": {}}


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"name": "A" * 25}, "name"),
        ({"name": "Agent 7"}, "name"),
        ({"name": "Ana <b>"}, "name"),
        ({"billing": {"address": {"line1": "1 Main St"}}}, "billing[address][city]"),
        ({"individual": {"dob": {"day": 40}}}, "individual[dob][day]"),
    ],
)
def test_bad_cardholder(client: stripe.StripeClient, change: Any, param: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.issuing.cardholders.create({**PERSON, **change})
    assert caught.value.param == param


def test_new_card_is_inactive_with_the_default_limit(
    client: stripe.StripeClient, receiver: Receiver, holder: Any
) -> None:
    card = client.v1.issuing.cards.create({"cardholder": holder.id, "currency": "usd", "type": "virtual"})
    assert (card.status, card.cardholder.id, card.type) == ("inactive", holder.id, "virtual")
    limit = card.spending_controls.spending_limits[0]
    assert (limit.amount, limit.interval) == (50_000, "daily")
    receiver.wait_for("issuing_card.created")


def test_card_lives_and_dies(client: stripe.StripeClient, receiver: Receiver, holder: Any) -> None:
    cards = client.v1.issuing.cards
    limits: Any = [{"amount": 100, "interval": "per_authorization"}]
    card = cards.create(
        {
            "cardholder": holder.id,
            "currency": "usd",
            "type": "virtual",
            "status": "active",
            "spending_controls": {"spending_limits": limits, "blocked_categories": ["book_stores"]},
            "metadata": {"local": "1"},
        }
    )
    assert cards.update(card.id, {"status": "inactive"}).status == "inactive"
    assert cards.update(card.id, {"status": "active", "metadata": {"local": ""}}).metadata.to_dict() == {}
    cleared = cards.update(card.id, {"spending_controls": {"blocked_categories": ""}})  # type: ignore[typeddict-item]
    assert cleared.spending_controls.blocked_categories is None
    assert cleared.spending_controls.spending_limits[0].amount == 100
    gone = cards.update(card.id, {"status": "canceled", "cancellation_reason": "lost"})
    assert (gone.status, gone.cancellation_reason) == ("canceled", "lost")
    with pytest.raises(stripe.InvalidRequestError):
        cards.update(card.id, {"status": "active"})
    new = cards.create(
        {
            "cardholder": holder.id,
            "currency": "usd",
            "type": "virtual",
            "replacement_for": card.id,
            "replacement_reason": "lost",
        }
    )
    assert cards.retrieve(card.id).replaced_by == new.id
    changes = [event["data"]["previous_attributes"] for event in receiver.wait_for("issuing_card.updated", 4)]
    assert {"status": "active"} in changes


def test_card_of_an_unnamed_person_cannot_be_activated(client: stripe.StripeClient) -> None:
    nameless = client.v1.issuing.cardholders.create({**PERSON, "individual": {**INDIVIDUAL, "last_name": ""}})
    assert nameless.requirements.past_due == ["individual.last_name"]
    given: Any = {"cardholder": nameless.id, "currency": "usd", "type": "virtual"}
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.issuing.cards.create({**given, "status": "active"})
    card = client.v1.issuing.cards.create(given)
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.issuing.cards.update(card.id, {"status": "active"})
    named: Any = {"individual": INDIVIDUAL}
    client.v1.issuing.cardholders.update(nameless.id, named)
    assert client.v1.issuing.cards.update(card.id, {"status": "active"}).status == "active"


def test_both_lists_of_a_pair_are_refused(client: stripe.StripeClient) -> None:
    controls: Any = {"allowed_categories": ["book_stores"], "blocked_categories": ["hardware_stores"]}
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.issuing.cards.update(CARD, {"spending_controls": controls})


def test_number_is_told_only_on_retrieve(client: stripe.StripeClient) -> None:
    plain = client.v1.issuing.cards.retrieve(CARD)
    assert "number" not in plain
    assert "cvc" not in plain
    told = client.v1.issuing.cards.retrieve(CARD, {"expand": ["number", "cvc"]})
    assert (told.number[-4:], len(told.number), len(told.cvc)) == ("0005", 16, 3)
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.issuing.cards.list({"expand": ["data.number"]})


def test_list_filters(client: stripe.StripeClient, holder: Any) -> None:
    card = client.v1.issuing.cards.create({"cardholder": holder.id, "currency": "usd", "type": "virtual"})
    assert [found.id for found in client.v1.issuing.cards.list({"cardholder": holder.id}).data] == [card.id]
    assert [found.id for found in client.v1.issuing.cards.list({"status": "active"}).data] == [CARD]


@pytest.mark.parametrize(
    ("individual", "missing"),
    [
        ({**INDIVIDUAL, "dob": ""}, ["individual.dob.day", "individual.dob.month", "individual.dob.year"]),
        (
            {**INDIVIDUAL, "card_issuing": ""},
            [f"individual.card_issuing.user_terms_acceptance.{part}" for part in ("date", "ip")],
        ),
    ],
)
def test_birth_and_terms_are_required(client: stripe.StripeClient, individual: Any, missing: list[str]) -> None:
    made = client.v1.issuing.cardholders.create({**PERSON, "individual": individual})
    assert (made.requirements.disabled_reason, made.requirements.past_due) == ("requirements.past_due", missing)


@pytest.mark.parametrize("part", ["line1", "city", "postal_code", "country"])
def test_an_empty_text_for_a_required_field_is_refused(client: stripe.StripeClient, part: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.issuing.cardholders.create({**PERSON, "billing": {"address": {**ADDRESS, part: ""}}})
    assert (refused.value.code, refused.value.param) == ("parameter_invalid_empty", f"billing[address][{part}]")


def test_what_stripes_people_ask_for_is_reported(client: stripe.StripeClient, receiver: Receiver, holder: Any) -> None:
    asked: Any = {"metadata": {"sandbox_past_due": "individual.verification.document"}}
    updated = client.v1.issuing.cardholders.update(holder.id, asked)
    assert updated.requirements.past_due == ["individual.verification.document"]
    event = receiver.wait_for("issuing_cardholder.updated")[-1]
    assert event["data"]["object"]["requirements"]["disabled_reason"] == "requirements.past_due"
