"""An event is written with its cause, once for each endpoint that wants it, and says what the API says."""

import uuid
from typing import Any

import pytest

from issuing.activity import decision_notices
from issuing.cards import service as cards
from onecard.celery import SUBSCRIBERS
from onecard.integrations import endpoints, events, sending
from onecard.integrations.models import Delivery, Endpoint, Event
from onecard.integrations.types import EventType
from onecard.kit.transactions import TransactionError, transaction
from onecard.notices import choices, services
from onecard.notices.kinds import EVENTS, Channel, Kind
from onecard.outbox.models import Message
from onecard.users.models import User
from tests.support import stripe_events
from tests.support.back_office import logged_in
from tests.support.factories import CardholderFactory, UserFactory
from tests.support.wallets import walkthrough_card
from tests.support.webhook_receivers import Receiver

pytestmark = pytest.mark.django_db


def endpoint_of(user: User, url: str, *wanted: str) -> Endpoint:
    made = {"url": url, "description": "", "wanted": wanted or ("*",)}
    return endpoints.create(user, **made, key=uuid.uuid4(), actor=f"user:{user.pk}")


def happens(user: User, cause: str = "refund:1", **more: Any) -> None:
    services.write(user_id=user.pk, cause=cause, text="5.00 USD went back.", **{"kind": Kind.REFUND_ARRIVED} | more)


def send_all() -> None:
    for pk in Delivery.objects.order_by("pk").values_list("pk", flat=True):
        sending.send(delivery_id=pk)


def test_every_kind_of_notice_is_a_type_of_event() -> None:
    assert set(EVENTS) == set(Kind)
    assert sorted([*EVENTS.values(), EventType.TEST]) == sorted(EventType)


def test_a_cause_is_one_event_and_a_delivery_for_each_that_wants_it(user: User, receiver: Receiver) -> None:
    wanting = [endpoint_of(user, receiver.url), endpoint_of(user, receiver.url, "refund.sent", "card.frozen")]
    endpoint_of(user, receiver.url, "card.frozen")
    endpoint_of(UserFactory(), receiver.url)
    off = endpoint_of(user, receiver.url)
    endpoints.change(off, actor="user:1", is_on=False)

    happens(user)
    happens(user)

    event = Event.objects.get()
    assert {each.endpoint for each in event.deliveries.all()} == set(wanting)
    sent = [each.payload["delivery_id"] for each in Message.objects.filter(topic="webhook.send")]
    assert sent == list(event.deliveries.order_by("pk").values_list("pk", flat=True))
    assert SUBSCRIBERS["webhook.send"] == ("onecard.integrations.tasks.send_webhook",)


def test_what_a_person_does_not_want_to_read_is_still_an_event(user: User, endpoint: Endpoint) -> None:
    choices.choose(user, {Kind.REFUND_ARRIVED: Channel.OFF}, actor=f"user:{user.pk}")
    happens(user)
    assert Event.objects.get().type == "refund.sent"


def test_an_event_is_undone_with_its_cause(user: User, endpoint: Endpoint) -> None:
    def undone() -> None:
        with transaction():
            happens(user)
            raise LookupError

    with pytest.raises(LookupError):
        undone()
    assert Event.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_an_event_outside_a_transaction_is_refused(endpoint: Endpoint) -> None:
    with pytest.raises(TransactionError):
        events.intend(
            public_id=uuid.uuid4(),
            user_id=endpoint.user_id,
            event_type=EventType.REFUND_SENT,
            title="",
            text="",
            reference="",
        )


def test_whoever_has_no_endpoint_has_no_events(user: User, endpoint: Endpoint) -> None:
    endpoints.delete(endpoint, actor=f"user:{user.pk}")
    happens(user)
    assert Event.objects.count() == 0


def test_a_purchase_is_told_as_the_api_shows_it(receiver: Receiver) -> None:
    card = walkthrough_card(issuer_provider="stripe", issuer_card_id="ic_1")
    owner = card.cardholder.user
    endpoint_of(owner, receiver.url)
    stripe_events.post(stripe_events.authorization_request(card="ic_1", amount=4500))
    decision_notices.sweep()
    send_all()

    (received,) = receiver.received
    event, client = received.event, logged_in(owner)
    assert (event["id"], event["type"], event["api_version"]) == (received.event_id, "purchase.approved", "v1")
    assert event["data"]["purchase"] == client.get("/api/v1/purchases").json()["results"][0]
    notice = client.get("/api/v1/notifications").json()["results"][0]
    assert notice["id"] == event["id"]
    assert event["data"]["notification"] == {name: notice[name] for name in ("title", "text", "reference")}


def test_a_card_and_the_identity_check_are_told_as_the_api_shows_them(receiver: Receiver) -> None:
    card = walkthrough_card(issuer_provider="mock", issuer_card_id="mock_1")
    owner = card.cardholder.user
    endpoint_of(owner, receiver.url, "card.frozen", "kyc.changed")
    cards.freeze(card=card, reason="Mislaid.", requested_by=f"user:{owner.pk}", key=uuid.uuid4())
    services.kyc_changed(user_id=owner.pk, cause="kyc:1", text="You are verified.")
    send_all()

    by_type, client = {each.event["type"]: each.event["data"] for each in receiver.received}, logged_in(owner)
    assert by_type["card.frozen"]["card"] == client.get("/api/v1/cards").json()["results"][0]
    kyc = client.get("/api/v1/kyc").json()
    assert by_type["kyc.changed"]["kyc"] == {
        name: kyc[name] for name in ("status", "sentence", "may_submit", "verified_until")
    }


def test_a_thing_of_another_person_is_not_told(user: User, endpoint: Endpoint, receiver: Receiver) -> None:
    foreign = walkthrough_card(issuer_provider="stripe", issuer_card_id="ic_1")
    CardholderFactory(user=user)
    happens(user, reference=f"card:{foreign.public_id}")
    happens(user, "refund:2", reference="profile:kyc")
    send_all()

    first, second = (each.event["data"] for each in receiver.received)
    assert list(first) == ["notification"]
    assert sorted(second) == ["kyc", "notification"]


def test_a_repeat_has_the_same_body_whatever_has_changed(endpoint: Endpoint, receiver: Receiver) -> None:
    holder = CardholderFactory(user=endpoint.user)
    services.kyc_changed(user_id=endpoint.user_id, cause="kyc:1", text="It moved.")
    send_all()
    Delivery.objects.update(status="waiting", next_attempt_at=Delivery.objects.get().created_at)
    type(holder).objects.filter(pk=holder.pk).update(kyc_status="rejected")
    send_all()

    first, second = receiver.received
    assert first.body == second.body
    assert first.event_id == second.event_id


def test_a_shape_that_cannot_be_made_does_not_hold_up_its_event(
    endpoint: Endpoint, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    CardholderFactory(user=endpoint.user)
    monkeypatch.setattr("wallet.kyc.identity_status.of", lambda _holder: 1 / 0)
    services.kyc_changed(user_id=endpoint.user_id, cause="kyc:1", text="It moved.")
    send_all()

    assert list(receiver.received[0].event["data"]) == ["notification"]
