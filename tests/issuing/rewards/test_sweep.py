"""The sweeps of the rewards book: each charge and refund is booked once, and a failure delays no other."""

import datetime as dt
import io

import pytest
from django.core.management import CommandError, call_command

from issuing import tasks
from issuing.models import RewardEntry
from issuing.rewards import book as rewards_book
from issuing.rewards import sweep as rewards_sweep
from onecard.celery import app
from onecard.kit import clock
from onecard.kit.money import Money
from tests.issuing.rewards.purchases import NOTHING, bought, one_card_wallet, refunded, sums
from tests.support.threads import at_once
from tests.support.wallets import walkthrough_card
from wallet.models import FundingCharge, FundingObligation

pytestmark = pytest.mark.django_db


def test_the_clocks_task_books_and_takes_no_offence_at_newer_arguments() -> None:
    charge = bought()
    tasks.sweep_rewards(days=1, of_a_newer_version=True)
    assert RewardEntry.objects.get().charge == charge


def test_twice_is_once_and_a_second_sweep_finds_nothing() -> None:
    charge = bought()
    back = refunded(charge, 1000)
    assert [rewards_book.book_charge(charge.pk) for _ in range(2)] == [True, False]
    assert [rewards_book.book_refund(back.pk) for _ in range(2)] == [True, False]

    assert rewards_sweep.count_missing() == 0
    assert rewards_sweep.sweep() == rewards_sweep.Tally(0, 0)
    assert RewardEntry.objects.count() == 2


def test_only_the_frequent_sweep_ends_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    card = walkthrough_card()
    for _ in range(4):
        bought(card)
    monkeypatch.setattr(rewards_sweep, "WORK_S", 0.0)
    assert [rewards_sweep.sweep().booked for _ in range(2)] == [1, 1]
    assert rewards_sweep.sweep(days=2).booked == 2


def test_a_sweep_looks_back_so_far_and_the_command_further(capsys: pytest.CaptureFixture[str]) -> None:
    charge = bought()
    # In the middle of a month, which is the same month in the cardholder's zone.
    long_ago = (clock.now() - dt.timedelta(days=60)).replace(day=15)
    FundingCharge.objects.filter(pk=charge.pk).update(finished_at=long_ago)
    assert rewards_sweep.sweep(days=40) == rewards_sweep.Tally(0, 0)

    out, err = io.StringIO(), io.StringIO()
    call_command("rewards", rebuild_missing=True, since=f"{long_ago:%Y-%m}", stdout=out, stderr=err)

    assert "1 entries booked." in err.getvalue()
    assert "135 points" in out.getvalue()
    assert RewardEntry.objects.get().earned_at == long_ago


@pytest.mark.parametrize(("hours", "looks"), [(0.9, 0), (40, 1), (900, 2)])
def test_what_the_frequent_look_misses_a_rarer_one_finds(hours: float, looks: int) -> None:
    charge = bought()
    FundingCharge.objects.filter(pk=charge.pk).update(finished_at=clock.now() - dt.timedelta(hours=hours))
    for number, entry in enumerate(("sweep-rewards", "sweep-rewards-far", "sweep-rewards-all")):
        tasks.sweep_rewards(**app.conf.beat_schedule[entry].get("kwargs", {}))
        assert RewardEntry.objects.exists() == (number >= looks)


def test_more_than_a_batch_is_booked_and_what_fails_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rewards_sweep, "BATCH", 2)
    card = walkthrough_card()
    charges = [bought(card, 100) for _ in range(5)]
    same_moment = clock.now()
    FundingCharge.objects.update(finished_at=same_moment)
    trillions = Money(10**13, "JPY")
    FundingObligation.objects.filter(pk=charges[0].obligation_id).update(
        amount_minor=trillions.minor, currency=trillions.currency
    )

    assert rewards_sweep.sweep() == rewards_sweep.Tally(4, 1)

    assert set(RewardEntry.objects.values_list("charge", flat=True)) == {charge.pk for charge in charges[1:]}
    assert rewards_sweep.count_missing() == 1
    with pytest.raises(CommandError, match="1 could not be booked"):
        call_command("rewards", rebuild_missing=True, stdout=io.StringIO(), stderr=io.StringIO())


@pytest.mark.django_db(transaction=True)
def test_concurrent_bookings_book_once_and_a_whole_refund_leaves_nothing() -> None:
    charge = bought(one_card_wallet("points", "1.001"), 1000)
    parts = [refunded(charge, part) for part in (333, 111, 222, 334)]

    calls = [lambda pk=part.pk: rewards_book.book_refund(pk) for part in parts for _ in range(3)]
    booked = at_once([*calls, *(lambda: rewards_book.book_charge(charge.pk) for _ in range(3)), rewards_sweep.sweep])

    assert sum(done is True for done in booked) <= 5
    assert RewardEntry.objects.filter(kind="charge").count() == 1
    assert RewardEntry.objects.filter(kind="refund").count() == 4
    assert sums() == NOTHING
