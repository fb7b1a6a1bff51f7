"""Cases from before their time was a column keep it, wherever it stood until then."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from audit import trail
from onecard.kit import clock
from onecard.kit.transactions import transaction
from wallet.models import Case

BEFORE = ("wallet", "0016_where_a_list_is_read_again")
AFTER = ("wallet", "0017_amounts_and_times_of_cases")
NOON = dt.datetime(2026, 5, 4, 12, tzinfo=dt.UTC)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def before() -> Iterator[Any]:
    """The models as they were; all is as it is now in the end."""
    MigrationExecutor(connection).migrate([BEFORE])
    yield MigrationExecutor(connection).loader.project_state([BEFORE]).apps
    # All that came later was undone as well, also of the apps that build on this one.
    everything = MigrationExecutor(connection)
    everything.migrate(everything.loader.graph.leaf_nodes())


def test_a_time_in_a_column_of_another_name_or_in_the_trail_is_taken_over(before: Any) -> None:
    blank = {"summary": "", "amount_minor": 1, "currency": "USD", "opened_at": clock.now()}
    old = before.get_model("wallet", "Case").objects
    listed = old.create(kind="reconciliation", reference="fee:1", listed_at=NOON, **blank)
    told = old.create(kind="reconciliation", reference="reconcile:charges.stripe:1", **blank)
    old.create(kind="receivable", reference="obligation:1", **blank)
    with transaction():
        at_s = int(NOON.timestamp()) + 60
        trail.record(actor="system:reconcile", action="reconcile.found", subject=Case(pk=told.pk), at_s=at_s)

    MigrationExecutor(connection).migrate([AFTER])

    times = dict(Case.objects.values_list("reference", "about_at"))
    assert times == {
        listed.reference: NOON,
        told.reference: NOON + dt.timedelta(minutes=1),
        "obligation:1": None,
    }
