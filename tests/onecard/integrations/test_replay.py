"""What is sent again keeps its id; a replay finds what was missed; and events are not kept for ever."""

import datetime as dt
import uuid

import pytest

from audit.models import Entry
from onecard.integrations import endpoints, replay, retention, sending
from onecard.integrations.errors import EndpointOffError
from onecard.integrations.models import Delivery, Endpoint, Event
from onecard.kit import clock
from onecard.notices import services
from onecard.notices.kinds import Kind
from onecard.outbox.models import Message
from onecard.users.models import User
from tests.support.webhook_receivers import Receiver

pytestmark = pytest.mark.django_db


def happens(user: User, *numbers: int, kind: Kind = Kind.REFUND_ARRIVED) -> None:
    for number in numbers:
        services.write(user_id=user.pk, kind=kind, cause=f"refund:{number}", text="5.00 USD went back.")


def send_all() -> None:
    for pk in Delivery.objects.order_by("pk").values_list("pk", flat=True):
        sending.send(delivery_id=pk)


def ids(endpoint: Endpoint, *, only_missed: bool, days: float = 1) -> list[str]:
    found = replay.found(endpoint, since=clock.now() - dt.timedelta(days=days), only_missed=only_missed)
    return [str(each.public_id) for each in found]


def all_again(endpoint: Endpoint, *, only_missed: bool) -> int:
    since = clock.now() - dt.timedelta(days=1)
    return replay.replay(endpoint, since=since, only_missed=only_missed, actor="user:9", reason="They asked.")


def test_one_delivery_goes_out_again_with_its_id(endpoint: Endpoint, user: User, receiver: Receiver) -> None:
    happens(user, 1)
    send_all()
    row = Delivery.objects.get()
    Message.objects.all().delete()

    again = replay.again(row, actor="user:7")

    assert again.status == "waiting"
    assert [each.payload for each in Message.objects.all()] == [{"delivery_id": row.pk}]
    assert sending.send(delivery_id=row.pk) == "delivered"
    assert receiver.ids == [str(row.event.public_id)] * 2
    assert receiver.received[0].body == receiver.received[1].body
    assert Entry.objects.get(action="webhook_delivery.replayed").actor == "user:7"


def test_a_delivery_that_was_given_up_has_three_more_days(endpoint: Endpoint, user: User, receiver: Receiver) -> None:
    happens(user, 1)
    Delivery.objects.update(status="given_up", next_attempt_at=None)
    receiver.answers(500)
    with clock.ahead(dt.timedelta(days=6)):
        again = replay.again(Delivery.objects.get(), actor="user:7")
        assert sending.send(delivery_id=again.pk) == "waiting"


def test_one_that_is_being_sent_is_left_alone(endpoint: Endpoint, user: User) -> None:
    happens(user, 1)
    Delivery.objects.update(status="sending", claimed_until=clock.now() + dt.timedelta(minutes=1))
    assert replay.again(Delivery.objects.get(), actor="user:7").status == "sending"


def test_nothing_goes_to_an_endpoint_that_is_off(endpoint: Endpoint, user: User) -> None:
    happens(user, 1)
    endpoints.change(endpoint, actor="user:7", is_on=False)
    with pytest.raises(EndpointOffError):
        replay.again(Delivery.objects.get(), actor="user:7")
    with pytest.raises(EndpointOffError):
        all_again(endpoint, only_missed=False)
    assert Entry.objects.filter(action__contains="replayed").count() == 0


def test_a_replay_brings_what_was_missed_while_the_endpoint_was_off(
    endpoint: Endpoint, user: User, receiver: Receiver
) -> None:
    happens(user, 1)
    send_all()
    endpoints.change(endpoint, actor="user:7", is_on=False)
    happens(user, 2, 3)
    endpoints.change(endpoint, actor="user:7", is_on=True)
    endpoints.send_test(endpoint)
    events = [str(each) for each in Event.objects.order_by("pk").values_list("public_id", flat=True)]

    assert ids(endpoint, only_missed=True) == events[1:3]
    assert ids(endpoint, only_missed=False) == events[:3]
    assert all_again(endpoint, only_missed=True) == 2
    send_all()

    assert receiver.ids.count(events[0]) == 1
    assert set(receiver.ids) == set(events)
    entry = Entry.objects.get(action="webhook_endpoint.replayed")
    assert (entry.actor, entry.details["events"], entry.details["reason"]) == ("user:9", 2, "They asked.")
    assert ids(endpoint, only_missed=True) == []
    assert all_again(endpoint, only_missed=False) == 3
    send_all()
    assert receiver.ids.count(events[0]) == 2


def test_a_replay_is_of_the_types_and_the_person_of_its_endpoint(user: User, endpoint: Endpoint, other: User) -> None:
    narrow = endpoints.create(
        user, url=endpoint.url, description="", wanted=["card.frozen"], key=uuid.uuid4(), actor="user:7"
    )
    endpoints.create(other, url=endpoint.url, description="", wanted=["*"], key=uuid.uuid4(), actor="user:8")
    happens(user, 1)
    happens(user, 2, kind=Kind.CARD_FROZEN)
    happens(other, 3, kind=Kind.CARD_FROZEN)

    frozen = Event.objects.get(user=user, type="card.frozen")
    assert ids(narrow, only_missed=False) == [str(frozen.public_id)]
    assert len(ids(endpoint, only_missed=False)) == 2


def test_events_are_kept_for_thirty_days(user: User, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    happens(user, 1, 2, 3)
    with clock.ahead(dt.timedelta(days=29)):
        happens(user, 4)
        assert retention.forget_old() == 0
    with clock.ahead(dt.timedelta(days=31)):
        assert ids(endpoint, only_missed=False, days=99) == [str(Event.objects.latest("pk").public_id)]
        assert retention.forget_old() == 3
    assert Delivery.objects.count() == Event.objects.count() == 1
