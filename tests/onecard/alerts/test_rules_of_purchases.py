"""Unusual patterns wake somebody: declines, a drop and a rush of all purchases, and one card that is tried out."""

import datetime as dt
from typing import Any

import pytest

from issuing.models import Authorization, PurchaseHour
from onecard.kit import clock
from onecard.outbox.models import Message
from tests.onecard.alerts.conftest import Duty
from tests.support import stripe_events
from tests.support.wallets import walkthrough_card

pytestmark = pytest.mark.django_db
# A quarter to: more than half of the hour is over.
NOW = dt.datetime(2026, 11, 27, 14, 45, tzinfo=dt.UTC)
HOUR = NOW.replace(minute=0)


@pytest.fixture(autouse=True)
def _friday_afternoon(duty: Duty) -> None:
    duty.pass_time(seconds=(NOW - clock.now()).total_seconds())


def counted(hour_at: dt.datetime, approved: int, declined: int = 0) -> None:
    PurchaseHour.objects.filter(hour_at=hour_at).delete()
    of_one = {"hour_at": hour_at, "provider": "stripe", "currency": "usd", "amount_minor": 0}
    PurchaseHour.objects.create(outcome="approved", purchases=approved, **of_one)
    PurchaseHour.objects.create(outcome="declined", reason="limit", purchases=declined, **of_one)


def usual_weeks(approved: int = 190, declined: int = 10) -> None:
    for week in range(1, 5):
        for hour in (HOUR, HOUR - dt.timedelta(hours=1)):
            counted(hour - dt.timedelta(weeks=week), approved, declined)


def test_a_jump_of_declines(duty: Duty) -> None:
    usual_weeks()
    counted(HOUR, approved=140, declined=15)
    duty.assert_quiet()
    counted(HOUR, approved=120, declined=35)

    incident = duty.assert_woken_once(
        "purchase_declines", key="stripe", words="35 of 155 purchases since 14:00 UTC were declined, 23%; usual are 5%."
    )

    counted(HOUR, approved=180, declined=15)
    duty.assert_resolved_by_itself(incident)


def test_declines_of_a_quiet_night_are_counted_over_two_hours(duty: Duty) -> None:
    usual_weeks(approved=28, declined=2)
    counted(HOUR, approved=10, declined=15)
    duty.assert_quiet()
    counted(HOUR - dt.timedelta(hours=1), approved=10, declined=20)

    duty.assert_woken_once("purchase_declines", key="stripe", words="35 of 55 purchases since 13:00 UTC")


def test_declines_of_a_first_day_are_compared_with_a_common_share(duty: Duty) -> None:
    counted(HOUR, approved=45, declined=14)
    duty.assert_quiet()
    counted(HOUR, approved=20, declined=40)

    duty.assert_woken_once("purchase_declines", key="stripe", words="usual are 15%")


def test_purchases_that_do_not_come(duty: Duty) -> None:
    usual_weeks()
    counted(HOUR, approved=31)
    duty.assert_quiet()
    counted(HOUR, approved=10)

    incident = duty.assert_woken_once(
        "purchase_volume", key="stripe", words="10 purchases since 14:00 UTC, where about 150 are usual by now."
    )

    counted(HOUR, approved=90)
    duty.assert_resolved_by_itself(incident)


def test_a_rush_of_purchases(duty: Duty) -> None:
    usual_weeks()
    counted(HOUR, approved=590)
    duty.assert_quiet()
    counted(HOUR, approved=601)

    incident = duty.assert_woken_once("purchase_volume", key="stripe", words="at most 200 came in that hour")

    assert incident.severity == "warning"


def test_the_first_half_of_an_hour_is_told_by_the_last_hour(duty: Duty) -> None:
    usual_weeks()
    duty.pass_time(minutes=-40)
    counted(HOUR - dt.timedelta(hours=1), approved=200)
    duty.assert_quiet()
    counted(HOUR - dt.timedelta(hours=1), approved=5)

    duty.assert_woken_once("purchase_volume", key="stripe", words="5 purchases since 13:00 UTC")


def test_a_card_that_somebody_tries_out(duty: Duty, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    card: Any = walkthrough_card(status="frozen")
    for number in range(10):
        asked = stripe_events.authorization_request(card=card.issuer_card_id)
        assert stripe_events.post(asked).json()["approved"] is False
        if number == 8:
            duty.assert_quiet()
    assert Authorization.objects.count() == 10
    Message.objects.update(published_at=clock.now())

    incident = duty.assert_woken_once("card_declines", key=f"card:{card.pk}", words="10 purchases of Visa ••••")

    assert incident.page == f"/admin/issuing/virtualcard/{card.pk}/change/"
    duty.pass_time(minutes=16)
    duty.assert_resolved_by_itself(incident)
