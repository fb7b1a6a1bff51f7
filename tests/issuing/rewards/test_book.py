"""What the rewards book holds of a charge: the walkthrough's numbers, each currency, each card."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, InternalError

from issuing.models import Authorization, Decision, RewardEntry, VirtualCard
from issuing.rewards import book as rewards_book
from issuing.rewards import sweep as rewards_sweep
from issuing.rewards.totals import totals
from onecard.kit import clock
from onecard.kit.money import Money
from onecard.kit.transactions import savepoint, transaction
from tests.issuing.rewards.purchases import NOTHING, bought, one_card_wallet, paid, refunded, sums
from tests.support import stripe_events
from tests.support.factories import (
    CardholderFactory,
    CardProductFactory,
    FundingMethodFactory,
    RankingRowFactory,
    VirtualCardFactory,
)
from tests.support.wallets import walkthrough_card
from wallet.charges import cascade, outcomes
from wallet.models import FundingCharge, FundingMethod, FundingObligation
from wallet.obligations import lifecycle as obligations
from wallet.processors.base import Outcome

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
    assert (total.value.benefit, total.value.benefit_percent) == (Decimal("0.90"), 200)
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
    assert (total.value.benefit, total.value.benefit_percent) == (Decimal("-0.45"), -100)
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
