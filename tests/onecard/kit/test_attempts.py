"""One request made once by many workers: claims, waits, deaths and the sweep, on a table of the test's own."""

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.apps.registry import Apps
from django.db import connection, models
from django.db.models import Q, QuerySet
from django.db.transaction import set_rollback

from onecard.kit import attempts, clock
from onecard.kit.attempts import (
    ATTEMPTS_BEFORE_CASE,
    CLAIM,
    COUNTED_AGAIN_FROM,
    MOST_COUNTED,
    SWEEP_BATCH,
    Attempts,
)
from onecard.kit.backoff import LONGEST_DELAY_S
from onecard.kit.transactions import transaction
from tests.support.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)

WAITING, SENDING, DONE = "waiting", "sending", "done"
GRACE = dt.timedelta(seconds=5)
HOUR = dt.timedelta(hours=1)


class Errand(models.Model):
    """A row that attempts are made for; it is in a registry of its own, so the product never sees it."""

    status = models.CharField(max_length=20, default=WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    claimed_until = models.DateTimeField(null=True)
    next_attempt_at = models.DateTimeField(null=True)
    updated_at = models.DateTimeField()
    failure_message = models.CharField(max_length=300)

    class Meta:
        apps = Apps()
        app_label = "tests"

    def __str__(self) -> str:
        return f"errand {self.pk}"


ERRANDS = Attempts(model=Errand, what="errand", statuses=(WAITING, SENDING), grace=GRACE)


@pytest.fixture(autouse=True)
def table() -> Iterator[None]:
    with connection.schema_editor() as editor:
        editor.create_model(Errand)
    yield
    with connection.schema_editor() as editor:
        editor.delete_model(Errand)


def rows() -> QuerySet[Errand]:
    return QuerySet(Errand)


def errand(due: dt.timedelta = -HOUR, **values: Any) -> Errand:
    now = clock.now()
    row = Errand(next_attempt_at=now + due, updated_at=now, **values)
    row.save()
    return row


def now_of(row: Errand) -> Errand:
    return rows().get(pk=row.pk)


def claim(row: Errand) -> bool:
    with transaction():
        return ERRANDS.claim(row, status=SENDING)


def put_back(row: Errand, delay_s: float | None = None) -> bool:
    return ERRANDS.put_back(row, message="No answer.", delay_s=delay_s, status=WAITING)


def is_due(row: Errand) -> bool:
    return rows().filter(ERRANDS.due(clock.now()), pk=row.pk).exists()


def let_the_worker_die(row: Errand) -> None:
    """As if the claim had lasted its time and nobody had heard of its worker again."""
    past = clock.now() - dt.timedelta(seconds=1)
    assert rows().filter(pk=row.pk).exclude(claimed_until=None).update(claimed_until=past, next_attempt_at=past)


@pytest.mark.parametrize(
    ("values", "due"),
    [
        ({}, True),
        ({"due": HOUR}, False),
        ({"status": DONE}, False),
        ({"status": SENDING, "claimed_until": -HOUR}, True),
        ({"status": SENDING, "claimed_until": HOUR}, False),
    ],
)
def test_row_is_due_at_its_time_or_when_its_worker_died(values: dict[str, Any], due: bool) -> None:
    if "claimed_until" in values:
        values = {**values, "claimed_until": clock.now() + values["claimed_until"]}
    assert is_due(errand(**values)) is due


def test_claim_counts_and_keeps_the_rest_of_the_object() -> None:
    row = errand()

    assert claim(row)

    stored = now_of(row)
    assert (stored.status, stored.attempts, row.attempts) == (SENDING, 1, 1)
    assert (row.status, row.claimed_until) == (WAITING, None), "the worker sees what was known before"
    assert dt.timedelta(0) <= clock.now() + CLAIM - stored.claimed_until < dt.timedelta(seconds=10)
    assert not is_due(row)


def test_claim_that_is_rolled_back_leaves_the_row_due() -> None:
    row = errand()
    with transaction():
        assert ERRANDS.claim(row, status=SENDING)
        set_rollback(True)
    assert is_due(row)
    assert now_of(row).attempts == 0


def test_claim_with_an_outdated_object_fails() -> None:
    outdated, row = errand(), rows().get()
    claim(row)
    put_back(row)
    rows().update(next_attempt_at=clock.now() - HOUR)

    assert not claim(outdated)
    assert claim(now_of(row))


def test_of_twelve_workers_at_once_one_claims() -> None:
    row = errand()
    assert sorted(at_once([lambda: claim(now_of(row))] * 12)) == [False] * 11 + [True]
    assert now_of(row).attempts == 1


def test_of_twelve_workers_one_takes_over_from_a_dead_one() -> None:
    row = errand()
    claim(row)
    let_the_worker_die(row)

    assert sorted(at_once([lambda: claim(now_of(row))] * 12)) == [False] * 11 + [True]
    assert now_of(row).attempts == 2


def test_worker_that_was_taken_for_dead_changes_nothing() -> None:
    late = errand()
    claim(late)
    let_the_worker_die(late)
    row = now_of(late)
    claim(row)
    before = now_of(row)

    assert not put_back(late)
    assert not ERRANDS.held(late).exists()
    ERRANDS.wait(late, clock.now())

    assert [now_of(row).claimed_until, now_of(row).failure_message] == [before.claimed_until, ""]
    assert put_back(row)


def test_row_that_an_event_has_ended_is_not_put_back() -> None:
    row = errand()
    claim(row)
    rows().update(status=DONE, claimed_until=None, next_attempt_at=None)

    assert not put_back(row)
    assert (now_of(row).status, now_of(row).next_attempt_at) == (DONE, None)


@pytest.mark.parametrize(
    ("count", "longest_s"), [(1, 2), (2, 4), (5, 32), (11, 2048), (12, LONGEST_DELAY_S), (500, LONGEST_DELAY_S)]
)
def test_wait_doubles_up_to_an_hour(count: int, longest_s: float) -> None:
    row = errand(attempts=count - 1)
    claim(row)
    began = clock.now()

    assert put_back(row)

    waits_s = (now_of(row).next_attempt_at - began).total_seconds()
    assert longest_s / 2 <= waits_s <= longest_s + 5
    assert (now_of(row).status, now_of(row).failure_message) == (WAITING, "No answer.")
    assert not put_back(row), "it is nobody's now"


def test_stated_delay_comes_before_our_own() -> None:
    row = errand(attempts=20)
    claim(row)
    put_back(row, delay_s=7)
    assert 6 < (now_of(row).next_attempt_at - clock.now()).total_seconds() <= 7


def test_wait_makes_it_due_later_without_an_attempt() -> None:
    row, later = errand(), clock.now() + HOUR
    ERRANDS.wait(row, later)
    assert (now_of(row).next_attempt_at, now_of(row).attempts) == (later, 0)
    assert not is_due(row)


def test_attempt_that_sent_nothing_is_not_counted() -> None:
    row = errand(attempts=3)
    claim(row)

    assert ERRANDS.put_back(row, message="Paused.", delay_s=30, was_sent=False, status=WAITING)

    assert now_of(row).attempts == 3
    assert not put_back(row), "it is nobody's now"


def test_uncounted_attempt_gives_a_dead_worker_nothing_back() -> None:
    late = errand()
    claim(late)
    let_the_worker_die(late)
    row = now_of(late)
    claim(row)
    ERRANDS.put_back(row, message="Paused.", delay_s=30, was_sent=False, status=WAITING)
    rows().update(next_attempt_at=clock.now() - HOUR)

    assert not put_back(late)
    assert claim(now_of(row))
    assert not put_back(late)
    assert not put_back(late)


@pytest.mark.parametrize("count", [MOST_COUNTED - 1, MOST_COUNTED, 32_767])
def test_count_of_attempts_never_outgrows_its_column(count: int) -> None:
    row = errand(attempts=count)
    for _ in range(3):
        assert claim(row)
        assert put_back(row)
        assert ERRANDS.complaint(row, "No answer.")
        assert now_of(row).next_attempt_at > clock.now() + HOUR / 3
        rows().update(next_attempt_at=clock.now() - HOUR)
        row = now_of(row)
    assert COUNTED_AGAIN_FROM <= row.attempts <= MOST_COUNTED


def test_each_attempt_is_given_up_by_one_worker() -> None:
    """Workers at once make each attempt; from the stated number on one of them complains, and only one."""
    row, complaints = errand(), []

    def attempt() -> str:
        mine = now_of(row)
        if not claim(mine) or not put_back(mine):
            return ""
        return ERRANDS.complaint(mine, "No answer.")

    for _ in range(ATTEMPTS_BEFORE_CASE + 1):
        rows().update(next_attempt_at=clock.now() - HOUR)
        complaints.append([said for said in at_once([attempt] * 4) if said])

    assert complaints == [[]] * (ATTEMPTS_BEFORE_CASE - 1) + [["6 attempts: No answer."], ["7 attempts: No answer."]]


def test_sweep_takes_the_longest_due_first_after_the_queue() -> None:
    newest = errand(-2 * GRACE)
    oldest = errand(-HOUR)
    errand(-GRACE / 2)  # The queue still has its head start.
    errand(status=DONE)

    assert swept() == [oldest.pk, newest.pk]
    assert swept(only=~Q(pk=oldest.pk)) == [newest.pk]


def test_sweep_goes_on_after_a_row_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "SWEEP_BATCH", 3)
    due = [errand(-HOUR + dt.timedelta(minutes=n)) for n in range(4)]
    assert SWEEP_BATCH > 3

    def fail_first(pk: int) -> None:
        if pk == due[0].pk:
            raise KeyError

    assert swept(fail_first) == [row.pk for row in due[:3]], "no more than a batch"


def swept(attempt: Callable[[int], object] = lambda _pk: None, **how: Any) -> list[int]:
    """The rows that a sweep tries, in order."""
    seen: list[int] = []

    def noted(pk: int) -> None:
        seen.append(pk)
        attempt(pk)

    assert ERRANDS.sweep(noted, **how) == len(seen)
    return seen
