"""What a purchase counted in is given back with it, and what nobody asked us for counts too."""

from decimal import Decimal
from typing import Any

import pytest
import time_machine

from issuing.controls import life
from issuing.models import ControlVersion, Hold, VelocityCounter, VelocityEntry, VirtualCard
from tests.issuing.handlers.test_marqeta_disputes import report
from tests.support import marqeta_events
from tests.support.controls import ask, in_force, velocity
from tests.support.purchases import (
    amount_update_event,
    approve_purchase,
    deliver_events,
    run_workers,
    transaction_event,
    update_event,
)
from tests.support.wallets import marqeta_card, walkthrough_card

pytestmark = pytest.mark.django_db


@pytest.fixture
def card() -> VirtualCard:
    for window, more in (("day", {}), ("trailing", {"trailing_s": 86_400})):
        in_force(velocity=velocity(100_000, window, **more))
        in_force(velocity=velocity(10, window, measure="count", **more))
    return walkthrough_card()


def counted() -> set[tuple[int, int]]:
    """What each counter has; of a trailing one, what its entries add up to."""
    rows = set(VelocityCounter.objects.values_list("spent_minor", "count"))
    entries = VelocityEntry.objects.values_list("counter_id", "amount_minor", "count")
    for counter in {entry[0] for entry in entries}:
        mine = [entry[1:] for entry in entries if entry[0] == counter]
        rows.add((sum(amount for amount, _ in mine), sum(count for _, count in mine)))
    return rows


@pytest.mark.parametrize("status", ["reversed", "expired"])
def test_a_purchase_that_does_not_happen_gives_all_back(card: VirtualCard, status: str) -> None:
    asked = approve_purchase(card)
    assert counted() == {(4_500, 1)}

    deliver_events(update_event(asked, status, amount=0))
    run_workers()

    assert counted() == {(0, 0)}


def test_a_partial_reversal_gives_its_part_back(card: VirtualCard) -> None:
    asked = approve_purchase(card)

    deliver_events(amount_update_event(asked, 3_000))

    assert counted() == {(3_000, 1)}


def test_a_smaller_capture_gives_the_rest_back(card: VirtualCard) -> None:
    asked = approve_purchase(card)

    deliver_events(transaction_event(asked, 3_000), update_event(asked, "closed"))
    run_workers()

    assert counted() == {(3_000, 1)}


def test_a_capture_above_the_hold_counts_and_a_refund_gives_nothing_back(card: VirtualCard) -> None:
    asked = approve_purchase(card)

    deliver_events(transaction_event(asked, 5_000), update_event(asked, "closed"))
    deliver_events(transaction_event(asked, 5_000, kind="refund"))
    run_workers()

    assert counted() == {(5_000, 1)}


def test_head_room_ends_with_the_capture() -> None:
    in_force(
        when=[{"attribute": "mcc", "operator": "is", "value": "5812"}], action={"kind": "adjust_hold", "percent": 20}
    )
    in_force(velocity=velocity(100_000))
    asked = approve_purchase(walkthrough_card())
    assert counted() == {(5_400, 1)}

    deliver_events(transaction_event(asked, 5_000), update_event(asked, "closed"))
    run_workers()

    assert counted() == {(5_000, 1)}
    assert not Hold.objects.filter(is_headroom=True, status="placed").exists()


def test_what_the_network_approved_alone_counts_over_a_limit_as_well() -> None:
    card = marqeta_card()
    version = in_force(velocity=velocity(4_000))

    report("transactions", marqeta_events.standin(card=card.issuer_card_id))

    assert counted() == {(4_500, 1)}
    assert ask(card, 100) == version.reason_code


def test_a_partial_approval_of_the_network_gives_the_rest_back() -> None:
    card = marqeta_card()
    in_force(velocity=velocity(9_000))
    asked = marqeta_events.gateway_request(card=card.issuer_card_id)
    marqeta_events.ask(asked)

    report("transactions", marqeta_events.outcome(asked) | {"amount": Decimal(30), "response": {"code": "0002"}})

    assert counted() == {(3_000, 1)}


@pytest.mark.parametrize("window", ["lifetime", "trailing"])
def test_a_version_that_counts_the_same_goes_on_from_the_old_counter(window: str) -> None:
    more = {"trailing_s": 3_600} if window == "trailing" else {}
    card, old = walkthrough_card(), in_force(velocity=velocity(9_000, window, **more))
    assert ask(card) == ""

    new = _next(old, velocity=velocity(5_000, window, **more))

    assert ask(card, 501) == new.reason_code
    assert ask(card, 500) == ""


def test_a_new_version_that_counts_something_else_begins_anew() -> None:
    card, old = walkthrough_card(), in_force(velocity=velocity(9_000))
    assert ask(card) == ""

    _next(old, velocity=velocity(4_500, "week"))

    assert ask(card) == ""


def test_a_counter_of_the_programme_counts_in_utc() -> None:
    card = walkthrough_card()
    type(card.cardholder).objects.update(time_zone="Pacific/Auckland")
    version = in_force(velocity=velocity(1, measure="count", per="programme"))

    # Midnight in Auckland is at noon.
    with time_machine.travel("2026-06-11T11:59:00Z", tick=False) as now:
        assert ask(card) == ""
        now.move_to("2026-06-11T23:59:59+00:00")
        assert ask(card) == version.reason_code
        now.move_to("2026-06-12T00:00:00+00:00")
        assert ask(card) == ""


def _next(old: ControlVersion, **written: Any) -> ControlVersion:
    definition = {"action": {"kind": "decline"}, **written}
    new = life.write_version(
        old.control, definition=definition, reason_code=old.reason_code, sentence="No.", actor="user:1"
    )
    life.to_shadow(new, actor="user:1")
    return life.activate(new, actor="user:2")
