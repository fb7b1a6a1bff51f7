"""Sums by the hour: each purchase in one of them, counted again as long as it may change, and quick percentiles."""

import datetime as dt
from typing import Any

import pytest
from django.core.cache import cache
from django.db.models import Sum

from issuing.models import Authorization, Decision, DecisionHour, PurchaseHour
from issuing.operations import hourly_sums
from onecard.kit import clock
from onecard.kit.transactions import lock_name, transaction
from tests.support import stripe_events
from tests.support.threads import at_once
from tests.support.wallets import walkthrough_card

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.only_in_proofs]
HOUR = dt.timedelta(hours=1)
NOON = dt.datetime(2026, 11, 2, 12, 20, tzinfo=dt.UTC)


@pytest.fixture
def noon(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The time is noon, or what the test says."""

    def is_now(moment: dt.datetime) -> None:
        monkeypatch.setattr(clock, "now", lambda: moment)

    is_now(NOON)
    return is_now


def buy(amount: int = 4500) -> Authorization:
    card = walkthrough_card()
    stripe_events.post(stripe_events.authorization_request(card=card.issuer_card_id, amount=amount))
    return Authorization.objects.latest("pk")


def by_issuer(reason: str = "webhook_timeout", **more: Any) -> Authorization:
    now = clock.now()
    values = {"currency": "USD", "declined_minor": 700, "created_at": now, "updated_at": now, **more}
    name = f"iauth_{Authorization.objects.count()}"
    return Authorization.objects.create(
        provider="stripe", issuer_authorization_id=name, status="declined", issuer_reason=reason, **values
    )


def sums() -> list[tuple[str, str, int, int]]:
    rows = PurchaseHour.objects.order_by("outcome", "reason")
    return list(rows.values_list("outcome", "reason", "purchases", "amount_minor"))


def test_each_purchase_is_in_the_sum_of_its_hour_outcome_and_reason(noon: Any) -> None:
    buy()
    buy(10_000_000)
    by_issuer()
    by_issuer("")

    hourly_sums.refresh()
    hourly_sums.refresh()

    assert sums() == [
        ("approved", "", 1, 4500),
        ("declined", "per_transaction_limit_exceeded", 1, 10_000_000),
        ("declined_by_issuer", "unknown", 1, 700),
        ("declined_by_issuer", "webhook_timeout", 1, 700),
    ]
    assert set(PurchaseHour.objects.values_list("hour_at", flat=True)) == {NOON.replace(minute=0)}
    hour = DecisionHour.objects.get(hour_at=NOON.replace(minute=0))
    assert (hour.decisions, hour.counted_at) == (Decision.objects.count(), NOON)


def test_what_changes_after_its_hour_is_counted_again_ever_more_seldom(noon: Any) -> None:
    declined = by_issuer()
    hourly_sums.refresh()
    Authorization.objects.filter(pk=declined.pk).update(status="approved", approved_minor=700, issuer_reason="")
    noon(NOON + HOUR)
    hourly_sums.refresh()

    assert sums() == [("approved", "", 1, 700)]
    hour_at, counts = NOON.replace(minute=0), 0
    for minutes in range(60, 60 * 40, 10):
        now = NOON + dt.timedelta(minutes=minutes)
        if hour_at in hourly_sums.due_hours(now):
            counts += DecisionHour.objects.filter(hour_at=hour_at).update(counted_at=now)
    assert 4 <= counts <= 8


def test_a_new_deployment_counts_the_newest_hours_first(noon: Any) -> None:
    by_issuer(created_at=NOON - dt.timedelta(days=3))

    first = hourly_sums.refresh()

    assert first[0] == NOON.replace(minute=0)
    assert len(first) == hourly_sums.MOST_HOURS_AT_ONCE
    assert not PurchaseHour.objects.exists()
    hourly_sums.refresh()
    assert PurchaseHour.objects.aggregate(all=Sum("purchases"))["all"] == 1


def test_while_another_worker_counts_nothing_is_counted_twice(noon: Any) -> None:
    by_issuer()
    with transaction():
        lock_name("onecard.hourly_sums")
        assert at_once([hourly_sums.refresh]) == [[]]
    assert sums() == []

    at_once([hourly_sums.refresh] * 3)
    assert sums() == [("declined_by_issuer", "webhook_timeout", 1, 700)]


def test_percentiles_are_right_to_five_percent_and_late_is_exact(noon: Any) -> None:
    purchase = buy()
    decision = Decision.objects.get(authorization=purchase)
    for ms in range(1, 100):
        decision.pk = decision.obligation = None
        decision.public_id = f"00000000-0000-4000-8000-{ms:012}"
        decision.round_key, decision.timings_ms = f"r{ms}", {"read": ms * 20 - 1, "commit": 1.0, "odd": "text"}
        decision.event_id, decision.corrects = _event(decision.event_id, ms), None
        decision.save(force_insert=True)
    hourly_sums.refresh()

    found = hourly_sums.percentiles(DecisionHour.objects.all())

    assert found.decisions == 100
    for percentile, exact in ((found.p50_ms, 980), (found.p95_ms, 1880), (found.p99_ms, 1960)):
        assert percentile is not None
        assert exact <= percentile <= exact * 1.06 + 1
    assert found.late == 0
    assert hourly_sums.percentiles([]) == hourly_sums.Percentiles(0, 0, None, None, None)


def _event(like: int, number: int) -> int:
    from issuing.models import IssuerEvent

    event = IssuerEvent.objects.get(pk=like)
    event.pk, event.event_id = None, f"evt_{number}"
    event.save(force_insert=True)
    return event.pk


def test_an_hour_that_takes_long_to_count_rests_in_between(noon: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    buy()
    monkeypatch.setattr(hourly_sums, "SHORT_S", 0)
    assert NOON.replace(minute=0) in hourly_sums.refresh()
    took_s = float(cache.get(hourly_sums.TOOK))
    assert 0 < took_s < 10

    cache.set(hourly_sums.TOOK, 3.0)
    noon(NOON + dt.timedelta(seconds=15))
    assert NOON.replace(minute=0) not in hourly_sums.due_hours(clock.now())
    noon(NOON + dt.timedelta(seconds=3 * hourly_sums.RESTS))
    assert NOON.replace(minute=0) in hourly_sums.due_hours(clock.now())
    # One that has ended rests no more.
    cache.set(hourly_sums.TOOK, 3000.0)
    noon(NOON + HOUR)
    assert hourly_sums.due_hours(clock.now())[:2] == [NOON.replace(minute=0) + HOUR, NOON.replace(minute=0)]
