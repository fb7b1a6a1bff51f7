"""A refund takes its share of the reward back: the whole refund leaves nothing, and a failed one is put back."""

import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from issuing.models import RewardEntry
from issuing.models.rewards import SIGNED
from issuing.rewards import book as rewards_book
from issuing.rewards import sweep as rewards_sweep
from issuing.rewards.totals import totals
from onecard.kit import clock
from onecard.kit.money import Money
from onecard.kit.transactions import transaction
from routing import rewards
from tests.issuing.rewards.purchases import NOTHING, bought, ended, one_card_wallet, refunded, sums
from tests.support.lengths import length
from wallet import locking as wallet_locking
from wallet.models import FundingCharge, FundingRefund
from wallet.refunds import records as refunds

pytestmark = pytest.mark.django_db


def test_a_refund_booked_before_its_charge_writes_the_charges_entry_first() -> None:
    back = refunded(bought(), 4500)

    assert rewards_book.book_refund(back.pk)

    assert list(RewardEntry.objects.order_by("pk").values_list("kind", flat=True)) == ["charge", "refund"]
    assert sums() == NOTHING


def test_a_third_that_cannot_be_divided_leaves_no_rest() -> None:
    charge = bought(one_card_wallet("points", "1.001"), 1000)
    for part in (333, 333, 334):
        rewards_book.book_refund(refunded(charge, part).pk)

    taken = RewardEntry.objects.filter(kind="refund").order_by("pk").values_list("value_low_micro", flat=True)
    assert list(taken) == [-16_667, -16_666, -16_717]
    assert sums() == NOTHING


@given(
    amount=st.integers(min_value=1, max_value=10**13),
    rate_milli=st.integers(min_value=0, max_value=9_999_999),
    kind=st.sampled_from(["cash", "points"]),
    currency=st.sampled_from(["USD", "KWD"]),
    data=st.data(),
)
@hypothesis_settings(max_examples=length("REWARD_EXAMPLES", short=75, whole=300))
def test_any_split_of_a_whole_refund_takes_all_and_never_more(
    amount: int, rate_milli: int, kind: str, currency: str, data: st.DataObject
) -> None:
    reward = rewards.estimate(
        amount=Money(amount, currency), reward_rate=Decimal(rate_milli).scaleb(-3), reward_type=kind
    )
    try:
        whole = rewards.book(reward)
    except rewards.RewardTooLargeError:
        assert max(reward.units, *reward.values) * 10**6 > rewards.LARGEST_MICRO
        return
    marks = st.lists(st.integers(min_value=1, max_value=amount), max_size=8)
    taken, returned = rewards.Booked(0, 0, 0, 0, 0), 0
    for mark in [*sorted(set(data.draw(marks)) - {amount}), amount]:
        part = rewards.share(whole, returned_minor=mark, amount_minor=amount, taken=taken)
        numbers = [(getattr(whole, name), getattr(taken, name), getattr(part, name)) for name in SIGNED]
        assert all(0 <= one <= all_ - gone for all_, gone, one in numbers)
        exact = [abs(all_ * mark - (gone + one) * amount) for all_, gone, one in numbers]
        assert all(2 * off <= amount for off in exact)
        taken, returned = rewards.Booked(*(gone + one for _all, gone, one in numbers)), mark
    assert (taken, returned) == (whole, amount)


def test_a_refund_that_failed_later_is_put_back_and_can_be_booked_again() -> None:
    charge = bought(one_card_wallet("points", "1.001"), 1000)
    first, second = refunded(charge, 333), refunded(charge, 667)
    rewards_sweep.sweep()
    assert sums() == NOTHING
    ended(first, "failed")

    assert rewards_sweep.sweep() == rewards_sweep.Tally(1, 0)

    back = RewardEntry.objects.get(kind="refund_failed")
    gone = RewardEntry.objects.get(key=f"refund:{first.public_id}")
    assert (back.key, back.amount_minor) == (f"refund_failed:{first.public_id}", 333)
    assert back.booked == -gone.booked
    assert sums()["units_micro"] == back.units_micro
    assert not rewards_book.book_refund(first.pk)
    again = FundingRefund.objects.create(
        obligation=charge.obligation,
        charge=charge,
        amount_minor=333,
        reason="By hand",
        status="succeeded",
        idempotency_key="again",
        finished_at=clock.now(),
        created_at=clock.now(),
        updated_at=clock.now(),
    )
    assert rewards_book.book_refund(again.pk)
    assert rewards_book.book_refund(second.pk) is False
    assert sums() == NOTHING


def test_a_failed_refund_sent_again_before_the_sweep_is_put_back_too() -> None:
    charge = bought(one_card_wallet("points", "2"), 1000)
    first = refunded(charge, 1000)
    rewards_sweep.sweep()
    ended(first, "failed")
    with transaction():
        obligation = wallet_locking.lock(charge.obligation_id)
        again = refunds.begin_again(obligation=obligation, reason="Once more", actor="user:1")
    first.refresh_from_db()
    assert first.status == "canceled"

    rewards_sweep.sweep()
    assert sums()["units_micro"] == 20_000_000, "nothing has gone back yet"

    ended(again, "succeeded")
    rewards_sweep.sweep()
    assert sums() == NOTHING
    assert rewards_sweep.sweep() == rewards_sweep.Tally(0, 0)


def test_a_refund_that_failed_before_it_was_booked_leaves_no_trace() -> None:
    charge = bought()
    back = refunded(charge, 1000)
    ended(back, "failed")

    rewards_sweep.sweep()

    assert list(RewardEntry.objects.values_list("kind", flat=True)) == ["charge"]


def test_a_month_is_the_cardholders_and_a_refund_counts_in_its_own() -> None:
    charge = bought()
    FundingCharge.objects.filter(pk=charge.pk).update(finished_at=dt.datetime(2026, 11, 1, 2, tzinfo=dt.UTC))
    back = refunded(charge, 4500)
    FundingRefund.objects.filter(pk=back.pk).update(finished_at=dt.datetime(2026, 12, 1, 6, tzinfo=dt.UTC))
    rewards_book.book_refund(back.pk)

    found = totals(by="month")

    assert [total.key for total in found] == ["2026-12", "2026-10"]
    assert [total.value.benefit for total in found] == [Decimal("-0.90"), Decimal("0.90")]
    assert [total.value.benefit_percent for total in found] == [None, 200]
    assert [total.value.spent_minor for total in found] == [-4500, 4500]
    assert [total.value.charges for total in found] == [0, 1]
