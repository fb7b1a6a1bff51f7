"""Sending deliveries: claim and commit, send, record (onecard/kit/attempts.py).

An event goes out at least once, each time with the same id and body: a worker that dies between the receiver's yes and
the record leaves one that goes out again.

One endpoint never holds up the rest: it gets one delivery at a time, and after a failure a pause that grows with the
time since it last worked. So a dead one costs some twenty attempts in three days, however much is to be sent to it.
"""

import datetime as dt
from typing import Final

from onecard.integrations import events, signing, switching, targets, wire
from onecard.integrations.models import Delivery, Endpoint
from onecard.kit import clock
from onecard.kit.attempts import CLAIM, Attempts
from onecard.kit.backoff import growing_s
from onecard.kit.crypto import SealError
from onecard.kit.errors import OneCardError
from onecard.kit.transactions import require_no_transaction, transaction
from onecard.outbox import services as outbox

Status = Delivery.Status
DELIVERIES: Final = Attempts(
    model=Delivery,
    what="webhook",
    statuses=(Status.WAITING, Status.SENDING),
    grace=dt.timedelta(seconds=15),
)
GIVE_UP_AFTER: Final = dt.timedelta(days=3)
FIRST_WAIT_S, LONGEST_WAIT_S = 5.0, 12 * 3600.0
GONE: Final = 410
HEADERS: Final = {"Content-Type": "application/json", "User-Agent": "OneCard-Webhooks/1", "Accept-Encoding": "identity"}


def send(*, delivery_id: int) -> str:
    """Makes one attempt at a due delivery and returns its status; safe to call twice, at once or late.

    Raises TransactionError inside a transaction.
    """
    require_no_transaction("A webhook")
    claimed = _claim(delivery_id)
    if claimed is not None:
        _send(claimed)
    return Delivery.objects.values_list("status", flat=True).get(pk=delivery_id)


def sweep() -> int:
    """Makes an attempt at each due delivery whose message seems lost; returns how many."""
    return DELIVERIES.sweep(lambda delivery_id: send(delivery_id=delivery_id))


def _claim(delivery_id: int) -> Delivery | None:
    """Returns the delivery if it is due, and its endpoint is neither paused nor busy with another one."""
    with transaction():
        due = Delivery.objects.filter(DELIVERIES.due(clock.now()), pk=delivery_id)
        row = due.select_related("event").first()
        if row is None:
            return None
        row.endpoint = switching.locked(row.endpoint_id)
        return row if _is_free(row) and DELIVERIES.claim(row, status=Status.SENDING) and _occupy(row.endpoint) else None


def _is_free(row: Delivery) -> bool:
    endpoint, now = row.endpoint, clock.now()
    if not endpoint.is_on:
        switching.give_up(Delivery.objects.filter(pk=row.pk))
        return False
    if endpoint.paused_until is not None and endpoint.paused_until > now:
        DELIVERIES.wait(row, endpoint.paused_until)
        return False
    # Whoever is at it looks for the next one that is due when they are done.
    return endpoint.busy_until is None or endpoint.busy_until <= now


def _occupy(endpoint: Endpoint) -> bool:
    return bool(Endpoint.objects.filter(pk=endpoint.pk).update(busy_until=clock.now() + CLAIM))


def _send(claimed: Delivery) -> None:
    try:
        body = events.body_of(claimed.event)
        headers = signing.headers(claimed.endpoint, event_id=str(claimed.event.public_id), body=body)
        target = targets.read(claimed.endpoint.url)
    except SealError as error:
        _record_own_failure(claimed, error)
    except OneCardError as error:
        _record(claimed, wire.Answer(None, "", error.message, 0))
    else:
        _record(claimed, wire.post(target, body, {**HEADERS, **headers}))


def _record(claimed: Delivery, answer: wire.Answer) -> None:
    values = {
        "status_code": answer.status_code,
        "answer": answer.text,
        "took_ms": answer.took_ms,
        "failure_message": answer.failure,
    }
    with transaction():
        endpoint = switching.locked(claimed.endpoint_id)
        if not DELIVERIES.held(claimed).update(**values):
            return
        if answer.failure:
            _failed(claimed, endpoint, answer)
        else:
            _end(claimed, Status.DELIVERED, delivered_at=clock.now())
            Endpoint.objects.filter(pk=endpoint.pk).update(failing_since=None, paused_until=None, busy_until=None)
        _call_next(endpoint)


def _failed(claimed: Delivery, endpoint: Endpoint, answer: wire.Answer) -> None:
    now = clock.now()
    delay_s = growing_s((now - claimed.began_at).total_seconds(), first_s=FIRST_WAIT_S, longest_s=LONGEST_WAIT_S)
    if now + dt.timedelta(seconds=delay_s) > claimed.began_at + GIVE_UP_AFTER:
        _end(claimed, Status.GIVEN_UP)
    else:
        DELIVERIES.put_back(claimed, message=answer.failure, delay_s=delay_s, status=Status.WAITING)
    since = endpoint.failing_since or now
    # The shortest wait of a delivery that failed as long: another one is tried before it, and may succeed.
    pause_s = growing_s((now - since).total_seconds(), first_s=FIRST_WAIT_S, longest_s=LONGEST_WAIT_S, jitter=lambda: 0)
    until = now + dt.timedelta(seconds=pause_s)
    Endpoint.objects.filter(pk=endpoint.pk).update(failing_since=since, paused_until=until, busy_until=None)
    waiting = Delivery.objects.filter(endpoint=endpoint, status=Status.WAITING, next_attempt_at__lt=until)
    waiting.update(next_attempt_at=until)
    if answer.status_code == GONE or now - since >= switching.FAILURES_END_IT_AFTER:
        switching.off_by_failures(endpoint.pk, since=since, last=answer.failure)


def _record_own_failure(claimed: Delivery, error: SealError) -> None:
    """Our keys do not open the secret: no fault of the endpoint's, and the delivery waits."""
    with transaction():
        Endpoint.objects.filter(pk=claimed.endpoint_id).update(busy_until=None)
        DELIVERIES.put_back(claimed, message=error.message, delay_s=None, was_sent=False, status=Status.WAITING)


def _end(claimed: Delivery, status: str, **more: dt.datetime) -> None:
    now = clock.now()
    DELIVERIES.held(claimed).update(status=status, claimed_until=None, next_attempt_at=None, updated_at=now, **more)


def _call_next(endpoint: Endpoint) -> None:
    """Hands the next delivery that is due at once to a worker; after a failure there is none before the pause ends."""
    due = Delivery.objects.filter(DELIVERIES.due(clock.now()), endpoint=endpoint).order_by("next_attempt_at", "pk")
    following = due.values_list("pk", flat=True).first()
    if following is not None:
        outbox.put(topic="webhook.send", delivery_id=following)
