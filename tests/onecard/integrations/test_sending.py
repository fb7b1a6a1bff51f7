"""A delivery is made at least once, by one worker at a time, and not for ever."""

import datetime as dt
import uuid

import pytest
from django.db import connections

from audit.models import Entry
from onecard.integrations import endpoints, events, sending
from onecard.integrations.models import Delivery, Endpoint, Event
from onecard.kit import clock
from onecard.kit.backoff import growing_s
from onecard.kit.transactions import TransactionError, transaction
from onecard.notices import services, webhook_notices
from onecard.notices.kinds import Kind
from onecard.notices.models import Notice, NoticeMail
from onecard.outbox.models import Message
from onecard.users.models import User
from tests.faults.kills import live
from tests.support.threads import at_once
from tests.support.webhook_receivers import Receiver

pytestmark = pytest.mark.django_db
LATER = dt.timedelta(minutes=3)


def happened(user: User, number: int = 1) -> Delivery:
    with transaction():
        services.write(user_id=user.pk, kind=Kind.REFUND_ARRIVED, cause=f"refund:{number}", text="5.00 USD went back.")
    return Delivery.objects.latest("pk")


def state(row: Delivery) -> Delivery:
    return Delivery.objects.get(pk=row.pk)


def test_a_delivery_that_is_taken_is_done(endpoint: Endpoint, user: User, receiver: Receiver) -> None:
    row = happened(user)

    assert sending.send(delivery_id=row.pk) == sending.send(delivery_id=row.pk) == "delivered"

    done = state(row)
    assert (done.attempts, done.status_code, done.answer, done.failure_message) == (1, 200, "thanks", "")
    assert done.delivered_at
    assert len(receiver.received) == 1


@pytest.mark.django_db(transaction=True)
def test_nothing_is_sent_inside_a_transaction(endpoint: Endpoint, user: User, receiver: Receiver) -> None:
    row = happened(user)
    with pytest.raises(TransactionError), transaction():
        sending.send(delivery_id=row.pk)
    assert receiver.received == []


@pytest.mark.django_db(transaction=True)
def test_eight_workers_make_one_delivery(endpoint: Endpoint, user: User, receiver: Receiver) -> None:
    row = happened(user)

    at_once([lambda: sending.send(delivery_id=row.pk)] * 8)

    assert len(receiver.received) == 1
    assert state(row).status == "delivered"


@pytest.mark.django_db(transaction=True)
def test_one_endpoint_gets_one_delivery_at_a_time_and_then_the_next(
    endpoint: Endpoint, user: User, receiver: Receiver
) -> None:
    first, second = happened(user, 1), happened(user, 2)
    Message.objects.all().delete()
    take, meanwhile = receiver.reply, []

    def busy(handler: object) -> None:
        meanwhile.append(sending.send(delivery_id=second.pk) if not meanwhile else "")
        connections.close_all()
        take(handler)  # type: ignore[arg-type]

    receiver.reply = busy
    assert sending.send(delivery_id=first.pk) == "delivered"

    assert meanwhile == ["waiting"]
    assert [each.payload for each in Message.objects.filter(topic="webhook.send")] == [{"delivery_id": second.pk}]
    assert sending.send(delivery_id=second.pk) == "delivered"


def test_what_the_queue_lost_is_swept(endpoint: Endpoint, user: User, receiver: Receiver) -> None:
    row = happened(user)
    assert sending.sweep() == 0
    with clock.ahead(LATER):
        assert sending.sweep() == 1
    assert state(row).status == "delivered"


def test_attempts_grow_apart_for_three_days_and_then_end(endpoint: Endpoint, user: User, receiver: Receiver) -> None:
    receiver.answers(503, b"closed")
    row = happened(user)
    began, waits, passed = state(row).began_at, [], dt.timedelta()
    while state(row).status != "given_up":
        with clock.ahead(passed):
            sending.send(delivery_id=row.pk)
            due, now = state(row).next_attempt_at, clock.now()
        if due is not None:
            waits.append((due - now).total_seconds())
            passed += due - now + dt.timedelta(seconds=1)

    assert dt.timedelta(days=2) < passed <= dt.timedelta(days=3, hours=1)
    assert 12 <= len(waits) == len(receiver.received) - 1 <= 40
    assert 2.5 <= waits[0] <= 5.1
    assert max(waits) <= 12 * 3600 + 1
    assert len(set(receiver.ids)) == 1
    assert state(row).failure_message == "It answered 503."
    assert state(row).began_at == began


@pytest.mark.parametrize(("passed_s", "full_s"), [(0, 5), (5, 5), (60, 60), (86_400, 43_200)])
def test_a_wait_is_as_long_as_it_took_so_far_half_of_it_by_chance(passed_s: float, full_s: float) -> None:
    def wait(chance: float) -> float:
        return growing_s(passed_s, first_s=5, longest_s=43_200, jitter=lambda: chance)

    assert (wait(0.0), wait(1.0)) == (full_s / 2, full_s)


def test_a_dead_endpoint_costs_one_attempt_however_much_waits_for_it(
    endpoint: Endpoint, user: User, receiver: Receiver
) -> None:
    receiver.answers(500)
    rows = [happened(user, number) for number in range(6)]
    for row in rows:
        sending.send(delivery_id=row.pk)
    assert len(receiver.received) == 1

    receiver.answers(200)
    for _ in rows:
        with clock.ahead(LATER):
            sending.sweep()
    assert {state(row).status for row in rows} == {"delivered"}
    assert Endpoint.objects.get().failing_since is None


def test_one_event_that_is_always_refused_holds_up_no_other(endpoint: Endpoint, user: User, receiver: Receiver) -> None:
    poison, good = happened(user, 1), happened(user, 2)
    taking, bad = receiver.reply, str(poison.event.public_id)

    def refuse_poison(handler: object) -> None:
        if receiver.received[-1].event_id == bad:
            handler.send_error(500)  # type: ignore[attr-defined]
        else:
            taking(handler)  # type: ignore[arg-type]

    receiver.reply = refuse_poison
    sending.send(delivery_id=poison.pk)
    waits = Delivery.objects.order_by("next_attempt_at", "pk").values_list("pk", flat=True)
    assert list(waits) == [good.pk, poison.pk]
    with clock.ahead(dt.timedelta(seconds=30)):
        sending.sweep()
    assert state(good).status == "delivered"
    assert state(poison).status == "waiting"


@pytest.mark.django_db(transaction=True)
def test_a_worker_killed_at_any_step_leaves_an_event_that_arrives(
    endpoint: Endpoint, user: User, receiver: Receiver
) -> None:
    first = happened(user, 0)
    steps = len(live(lambda _say: sending.send(delivery_id=first.pk)).steps)
    assert steps > 5
    for step in range(1, steps + 1, 3):
        row = happened(user, step)
        before = len(receiver.received)
        assert live(lambda _say, row=row: sending.send(delivery_id=row.pk), kill_at=step).was_killed
        with clock.ahead(dt.timedelta(minutes=step + 5)):
            sending.send(delivery_id=row.pk)
        assert state(row).status == "delivered"
        came = receiver.ids[before:]
        assert set(came) == {str(row.event.public_id)}
        assert 1 <= len(came) <= 2
        Endpoint.objects.update(busy_until=None)


def test_days_of_only_failures_switch_it_off_and_tell_its_owner(
    endpoint: Endpoint, user: User, receiver: Receiver
) -> None:
    receiver.answers(500)
    sending.send(delivery_id=happened(user, 1).pk)
    with clock.ahead(dt.timedelta(days=5, minutes=1)):
        waiting = happened(user, 2)
        sending.send(delivery_id=waiting.pk)
        happened(user, 3)

    endpoint.refresh_from_db()
    assert endpoint.off_by == "failures"
    assert set(Delivery.objects.values_list("status", flat=True)) == {"given_up"}
    assert Event.objects.count() == 3
    entry = Entry.objects.get(action="webhook_endpoint.off")
    assert entry.actor == "system:webhooks"
    message = Message.objects.get(topic="webhook.switched_off")
    for _ in range(2):
        webhook_notices.switched_off(**message.arguments)
    notice = Notice.objects.get(kind="webhook_off")
    assert "(Books)" in notice.text
    assert "It answered 500." in notice.text
    assert NoticeMail.objects.filter(notice=notice).exists()


def test_one_success_begins_the_days_anew(endpoint: Endpoint, user: User, receiver: Receiver) -> None:
    receiver.answers(500)
    sending.send(delivery_id=happened(user, 1).pk)
    with clock.ahead(dt.timedelta(days=4)):
        receiver.answers(204)
        sending.send(delivery_id=happened(user, 2).pk)
        receiver.answers(500)
    with clock.ahead(dt.timedelta(days=6)):
        sending.send(delivery_id=happened(user, 3).pk)
    assert Endpoint.objects.get().off_by == ""


def test_a_receiver_that_says_gone_is_switched_off_at_once(endpoint: Endpoint, user: User, receiver: Receiver) -> None:
    receiver.answers(410)
    assert sending.send(delivery_id=happened(user).pk) == "given_up"
    assert Endpoint.objects.get().off_by == "failures"


def test_what_waits_for_an_endpoint_that_is_off_or_deleted_is_given_up(
    endpoint: Endpoint, user: User, receiver: Receiver
) -> None:
    rows = [happened(user, 1)]
    endpoints.change(endpoint, actor="user:1", is_on=False)
    other = endpoints.create(user, url=receiver.url, description="", wanted=["*"], key=uuid.uuid4(), actor="user:1")
    rows.append(happened(user, 2))
    endpoints.delete(other, actor="user:1")

    assert {sending.send(delivery_id=row.pk) for row in rows} == {"given_up"}
    assert receiver.received == []


def test_a_name_that_turned_inwards_is_not_sent_to(endpoint: Endpoint, user: User, settings: object) -> None:
    row = happened(user)
    settings.WEBHOOKS_TO_LOOPBACK = False  # type: ignore[attr-defined]

    assert sending.send(delivery_id=row.pk) == "waiting"
    assert state(row).failure_message == "Use https, so that nobody reads it on the way."


def test_a_test_goes_out_at_once_although_the_endpoint_fails(
    endpoint: Endpoint, user: User, receiver: Receiver
) -> None:
    receiver.answers(500)
    sending.send(delivery_id=happened(user).pk)
    receiver.answers(200)

    made = endpoints.send_test(endpoint)

    assert sending.send(delivery_id=made.pk) == "delivered"
    assert receiver.received[-1].event["type"] == "webhook_endpoint.test"
    assert events.body_of(made.event) == receiver.received[-1].body
