"""The log of an endpoint, and sending something again."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from audit.models import Entry
from onecard.integrations import sending
from onecard.integrations.models import Delivery
from onecard.notices import services
from onecard.notices.kinds import Kind
from onecard.users.models import User
from tests.onecard.api.webhooks.conftest import Post
from tests.support.back_office import logged_in
from tests.support.factories import UserFactory
from tests.support.webhook_receivers import Receiver, is_genuine, running_receiver

pytestmark = pytest.mark.django_db
PATH = "/api/v1/webhook-endpoints"


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    settings.WEBHOOKS_TO_LOOPBACK = True
    with running_receiver() as running:
        yield running


@pytest.fixture
def endpoint(post: Post, receiver: Receiver) -> dict[str, Any]:
    found: dict[str, Any] = post(PATH, {"url": receiver.url}).json()
    return found


def happens(user: User, *numbers: int, kind: Kind = Kind.REFUND_ARRIVED) -> None:
    for number in numbers:
        services.write(user_id=user.pk, kind=kind, cause=f"refund:{number}", text="5.00 USD went back.")


def test_what_was_sent_and_answered_is_shown(
    client: Client, user: User, endpoint: dict[str, Any], receiver: Receiver
) -> None:
    path = f"{PATH}/{endpoint['id']}/deliveries"
    receiver.answers(503, b"Down for maintenance")
    happens(user, 1)
    (before,) = client.get(path).json()["results"]
    assert client.get(f"{path}/{before['id']}").json()["payload"] is None
    sending.send(delivery_id=Delivery.objects.get().pk)

    (shown,) = client.get(path).json()["results"]

    (received,) = receiver.received
    assert is_genuine(received, endpoint["secret"])
    assert shown["event_id"] == received.event_id
    assert (shown["type"], shown["status"], shown["attempts"]) == ("refund.sent", "waiting", 1)
    assert (shown["status_code"], shown["failure"]) == (503, "It answered 503.")
    assert shown["answer"] == "Down for maintenance"
    assert client.get(f"{path}/{shown['id']}").json() == shown | {"payload": received.event}


def test_the_log_has_pages_and_filters(client: Client, user: User, endpoint: dict[str, Any]) -> None:
    path = f"{PATH}/{endpoint['id']}/deliveries"
    happens(user, 1, 2, 3)
    happens(user, 4, kind=Kind.CARD_FROZEN)
    Delivery.objects.filter(event__type="card.frozen").update(status="delivered")
    newest = [str(each.public_id) for each in Delivery.objects.order_by("-event_id")]

    page = client.get(path, {"page_size": 3}).json()
    happens(user, 5)

    assert [each["id"] for each in page["results"]] == newest[:3]
    assert [each["id"] for each in client.get(page["next"]).json()["results"]] == newest[3:]
    assert [each["id"] for each in client.get(path, {"type": "card.frozen"}).json()["results"]] == newest[:1]
    assert len(client.get(path, {"status": "waiting"}).json()["results"]) == 4
    assert list(client.get(path, {"status": "lost"}).json()["errors"]) == ["status"]


def test_one_is_sent_again_once_for_a_key(
    client: Client, user: User, endpoint: dict[str, Any], post: Post, receiver: Receiver
) -> None:
    happens(user, 1)
    row = Delivery.objects.get()
    sending.send(delivery_id=row.pk)
    path, key = f"{PATH}/{endpoint['id']}/deliveries/{row.public_id}/replay", str(uuid.uuid4())

    answers = [post(path, key=key) for _ in range(3)]

    assert [each.status_code for each in answers] == [200] * 3
    assert answers[0].json()["status"] == "waiting"
    assert Entry.objects.get(action="webhook_delivery.replayed").actor == f"user:{user.pk}"
    sending.send(delivery_id=row.pk)
    assert receiver.ids == [str(row.event.public_id)] * 2
    assert client.get(f"{PATH}/{endpoint['id']}/deliveries/{row.public_id}").json()["status"] == "delivered"


def test_nothing_is_sent_again_to_an_endpoint_that_is_off(user: User, endpoint: dict[str, Any], post: Post) -> None:
    happens(user, 1)
    row = Delivery.objects.get()
    type(row.endpoint).objects.update(off_by="holder")
    answer = post(f"{PATH}/{endpoint['id']}/deliveries/{row.public_id}/replay")
    assert (answer.status_code, answer.json()["code"]) == (409, "webhook_endpoint_off")


def test_a_delivery_of_another_person_or_endpoint_is_not_found(
    client: Client, user: User, endpoint: dict[str, Any], post: Post, receiver: Receiver
) -> None:
    happens(user, 1)
    row, second = Delivery.objects.get(), post(PATH, {"url": receiver.url}).json()
    foreign, elsewhere = f"{PATH}/{endpoint['id']}/deliveries/{row.public_id}", f"{PATH}/{second['id']}/deliveries"
    other = logged_in(UserFactory())

    assert other.get(foreign).status_code == post(f"{foreign}/replay", by=other).status_code == 404
    assert client.get(f"{elsewhere}/{row.public_id}").status_code == 404
    assert post(f"{elsewhere}/{row.public_id}/replay").status_code == 404
    assert client.get(elsewhere).json()["results"] == []
    assert Entry.objects.filter(action="webhook_delivery.replayed").count() == 0
