"""Long tables are counted block by block: each row once, whenever it changes or is committed, and nothing shrinks."""

import datetime as dt
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from issuing.models import CardChange, VirtualCard
from onecard.kit import clock
from onecard.kit.durations import BOUNDS_S
from onecard.metrics import counting
from onecard.metrics.card_changes import CHANGES
from onecard.metrics.counting import Source
from onecard.metrics.families import histogram
from onecard.metrics.models import CountedBlock, CountedTotal
from tests.support.factories import VirtualCardFactory
from tests.support.threads import at_once

pytestmark = pytest.mark.django_db
DONE, REFUSED = "onecard_card_changes|freeze|done", "onecard_card_changes|freeze|refused"
START = dt.datetime(2026, 11, 2, 12, 0, tzinfo=dt.UTC)


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A block has five ids, and ten at most."""
    monkeypatch.setattr(counting, "FULL_FROM", 5)
    monkeypatch.setattr(counting, "MOST_IDS", 10)


@pytest.fixture
def card() -> VirtualCard:
    """With a change, so that the ids of the test's own follow those that are counted."""
    made: VirtualCard = VirtualCardFactory()
    changes(made, 1, status="superseded")
    return made


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Sets the clock to some seconds after the start, and counts."""

    def count_at(seconds: float) -> dict[str, int]:
        monkeypatch.setattr(clock, "now", lambda: START + dt.timedelta(seconds=seconds))
        counting.count([CHANGES])
        return counting.totals_of(CHANGES)

    return count_at


def changes(card: VirtualCard, count: int, *, status: str = "done", first_id: int = 0) -> None:
    more = {"card": card, "kind": "freeze", "status": status, "requested_by": "user:1"}
    CardChange.objects.bulk_create(
        CardChange(**more, created_at=START, updated_at=START, pk=first_id + number if first_id else None)
        for number in range(count)
    )


def move(status: str) -> None:
    CardChange.objects.exclude(status="superseded").update(status=status, updated_at=clock.now())


def test_rows_are_counted_once_however_often_it_runs(card: VirtualCard, at: Any) -> None:
    at(0)
    changes(card, 3)

    assert at(15) == at(15) == {DONE: 3}
    changes(card, 40)
    assert at(30) == at(45) == at(3600) == {DONE: 43}
    assert CountedBlock.objects.count() > 4
    assert CountedBlock.objects.filter(end_id=None).count() == 1


def test_what_was_there_before_the_first_count_is_left_out(card: VirtualCard, at: Any) -> None:
    changes(card, 100)

    assert at(0) == at(15) == {}


def test_a_new_product_is_counted_from_its_first_row(card: VirtualCard, at: Any) -> None:
    CardChange.objects.all().delete()
    changes(card, 3, first_id=1)

    assert at(0) == {DONE: 3}


def test_a_row_that_changes_counts_for_each_state_it_was_in(card: VirtualCard, at: Any) -> None:
    at(0)
    changes(card, 2, status="intended")
    assert at(5) == {}
    move("refused")
    assert at(15) == {REFUSED: 2}
    move("done")
    assert at(30) == {DONE: 2, REFUSED: 2}


def test_a_total_never_shrinks(card: VirtualCard, at: Any) -> None:
    at(0)
    changes(card, 4)
    at(5)
    move("intended")
    assert at(15) == {DONE: 4}
    move("done")
    assert at(30) == {DONE: 4}


def test_a_row_that_is_committed_late_is_counted_with_its_block(card: VirtualCard, at: Any) -> None:
    at(0)
    last = CardChange.objects.latest("pk").pk
    changes(card, 7, first_id=last + 2)
    assert at(15) == {DONE: 7}
    changes(card, 1, first_id=last + 1)

    assert at(20) == {DONE: 7}
    assert at(31) == {DONE: 8}
    assert at(300) == {DONE: 8}


def test_full_blocks_are_counted_less_and_less_and_then_forgotten(card: VirtualCard, at: Any) -> None:
    at(0)
    changes(card, 9)
    at(15)
    full = CountedBlock.objects.filter(full_at__isnull=False)
    ages = []
    while block := full.first():
        ages.append((block.due_at - START).total_seconds() - 15)
        at(ages[-1] + 15)

    assert ages[:4] == [15, 45, 135, 405]
    assert (len(ages), ages[-1]) == (12, 14 * 86_400)
    assert at(30 * 86_400) == {DONE: 9}


def test_ids_that_nobody_used_are_passed_over(card: VirtualCard, at: Any) -> None:
    at(0)
    first = CardChange.objects.latest("pk").pk + 1
    changes(card, 6, first_id=first)
    changes(card, 6, first_id=first + 10_000_000)

    at(15)

    assert at(30) == {DONE: 12}
    assert CountedBlock.objects.count() <= 4


@pytest.mark.django_db(transaction=True)
def test_workers_that_count_at_once_count_each_row_once() -> None:
    counting.count([CHANGES])
    changes(VirtualCardFactory(), 23)

    at_once([lambda: counting.count([CHANGES])] * 4)
    counting.count([CHANGES])

    assert counting.totals_of(CHANGES) == {DONE: 23}


def test_each_time_is_in_the_bucket_of_the_first_bound_that_it_reaches(card: VirtualCard) -> None:
    seconds = [*BOUNDS_S, *(bound + 0.0001 for bound in BOUNDS_S), 0.0, 100_000.0]
    source = Source(
        "times",
        CardChange.objects.all(),
        "count(*)",
        "SELECT 'onecard_x_seconds|stripe', unnest(%(times)s::float8[]) WHERE %(first)s <> %(end)s",
        {"times": seconds},
    )
    counting.count([source])

    (family,) = [histogram("onecard_x_seconds", "", counting.totals_of(source), labels=("provider",))]
    values = {sample.labels.get("le", sample.name): sample.value for sample in family.samples}

    for bound in BOUNDS_S:
        assert values[str(bound)] == sum(each <= bound for each in seconds), bound
    assert values["+Inf"] == values["onecard_x_seconds_count"] == len(seconds)
    assert values["onecard_x_seconds_sum"] == pytest.approx(sum(seconds))
    assert family.samples[0].labels["provider"] == "stripe"


def test_a_bucket_of_an_earlier_release_still_counts() -> None:
    counts = {"onecard_x_seconds|0.3": 2, "onecard_x_seconds|0.5": 1, "onecard_x_seconds|sum_us": 900_000}

    family = histogram("onecard_x_seconds", "", counts, labels=())

    values = {sample.labels.get("le", sample.name): sample.value for sample in family.samples}
    assert (values["0.25"], values["0.3"], values["0.5"], values["+Inf"]) == (0, 2, 3, 3)


def test_a_block_that_looks_as_before_is_not_counted_again(card: VirtualCard, at: Any) -> None:
    at(0)
    changes(card, 3)
    at(15)
    with CaptureQueriesContext(connection) as queries:
        at(15)
    assert not [each for each in queries if "observed" in each["sql"]]
    CardChange.objects.filter(pk=CardChange.objects.latest("pk").pk).update(updated_at=START - dt.timedelta(seconds=1))

    with CaptureQueriesContext(connection) as queries:
        at(15)

    assert len([each for each in queries if "observed" in each["sql"]]) == 1


def test_a_count_that_fails_leaves_everything_as_it_was(card: VirtualCard, at: Any) -> None:
    at(0)
    changes(card, 2)
    at(5)
    changes(card, 2)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE metrics_countedblock ADD CHECK (counts = '{}') NOT VALID")
    with pytest.raises(Exception, match="violates check"):
        at(15)
    connection.needs_rollback = False

    assert CountedTotal.objects.get().counts == {DONE: 2}
