"""A death at any statement of a settlement: done again, it ends with the same money (money-safety F4).

By itself this file tries one statement in nine, in `make proofs` one in three.
"""

import datetime as dt
import random
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import connection

from issuing.authorizations import close_out
from issuing.handlers import dispatch
from issuing.models import IssuerEvent, VirtualCard
from onecard.kit import clock
from tests.support import stripe_events
from tests.support.lengths import length
from tests.support.purchases import (
    approve_purchase,
    expected_totals,
    purchase_totals,
    run_workers,
    transaction_event,
    update_event,
)
from tests.support.wallets import walkthrough_card
from wallet.models import FundingObligation, FundingRefund, Posting

# At one statement in so many, from a random one on.
EVERY = length("SETTLEMENT_CRASH_EVERY", short=9, whole=3)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.only_in_proofs]


class Death(BaseException):
    """The process ends here."""


def dies(act: Callable[[], object], n: int) -> bool:
    left = n

    def dying(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal left
        left -= 1
        if left == 0:
            raise Death
        return execute(sql, params, many, context)

    try:
        with connection.execute_wrapper(dying):
            act()
    except Death:
        connection.close()
        return True
    return False


def take(event: dict[str, Any]) -> int:
    assert stripe_events.post(event).status_code == 200
    return IssuerEvent.objects.get(event_id=event["id"]).pk


def life(card: VirtualCard) -> list[Callable[[], object]]:
    """A purchase that is captured for less in two parts, closed, settled, and given back in part."""
    asked = approve_purchase(card)
    run_workers()
    told = [transaction_event(asked, 2000), transaction_event(asked, 1500, number=2), update_event(asked, "closed")]
    steps: list[Callable[[], object]] = [partial(dispatch.handle, event_pk=take(event)) for event in told]
    steps.append(lambda: close_out.sweep(now=clock.now() + dt.timedelta(days=2)))
    last = take(transaction_event(asked, 500, kind="refund", number=3))
    steps.append(lambda: dispatch.handle(event_pk=last))
    return steps


@pytest.mark.parametrize("place", range(5))
def test_a_death_at_any_statement_of_a_step_changes_nothing_of_the_end(place: int) -> None:
    deaths = 0
    first = random.randint(1, EVERY)
    for n in range(first, 200, EVERY):
        forget_money()
        steps = life(walkthrough_card())
        survived = True
        for number, step in enumerate(steps):
            if number == place and dies(step, n):
                survived = False
                deaths += 1
            step()
        run_workers()
        run_workers()
        assert purchase_totals() == expected_totals(3000, 3500), f"died at statement {n} of step {place}"
        assert FundingObligation.objects.count() == 1
        assert sum(FundingRefund.objects.values_list("amount_minor", flat=True)) == 1500
        if survived:
            break
    assert survived
    print(f"step {place}: {deaths} deaths, one every {EVERY} statements from {first} on")
    assert deaths >= 15 // EVERY


def forget_money() -> None:
    from tests.support.purchases import delete_purchases

    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        Posting.objects.all().delete()
        cursor.execute("SET session_replication_role = DEFAULT")
    delete_purchases()
