"""Limits count each capture: above its hold, after its hold's window, and without a hold."""

import datetime as dt
from typing import Any

import pytest
import time_machine
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from issuing.models import Decision, Hold, SpendWindow, VirtualCard
from tests.invariants import checks
from tests.issuing.clearing.postings import deliver, posted, report
from tests.support import marqeta_events, stripe_events
from tests.support.marqeta_events import number
from tests.support.purchases import run_workers
from tests.support.wallets import marqeta_card, walkthrough_card

pytestmark = [pytest.mark.django_db, pytest.mark.only_in_proofs]
NOON = dt.datetime(2026, 3, 10, 16, tzinfo=dt.UTC)


def ask(card: VirtualCard, amount: int) -> dict[str, Any]:
    asked = stripe_events.authorization_request(card=card.issuer_card_id, amount=amount)
    stripe_events.post(asked)
    return asked


def spent(kind: str = "day") -> list[int]:
    return list(SpendWindow.objects.filter(kind=kind).order_by("starts_at").values_list("spent_minor", flat=True))


def test_a_capture_above_the_hold_counts_as_taken() -> None:
    card = walkthrough_card(daily_limit_minor=7000)
    asked = ask(card, 5700)
    capture = posted(asked, amount=-6640)
    deliver(capture)
    deliver(capture | {"id": "evt_again"})
    run_workers()

    assert (spent("day"), spent("month")) == ([6640], [6640])
    ask(card, 361)
    assert Decision.objects.first().decline_reason == "daily_limit_exceeded"
    ask(card, 360)
    assert Decision.objects.first().approved
    assert checks.broken() == {}


def test_the_next_purchase_is_declined_when_a_capture_exceeds_the_limit() -> None:
    card = walkthrough_card(daily_limit_minor=6000)
    deliver(posted(ask(card, 5700), amount=-6640))
    assert spent() == [6640]
    ask(card, 1)
    assert Decision.objects.first().decline_reason == "daily_limit_exceeded"


def test_it_counts_in_the_window_of_the_hold_when_that_has_passed() -> None:
    card = walkthrough_card()
    with time_machine.travel(NOON) as clock:
        asked = ask(card, 5700)
        clock.shift(dt.timedelta(days=40))
        ask(card, 100)
        deliver(posted(asked, amount=-6640))
    assert (spent("day"), spent("month")) == ([6640, 100], [6640, 100])


def test_several_captures_above_the_hold_count_together_and_once() -> None:
    asked = ask(walkthrough_card(), 5700)
    for amount in (-3000, -2700, -600, -340):
        deliver(posted(asked, amount=amount))
    assert spent() == [6640]
    deliver(stripe_events.authorization_update(asked, kind="updated", status="closed", amount=6640))
    run_workers()
    assert spent() == [6640]


@pytest.mark.parametrize("status", ["expired", "reversed"])
def test_what_ends_the_purchase_gives_nothing_back_twice(status: str) -> None:
    asked = ask(walkthrough_card(), 5700)
    deliver(posted(asked, amount=-6640))
    for _ in range(2):
        deliver(stripe_events.authorization_update(asked, kind="updated", status=status, amount=0))
    assert spent() == [6640]
    assert checks.broken() == {}


def test_a_capture_after_the_hold_was_released_counts() -> None:
    asked = ask(walkthrough_card(), 5700)
    deliver(stripe_events.authorization_update(asked, kind="updated", status="expired", amount=0))
    assert spent() == [0]
    deliver(posted(asked, amount=-6640))
    assert spent() == [6640]


def test_a_force_capture_counts_in_the_current_window() -> None:
    card = walkthrough_card()
    asked = stripe_events.authorization_request(card=card.issuer_card_id)
    deliver(posted(asked, authorization=None))
    assert (spent("day"), spent("month")) == ([4500], [4500])
    assert not Hold.objects.get().of_capture, "it is an approval of the issuer alone"


def test_a_refund_gives_nothing_back_to_the_limit() -> None:
    asked = ask(walkthrough_card(), 5700)
    deliver(posted(asked, amount=-6640))
    deliver(posted(asked, type="refund", amount=6640))
    assert spent() == [6640]


def test_an_increment_takes_over_what_was_captured_beforehand() -> None:
    card = walkthrough_card()
    asked = ask(card, 5700)
    deliver(posted(asked, amount=-6640))
    more = stripe_events.authorization_request(
        card=card.issuer_card_id,
        amount=1000,
        authorization=asked["data"]["object"]["id"],
        approved_before=5700,
        history=[{"approved": True, "amount": 5700}],
    )
    stripe_events.post(more)
    history = [{"approved": True, "amount": 5700}, {"approved": True, "amount": 1000}]
    deliver(stripe_events.authorization_update(more, kind="updated", amount=6700, request_history=history))
    assert spent() == [6700]
    assert checks.broken() == {}


def test_marqeta_clearings_above_the_hold_count() -> None:
    card = marqeta_card()
    asked = marqeta_events.gateway_request(card=card.issuer_card_id, amount=number("57.00"))
    marqeta_events.ask(asked)
    report(marqeta_events.later(asked, "authorization.clearing", amount=number("66.40")))
    run_workers()
    assert spent() == [6640]
    assert checks.broken() == {}


def test_marqeta_force_clearing_counts() -> None:
    card = marqeta_card()
    asked = marqeta_events.gateway_request(card=card.issuer_card_id)
    clearing = marqeta_events.later(asked, "authorization.clearing")
    del clearing["preceding_related_transaction_token"]
    report(clearing)
    assert spent() == [4500]


class TestAnyParts(TestCase):
    @settings(deadline=None, max_examples=25)
    @given(held=st.integers(1, 5000), parts=st.lists(st.integers(1, 4000), max_size=5))
    def test_the_limit_counts_the_larger_of_held_and_taken(self, held: int, parts: list[int]) -> None:
        asked = ask(walkthrough_card(), held)
        before = sum(spent())
        for part in parts:
            deliver(posted(asked, amount=-part))
        assert sum(spent()) - before == max(held, sum(parts)) - held
