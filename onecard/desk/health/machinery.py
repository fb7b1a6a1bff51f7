"""What carries the work: database, broker, workers, the clock's tasks, outbox and inbox."""

import datetime as dt
import time
from collections.abc import Iterator
from typing import Any, Final

from celery.schedules import maybe_schedule
from django.db import connection
from django.db.models import Count, Max, Min
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from kombu.exceptions import KombuError

from issuing.models import IssuerEvent
from issuing.states import Event
from onecard.celery import DEFAULT_QUEUE, WEBHOOKS_QUEUE
from onecard.celery import app as celery_app
from onecard.desk.health.item import Item, State
from onecard.desk.health.task_words import NAMES
from onecard.desk.models import TaskRun
from onecard.health import readiness
from onecard.kit import clock, display
from onecard.kit.postgresql import partitions
from onecard.outbox.models import Message

# A statement of nothing that takes longer makes decisions slow as well.
SLOW_DATABASE_MS: Final = 100
LONG_QUEUE: Final = 1000
STUCK_AFTER: Final = dt.timedelta(minutes=2)
# A task may be as late as this, and as late as twice its interval, before anybody is told.
LATE_AFTER: Final = dt.timedelta(minutes=2)


def backend() -> Iterator[Item]:
    """What a load balancer asks as well: whether this server could decide a purchase now."""
    began = time.perf_counter()
    version, why_not = readiness()
    took_ms = (time.perf_counter() - began) * 1000
    words = _("It can decide: it read rulebook %(version)s in %(took).1f ms.")
    yield Item(
        name=_("Backend server"),
        state="bad" if why_not else "good",
        measured=why_not or words % {"version": version, "took": took_ms},
        to_do=_("See the server's log, and that manage.py migrate has run."),
    )


def database() -> Iterator[Item]:
    """One statement of nothing, timed."""
    began = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.fetchone()
    took_ms = (time.perf_counter() - began) * 1000
    yield Item(
        name=_("Database"),
        state="warn" if took_ms > SLOW_DATABASE_MS else "good",
        measured=_("It answered in %(took).1f ms.") % {"took": took_ms},
        to_do=_("Look at the server's load and at long queries: every decision waits for the database."),
    )


def broker() -> Iterator[Item]:
    """Connects to the broker and counts what waits in its queues."""
    to_do = _("Start the broker, or correct CELERY_BROKER_URL. Decisions go on; charges wait in the outbox.")
    began = time.perf_counter()
    try:
        with celery_app.connection_for_write(connect_timeout=1) as link:
            link.ensure_connection(max_retries=1, timeout=1)
            queues = {name: _length(link, name) for name in (DEFAULT_QUEUE, WEBHOOKS_QUEUE)}
    except (OSError, KombuError) as error:
        measured = _("It did not answer (%(error)s).") % {"error": type(error).__name__}
        yield Item(name=_("Broker"), state="bad", measured=measured, to_do=to_do)
        return
    took_ms, waiting = (time.perf_counter() - began) * 1000, sum(queues.values())
    words = ngettext(
        "It answered in %(took).1f ms; %(count)s task waits.",
        "It answered in %(took).1f ms; %(count)s tasks wait.",
        waiting,
    )
    is_long = waiting > LONG_QUEUE
    yield Item(
        name=_("Broker"),
        state="warn" if is_long else "good",
        measured=words % {"took": took_ms, "count": waiting},
        to_do=_("Start more workers: tasks come faster than they are done.") if is_long else to_do,
    )


def workers() -> Iterator[Item]:
    """When a worker finished a task of the clock last: the clock gives them some every five seconds."""
    last = TaskRun.objects.aggregate(at=Max("finished_at"))["at"]
    is_stale = last is None or clock.now() - last > STUCK_AFTER
    yield Item(
        name=_("Workers"),
        state="bad" if is_stale else "good",
        measured=_("One finished a task %(age)s ago.") % {"age": display.age(last)} if last else _("None has run yet."),
        to_do=_("Start the workers and the clock (celery worker, celery beat). Nothing is charged until then."),
    )


def clock_tasks() -> Iterator[Item]:
    """Each task that the clock starts, with its last run; of several entries for one task the most frequent counts."""
    runs = {run.task: run for run in TaskRun.objects.all()}
    for task, schedule in sorted(_schedules().items()):
        yield _clock_task(task, schedule, runs.get(task))


def outbox() -> Iterator[Item]:
    """The messages that no worker got yet; the partial index outbox_unsent holds them."""
    waiting = Message.objects.filter(published_at__isnull=True).aggregate(count=Count("pk"), since=Min("created_at"))
    yield _queue(
        _("Outbox"),
        waiting,
        _("Start the relay (manage.py relay), and see that the broker answers: charges start from here."),
        f"{reverse('admin:outbox_message_changelist')}?state=waiting",
    )


def inbox() -> Iterator[Item]:
    """The events that no worker handled yet and that do not wait by design, from the partial index event_waiting."""
    received = IssuerEvent.objects.filter(status=Event.RECEIVED)
    waiting = received.filter(next_attempt_at=None).aggregate(count=Count("pk"), since=Min("received_at"))
    yield _queue(
        _("Inbox"),
        waiting,
        _("See that the workers run: events of the issuers wait to be handled."),
        f"{reverse('admin:issuing_issuerevent_changelist')}?status__exact=received",
    )


def months() -> Iterator[Item]:
    """Whether the next month of each table that is kept by month is there, and every row lies in its month."""
    next_month = partitions.Month.of(clock.now()).plus(1)
    tables = partitions.tables()
    missing = [table.name for table in tables if next_month not in table.months()]
    late = {table.name: count for table in tables if (count := partitions.rows_without_month(table))}
    if missing:
        measured = _("The next month is missing: %(tables)s.") % {"tables": display.joined(missing)}
    elif late:
        counts = display.joined([f"{name}: {count}" for name, count in late.items()])
        measured = _("Rows came before their month was made: %(counts)s.") % {"counts": counts}
    else:
        measured = _("The next month is there, and every row lies in its month.")
    yield Item(
        name=_("Tables by month"),
        state="warn" if missing or late else "good",
        measured=measured,
        to_do=_(
            "Nothing is lost. The task that makes months mends it within the hour; else the worker's log says why."
        ),
    )


def _queue(name: str, waiting: dict[str, Any], to_do: str, page: str) -> Item:
    if not waiting["count"]:
        return Item(name=name, state="good", measured=_("Nothing waits."), to_do=to_do, page=page)
    is_stuck = clock.now() - waiting["since"] > STUCK_AFTER
    words = ngettext("%(count)s waits, for %(age)s.", "%(count)s wait, the oldest for %(age)s.", waiting["count"])
    measured = words % {"count": waiting["count"], "age": display.age(waiting["since"])}
    return Item(name=name, state="bad" if is_stuck else "good", measured=measured, to_do=to_do, page=page)


def _length(link: Any, queue: str) -> int:
    """Returns what waits at all priorities."""
    return int(link.default_channel.queue_declare(queue=queue).message_count)


def _schedules() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for entry in celery_app.conf.beat_schedule.values():
        schedule = maybe_schedule(entry["schedule"], app=celery_app)
        known = found.get(entry["task"])
        if known is None or _interval(schedule) < _interval(known):
            found[entry["task"]] = schedule
    return found


def _interval(schedule: Any) -> dt.timedelta:
    """Returns the time between two runs; of a time of the day or the hour it is the time to the second next one."""
    every = getattr(schedule, "run_every", None)
    if every is not None:
        return dt.timedelta(seconds=every.total_seconds())
    return dt.timedelta(hours=1 if len(schedule.hour) == 24 else 24)


def _clock_task(task: str, schedule: Any, run: TaskRun | None) -> Item:
    interval = _interval(schedule)
    last = run.finished_at if run else None
    has_failed = run is not None and run.failed_at is not None and (last is None or run.failed_at > last)
    allowed = interval + max(LATE_AFTER, min(2 * interval, dt.timedelta(hours=1)))
    is_late = last is not None and clock.now() - last > allowed
    state: State = "bad" if has_failed or is_late else "warn" if last is None and interval < LATE_AFTER else "good"
    if has_failed and run is not None:
        measured = _("It failed %(age)s ago: %(error)s.") % {"age": display.age(run.failed_at), "error": run.error}
    elif last is None:
        measured = _("It has not run since this page began to look; it runs every %(interval)s.")
        measured %= {"interval": display.span(interval.total_seconds())}
    else:
        measured = _("It ran %(age)s ago; it runs every %(interval)s.")
        measured %= {"age": display.age(last), "interval": display.span(interval.total_seconds())}
    to_do = _("See that the clock (celery beat) runs; the worker's log says why a task failed.")
    return Item(name=NAMES.get(task, task), state=state, measured=measured, to_do=to_do, code=task)
