"""Hands the outbox to the queue: claim and commit, publish, mark and commit. Safe to run twice, side by side."""

import datetime as dt
import logging
import time
from collections.abc import Callable, Mapping

from django.db.models import F

from onecard.kit import clock
from onecard.kit.errors import OneCardError
from onecard.kit.transactions import transaction
from onecard.outbox.models import Message

log = logging.getLogger(__name__)

BATCH = 100
CLAIM_S = 30
# A slow broker gets no more in a round than is marked well before the claim ends.
ROUND_S = 10.0
KEEP_PUBLISHED_DAYS = 7

Publish = Callable[[str, Mapping[str, object]], None]


class BrokerAwayError(OneCardError):
    """The broker did not take a message; it and those behind it wait in the outbox."""

    code = "broker_away"


def relay_once(publish: Publish, subscribers: Mapping[str, tuple[str, ...]]) -> int:
    """Publishes what is waiting and says how many messages went out.

    `publish(task_name, kwargs)` hands one task to the broker and raises when it cannot; the rest then waits for the
    next round, and BrokerAwayError is raised. Messages are marked after they were published, so one may go out twice:
    subscribers are idempotent.
    """
    sent: list[int] = []
    claimed, end = _claim(), time.monotonic() + ROUND_S
    for position, message in enumerate(claimed):
        if time.monotonic() > end:
            _put_back(claimed[position:])
            break
        tasks = subscribers.get(message.topic)
        if tasks is None:
            # Kept and tried again later: a newer release may know the topic. It must not hold up the others.
            log.error("outbox: nobody subscribes to %r; message %s waits", message.topic, message.pk)
            continue
        try:
            for task in tasks:
                publish(task, message.payload)
        except Exception as error:
            _mark(sent)
            Message.objects.filter(pk=message.pk, published_at__isnull=True).update(claimed_until=None)
            _put_back(claimed[position + 1 :])
            raise BrokerAwayError(f"{message} stays in the outbox, the broker did not take it: {error!r}") from error
        sent.append(message.pk)
    _mark(sent)
    return len(sent)


def _claim() -> list[Message]:
    """Takes up to a batch for CLAIM_S seconds; a relay that dies with them loses nothing but that time."""
    now = clock.now()
    with transaction():
        free = Message.objects.filter(published_at__isnull=True).exclude(claimed_until__gt=now)
        # What failed before goes last, so that one message which nobody takes holds up none of the others.
        messages = list(free.select_for_update(skip_locked=True).order_by("attempts", "id")[:BATCH])
        Message.objects.filter(pk__in=[message.pk for message in messages]).update(
            claimed_until=now + dt.timedelta(seconds=CLAIM_S), attempts=F("attempts") + 1
        )
    return messages


def _mark(sent: list[int]) -> None:
    """Once for all of a round; a relay that dies before it has them published again."""
    if sent:
        Message.objects.filter(pk__in=sent).update(published_at=clock.now(), claimed_until=None)


def _put_back(untried: list[Message]) -> None:
    unsent = Message.objects.filter(pk__in=[message.pk for message in untried], published_at__isnull=True)
    unsent.update(claimed_until=None, attempts=F("attempts") - 1)


def forget_published() -> int:
    """Deletes messages published over KEEP_PUBLISHED_DAYS days ago; says how many."""
    limit = clock.now() - dt.timedelta(days=KEEP_PUBLISHED_DAYS)
    return Message.objects.filter(published_at__lt=limit).delete()[0]
