"""Publishes the outbox: claim and commit, publish, mark and commit. Two relays may run side by side."""

import datetime as dt
import logging
import time
from collections.abc import Callable, Mapping

from django.db.models import F

from onecard.kit import clock, log_context
from onecard.kit.errors import OneCardError
from onecard.kit.transactions import transaction
from onecard.outbox.models import Message

log = logging.getLogger(__name__)

BATCH = 100
CLAIM_S = 30
# Publishing a batch stops after this time, so that all of it is marked well before the claim ends.
BATCH_S = 10.0
KEEP_PUBLISHED_DAYS = 7

Publish = Callable[[str, Mapping[str, object]], None]


class BrokerAwayError(OneCardError):
    """The broker did not take a message; it and those behind it wait in the outbox."""

    code = "broker_away"


def relay_once(publish: Publish, subscribers: Mapping[str, tuple[str, ...]]) -> int:
    """Publishes waiting messages and returns how many went out.

    `publish(task_name, kwargs)` publishes one task and raises when it cannot; the rest then waits for the next batch,
    and BrokerAwayError is raised. Messages are marked after they were published, so one may go out twice: subscribers
    are idempotent.
    """
    sent: list[int] = []
    claimed, end = _claim(), time.monotonic() + BATCH_S
    for position, message in enumerate(claimed):
        if time.monotonic() > end:
            _put_back(claimed[position:])
            break
        tasks = subscribers.get(message.topic)
        if tasks is None:
            # The message is kept and tried again: a newer release may know the topic. It must not hold up the others.
            log.error("outbox: nobody subscribes to %r; message %s waits", message.topic, message.pk)
            continue
        try:
            with log_context.fresh(**message.caused_by, message_id=message.pk):
                for task in tasks:
                    publish(task, message.arguments)
        except Exception as error:
            _mark(sent)
            Message.objects.filter(pk=message.pk, published_at__isnull=True).update(claimed_until=None)
            _put_back(claimed[position + 1 :])
            raise BrokerAwayError(f"{message} stays in the outbox, the broker did not take it: {error!r}") from error
        sent.append(message.pk)
    _mark(sent)
    return len(sent)


def _claim() -> list[Message]:
    """Claims up to a batch for CLAIM_S seconds; if the relay dies, the messages only wait that long."""
    now = clock.now()
    with transaction():
        free = Message.objects.filter(published_at__isnull=True).exclude(claimed_until__gt=now)
        # Messages that failed before go last, so that one bad message holds up none of the others.
        messages = list(free.select_for_update(skip_locked=True).order_by("attempts", "id")[:BATCH])
        Message.objects.filter(pk__in=[message.pk for message in messages]).update(
            claimed_until=now + dt.timedelta(seconds=CLAIM_S), attempts=F("attempts") + 1
        )
    return messages


def _mark(sent: list[int]) -> None:
    """Marks the whole batch at once; if the relay dies before, its messages are published again."""
    if sent:
        Message.objects.filter(pk__in=sent).update(published_at=clock.now(), claimed_until=None)


def _put_back(untried: list[Message]) -> None:
    unsent = Message.objects.filter(pk__in=[message.pk for message in untried], published_at__isnull=True)
    unsent.update(claimed_until=None, attempts=F("attempts") - 1)


def forget_published() -> int:
    """Deletes messages published over KEEP_PUBLISHED_DAYS days ago; returns how many."""
    limit = clock.now() - dt.timedelta(days=KEEP_PUBLISHED_DAYS)
    return Message.objects.filter(published_at__lt=limit).delete()[0]
