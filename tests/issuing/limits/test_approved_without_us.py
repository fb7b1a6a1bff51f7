"""Limits count what the issuer approved alone, from its first report until the purchase ends."""

import datetime as dt
from typing import Any

import pytest
import time_machine

from issuing.authorizations import close_out
from issuing.models import Authorization, Decision, Hold, SpendWindow, VirtualCard
from tests.invariants import checks
from tests.issuing.clearing.postings import deliver, posted, report
from tests.support import marqeta_events, stripe_events
from tests.support.purchases import run_workers
from tests.support.wallets import marqeta_card, walkthrough_card

pytestmark = pytest.mark.django_db
ALONE = [{"approved": True, "reason": "network_stip"}]
NOON = dt.datetime(2026, 3, 10, 16, tzinfo=dt.UTC)


@pytest.fixture
def card() -> VirtualCard:
    return walkthrough_card(daily_limit_minor=7000)


def spent() -> list[int]:
    return sorted(set(SpendWindow.objects.values_list("spent_minor", flat=True)))


def told(asked: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return stripe_events.authorization_update(asked, **({"request_history": ALONE} | changes))


def approved_alone(card: VirtualCard, amount: int = 5700) -> dict[str, Any]:
    asked = stripe_events.authorization_request(card=card.issuer_card_id, amount=amount)
    deliver(told(asked))
    return asked


def is_approved(card: VirtualCard, amount: int) -> bool:
    stripe_events.post(stripe_events.authorization_request(card=card.issuer_card_id, amount=amount))
    return Decision.objects.latest("pk").approved


def test_the_next_purchase_has_what_is_left(card: VirtualCard) -> None:
    asked = approved_alone(card)
    deliver(told(asked) | {"id": "evt_again"})

    assert spent() == [5700]
    assert not is_approved(card, 1301)
    assert Decision.objects.get().decline_reason == "daily_limit_exceeded"
    assert is_approved(card, 1300)
    assert checks.broken() == {}


@pytest.mark.parametrize("status", ["expired", "reversed"])
def test_what_ends_uncaptured_gives_all_back_once(card: VirtualCard, status: str) -> None:
    asked = approved_alone(card)
    for _ in range(2):
        deliver(told(asked, kind="updated", status=status, amount=0))

    assert (spent(), Authorization.objects.get().approved_minor) == ([0], 0)
    assert checks.broken() == {}


@pytest.mark.parametrize(("taken", "counted"), [(5700, 5700), (6640, 6640), (3000, 5700)])
def test_its_captures_count_once(card: VirtualCard, taken: int, counted: int) -> None:
    asked = approved_alone(card)
    deliver(posted(asked, amount=-taken))
    run_workers()

    assert spent() == [counted]
    assert checks.broken() == {}


def test_close_out_gives_back_what_was_not_captured(card: VirtualCard) -> None:
    asked = approved_alone(card)
    deliver(posted(asked, amount=-3000))
    deliver(told(asked, kind="updated", status="closed", amount=0))
    due = Authorization.objects.get().settle_due_at
    assert due is not None
    close_out.sweep(now=due)

    assert (spent(), Authorization.objects.get().approved_minor) == ([3000], 3000)
    assert checks.broken() == {}


def test_a_total_that_the_issuer_raised_counts_whole(card: VirtualCard) -> None:
    asked = approved_alone(card, 1000)
    deliver(told(asked, kind="updated", amount=2500))

    assert spent() == [2500]


def test_a_purchase_that_we_declined_counts_when_its_issuer_approves_it(card: VirtualCard) -> None:
    asked = stripe_events.authorization_request(card=card.issuer_card_id, amount=8000)
    stripe_events.post(asked)
    assert (Decision.objects.get().approved, sum(spent())) == (False, 0)
    deliver(told(asked, amount=8000))

    assert spent() == [8000]
    assert checks.broken() == {}


def test_a_late_capture_counts_in_the_windows_of_the_first_report(card: VirtualCard) -> None:
    with time_machine.travel(NOON) as clock:
        asked = approved_alone(card)
        clock.shift(dt.timedelta(days=40))
        deliver(posted(asked, amount=-6640))
    assert spent() == [6640]


def test_a_marqeta_stand_in_counts_until_its_reversal() -> None:
    card = marqeta_card()
    stood = marqeta_events.standin(card=card.issuer_card_id)
    report(stood)
    assert spent() == [4500]
    assert list(Hold.objects.values_list("decision", "of_capture")) == [(None, False)]
    report(marqeta_events.later(stood, "authorization.reversal", state="CLEARED"))
    assert spent() == [0]
    assert checks.broken() == {}
