"""The rewards book: the walkthrough's numbers, refunds that leave nothing behind, each thing once, and its pages."""

import datetime as dt
import io
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, InternalError
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from issuing import tasks
from issuing.models import Authorization, Decision, RewardEntry, VirtualCard
from issuing.models.rewards import SIGNED
from issuing.rewards import book as rewards_book
from issuing.rewards import sweep as rewards_sweep
from issuing.rewards.totals import totals
from onecard.celery import app
from onecard.kit import clock
from onecard.kit.money import Money
from onecard.kit.transactions import savepoint, transaction
from routing import rewards
from tests import stripe_events
from tests.factories import (
    CardholderFactory,
    CardProductFactory,
    FundingMethodFactory,
    RankingRowFactory,
    VirtualCardFactory,
)
from tests.issuing.rewards.purchases import NOTHING, bought, ended, one_card_wallet, paid, refunded, sums
from tests.threads import at_once
from tests.wallets import walkthrough_card
from wallet import locking as wallet_locking
from wallet.charges import cascade, outcomes
from wallet.models import FundingCharge, FundingMethod, FundingObligation, FundingRefund
from wallet.obligations import lifecycle as obligations
from wallet.processors.base import Outcome
from wallet.refunds import records as refunds

pytestmark = pytest.mark.django_db


def test_the_walkthroughs_purchase_is_booked_with_its_numbers() -> None:
    charge = bought()

    assert rewards_sweep.sweep() == rewards_sweep.Tally(1, 0)

    entry = RewardEntry.objects.get()
    assert (entry.key, entry.kind, entry.charge) == (f"charge:{charge.public_id}", "charge", charge)
    assert (entry.units_micro, entry.rate_milli, entry.reward_type) == (135_000_000, 3000, "points")
    assert (entry.value_low_micro, entry.value_face_micro, entry.value_high_micro) == (675_000, 1_350_000, 2_025_000)
    assert entry.baseline_micro == 450_000
    assert (entry.amount_minor, entry.currency, entry.mcc) == (4500, "USD", "5812")
    assert entry.purchase == Authorization.objects.get()
    (total,) = totals(by="month")
    assert (total.worth.benefit, total.worth.benefit_percent) == (Decimal("0.90"), 200)
    assert [str(earned) for earned in total.earned] == ["135 points"]


def test_the_programme_is_the_product_or_else_the_cards_own_name() -> None:
    holder = CardholderFactory()
    product = CardProductFactory(name="Sapphire")
    method = FundingMethodFactory(cardholder=holder, product=product, name="My blue one", is_backup=True)
    RankingRowFactory(product=product, network="", reward_rate=2)
    card = VirtualCardFactory(cardholder=holder)
    rewards_book.book_charge(bought(card).pk)
    FundingMethod.objects.filter(pk=method.pk).update(product=None)
    rewards_book.book_charge(bought(card).pk)

    assert list(RewardEntry.objects.order_by("pk").values_list("programme", flat=True)) == ["Sapphire", "My blue one"]


@pytest.mark.parametrize(
    ("kind", "low", "face", "high"),
    [
        ("cash", 900_000, 900_000, 900_000),
        ("points", 450_000, 900_000, 1_350_000),
        ("miles", 450_000, 900_000, 1_350_000),
        ("default", 450_000, 900_000, 1_350_000),
    ],
)
def test_each_reward_type_has_its_three_values(kind: str, low: int, face: int, high: int) -> None:
    rewards_book.book_charge(bought(one_card_wallet(kind, 2)).pk)

    entry = RewardEntry.objects.get()
    assert (entry.units_micro, entry.reward_type) == (90_000_000, kind)
    assert (entry.value_low_micro, entry.value_face_micro, entry.value_high_micro) == (low, face, high)


@pytest.mark.parametrize(
    ("currency", "amount", "units", "face", "baseline"),
    [
        ("JPY", 4500, 6750_000_000, 67_500_000, 45_000_000),
        ("KWD", 4501, 6_751_500, 67_515, 45_010),
        ("KWD", 1, 1500, 15, 10),
        ("CLF", 45001, 6_750_150, 67_502, 45_001),
    ],
)
def test_a_rewards_units_count_whole_units_of_any_currency(
    currency: str, amount: int, units: int, face: int, baseline: int
) -> None:
    """67501.5 millionths are 67502: half-even; a half goes to the even neighbour."""
    rewards_book.book_charge(bought(one_card_wallet("points", "1.5", currency), amount, currency=currency.lower()).pk)

    entry = RewardEntry.objects.get()
    assert (entry.units_micro, entry.value_face_micro, entry.baseline_micro) == (units, face, baseline)


def test_the_card_that_really_paid_earns_not_the_one_that_was_chosen() -> None:
    charge = decline(approved(walkthrough_card()))
    amex = FundingMethod.objects.get(network="amex")
    assert cascade.next_charge(obligation_id=charge.obligation_id, method_ids=[amex.pk], actor="x") == "charged"
    rewards_book.book_charge(paid(FundingCharge.objects.latest("pk")).pk)

    entry = RewardEntry.objects.get()
    assert (entry.method, entry.rate_milli, entry.units_micro) == (amex, 4000, 180_000_000)
    assert rewards_book.book_charge(charge.pk) is False


def test_a_card_without_a_ranking_earns_nothing_against_the_baseline() -> None:
    card = walkthrough_card()
    rewards_book.book_charge(bought(card, mcc="7230").pk)

    entry = RewardEntry.objects.get()
    assert (entry.rate_milli, entry.reward_type, entry.units_micro, entry.baseline_micro) == (0, "", 0, 450_000)
    (total,) = totals(by="category")
    assert (total.worth.benefit, total.worth.benefit_percent) == (Decimal("-0.45"), -100)
    assert str(total.earned[0]) == "Not ranked"


def test_a_capture_above_the_approval_earns_by_the_approvals_ranking() -> None:
    charge = bought()
    with transaction():
        name = charge.obligation.purchase
        tip = obligations.begin(
            method=charge.method, reference=f"{name}:2", purchase=name, description="Tip", money=Money(900, "USD")
        )
    rewards_book.book_charge(paid(tip).pk)

    assert RewardEntry.objects.get(charge=tip).units_micro == 27_000_000


def approved(card: VirtualCard) -> FundingCharge:
    asked = stripe_events.authorization_request(card=card.issuer_card_id)
    assert stripe_events.post(asked).json()["approved"] is True
    return FundingCharge.objects.latest("pk")


def test_a_hold_of_which_a_part_was_taken_earns_for_that_part(settings: Any) -> None:
    settings.FUNDING_POLICY = "hold_then_capture"
    charge = approved(walkthrough_card())
    FundingObligation.objects.filter(pk=charge.obligation_id).update(released_minor=1500)
    rewards_book.book_charge(paid(charge).pk)

    entry = RewardEntry.objects.get()
    assert (entry.amount_minor, entry.units_micro) == (3000, 90_000_000)
    assert (entry.value_face_micro, entry.baseline_micro) == (900_000, 300_000)

    rewards_book.book_refund(refunded(charge, 3000).pk)
    assert sums() == NOTHING


def decline(charge: FundingCharge) -> FundingCharge:
    FundingCharge.objects.filter(pk=charge.pk).update(status="sending")
    outcome = Outcome("declined", f"pi_{charge.pk}", failure_code="insufficient_funds")
    assert outcomes.record(charge_id=charge.pk, outcome=outcome, actor="processor:stripe")
    return charge


def test_nothing_is_booked_for_what_has_not_succeeded_or_is_put_on_a_card() -> None:
    waiting = approved(walkthrough_card())
    with transaction():
        top_up = obligations.begin(
            method=waiting.method, reference="card_funding:1", purchase="card:1", description="x", money=Money(1, "USD")
        )
    top_up = paid(top_up)
    back = refunded(top_up, 1)

    assert not rewards_book.book_charge(waiting.pk)
    assert not rewards_book.book_charge(top_up.pk)
    assert not rewards_book.book_refund(back.pk)
    assert rewards_sweep.sweep() == rewards_sweep.Tally(0, 0)
    assert not RewardEntry.objects.exists()


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
@hypothesis_settings(max_examples=300)
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
    assert [total.worth.benefit for total in found] == [Decimal("-0.90"), Decimal("0.90")]
    assert [total.worth.benefit_percent for total in found] == [None, 200]
    assert [total.worth.spent_minor for total in found] == [-4500, 4500]
    assert [total.worth.charges for total in found] == [0, 1]


def test_a_sweep_looks_back_so_far_and_the_command_further(capsys: pytest.CaptureFixture[str]) -> None:
    charge = bought()
    long_ago = clock.now() - dt.timedelta(days=60)
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


def test_an_entry_is_never_changed_or_deleted() -> None:
    rewards_book.book_charge(bought().pk)
    for attempt in (
        lambda: RewardEntry.objects.update(units_micro=1),
        lambda: RewardEntry.objects.all().delete(),
    ):
        with pytest.raises((InternalError, IntegrityError)), savepoint():
            attempt()
    assert RewardEntry.objects.get().units_micro == 135_000_000


def test_a_purchase_without_any_decision_of_ours_is_booked_at_nothing() -> None:
    charge = bought()
    other = Authorization.objects.create(
        provider="stripe",
        issuer_authorization_id="iauth_theirs",
        status="approved",
        approved_minor=100,
        currency="USD",
        created_at=clock.now(),
        updated_at=clock.now(),
    )
    with transaction():
        theirs = obligations.begin(
            method=charge.method,
            reference="decision:theirs",
            purchase=f"authorization:{other.pk}",
            description="x",
            money=Money(100, "USD"),
        )
    assert not Decision.objects.filter(authorization=other).exists()
    assert rewards_book.book_charge(paid(theirs).pk)
    assert RewardEntry.objects.get(purchase=other).rate_milli == 0
