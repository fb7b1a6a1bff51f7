"""The caps of funding cards: filled by charges, given back by refunds, once each, and equal to what the rows say."""

import datetime as dt
from typing import Any

import pytest
from django.test import override_settings

from issuing.models import Decision, VirtualCard
from issuing.rewards import space_prices, spend_sweep
from issuing.rewards.spend_book import book_spend
from onecard.kit import clock
from routing.models import CardSpend, SpacePrices, SpendBooking
from tests.issuing.rewards.purchases import bought, ended, paid, refunded
from tests.support import stripe_events
from tests.support.threads import at_once
from tests.support.wallets import valued_card
from wallet.models import FundingCharge, FundingMethod

pytestmark = [pytest.mark.django_db]


@pytest.fixture(autouse=True)
def _passed_through() -> Any:
    with override_settings(MERCHANT_MCC_PASSED_THROUGH=True):
        yield


def approved(card: VirtualCard, amount: int = 4500) -> FundingCharge:
    asked = stripe_events.authorization_request(card=card.issuer_card_id, amount=amount)
    assert stripe_events.post(asked).json()["approved"] is True
    return FundingCharge.objects.latest("pk")


def sums() -> dict[tuple[str, str], tuple[int, int]]:
    return {
        (row.method.last_four, row.name): (row.pending_minor, row.posted_minor)
        for row in CardSpend.objects.select_related("method")
    }


def test_a_decision_by_value_fills_the_cap_of_its_card() -> None:
    card = valued_card()
    charge = approved(card)
    decision = Decision.objects.get()
    assert (charge.method.last_four, decision.rule) == ("8431", "highest_value")
    assert not CardSpend.objects.exists()

    assert spend_sweep.sweep() == 1
    assert sums() == {("8431", "dining"): (4500, 0)}
    assert CardSpend.objects.get().starts_on == dt.date(decision.decided_at.year, 1, 1)

    paid(charge)
    spend_sweep.sweep()
    spend_sweep.sweep()
    assert sums() == {("8431", "dining"): (0, 4500)}
    assert spend_sweep.differences() == []

    again = approved(card)
    saw = Decision.objects.latest("pk").trace["value"]
    assert again.method.last_four == "8431"
    assert saw["spend"] == [[str(charge.method_id), "dining", "", f"{decision.decided_at.year}-01-01", 0, 4500]]


def test_refunds_give_space_back_and_a_failed_one_takes_it_again() -> None:
    charge = bought(valued_card(), amount=1000)
    spend_sweep.sweep()
    refund = refunded(charge, 333)
    refunded(charge, 333)
    spend_sweep.sweep()
    assert sums() == {("8431", "dining"): (0, 334)}
    ended(refund, "failed")
    spend_sweep.sweep()
    assert sums() == {("8431", "dining"): (0, 667)}
    assert spend_sweep.differences() == []


def test_a_refund_that_is_counted_is_not_booked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    charge = bought(valued_card(), amount=1000)
    refund = refunded(charge, 333)
    refund.refresh_from_db()
    assert spend_sweep.sweep() == 1
    assert spend_sweep.sweep() == 0

    # As if the refund had become visible only after that look.
    SpendBooking.objects.update(kept_minor=1000)
    assert spend_sweep.sweep() == 1
    assert SpendBooking.objects.get().kept_minor == 667

    with clock.ahead(2 * spend_sweep.OVERLAP):
        assert spend_sweep.sweep() == 0
        assert SpendBooking.objects.get().looked_at > refund.finished_at + spend_sweep.OVERLAP
        monkeypatch.setattr(spend_sweep, "behind", pytest.fail)
        assert spend_sweep.sweep() == 0


def test_only_the_frequent_sweep_ends_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    card = valued_card()
    for _ in range(4):
        bought(card, amount=1000)
    monkeypatch.setattr(spend_sweep, "WORK_S", 0.0)
    assert [spend_sweep.sweep() for _ in range(2)] == [1, 1]
    assert spend_sweep.sweep(days=2) == 2
    assert sums() == {("8431", "dining"): (0, 4000)}


def test_a_declined_charge_gives_its_space_back_and_the_next_card_counts() -> None:
    card = valued_card()
    charge = approved(card)
    spend_sweep.sweep()
    FundingCharge.objects.filter(pk=charge.pk).update(status="declined")
    other = FundingCharge.objects.create(
        obligation=charge.obligation, sequence=2, status="intended", idempotency_key="charge:other:2",
        method=FundingMethod.objects.get(last_four="4242"), created_at=charge.created_at, updated_at=charge.updated_at,
    )  # fmt: skip
    spend_sweep.sweep()
    assert sums() == {("8431", "dining"): (0, 0)}
    assert list(SpendBooking.objects.order_by("pk").values_list("status", "charge_id")) == [
        ("released", charge.pk),
        ("pending", other.pk),
    ]


def test_other_strategies_fill_caps_as_well() -> None:
    card = valued_card()
    card.cardholder.preference = "rewards"
    card.cardholder.save()
    charge = approved(card)
    spend_sweep.sweep()
    assert charge.method.last_four == "8431"
    assert "value" not in Decision.objects.get().trace
    assert sums() == {("8431", "dining"): (4500, 0)}


def test_sums_that_went_wrong_are_found_and_made_anew() -> None:
    charge = bought(valued_card())
    spend_sweep.sweep()
    before = sums()
    CardSpend.objects.update(posted_minor=1)
    (sentence,) = spend_sweep.differences()
    assert f"Card {charge.method_id}, dining" in sentence
    assert spend_sweep.rebuild() == 1
    assert (sums(), spend_sweep.differences()) == (before, [])


@pytest.mark.django_db(transaction=True)
def test_concurrent_sweeps_count_a_charge_once() -> None:
    charge = bought(valued_card())
    at_once([lambda: book_spend(charge.pk)] * 8)
    assert sums() == {("8431", "dining"): (0, 4500)}
    assert SpendBooking.objects.count() == 1


def test_the_space_of_caps_is_priced_for_who_decides_by_value() -> None:
    card = valued_card()
    charge = bought(card)
    FundingMethod.objects.filter(last_four="1117").update(activations=dict.fromkeys(quarters()))
    spend_sweep.sweep()
    assert space_prices.sweep() == 1
    kept = SpacePrices.objects.get(cardholder=card.cardholder)
    caps = {each[1] for each in kept.prices["space"]}
    assert {"dining", "supermarkets"} <= caps
    assert space_prices.sweep() == 0
    approved(card)
    seen = Decision.objects.latest("pk").trace["value"]["prices"]["space"]
    assert [each[:2] for each in seen] == [[str(charge.method_id), "dining"]]


def quarters() -> list[str]:
    return [f"{year}Q{quarter}" for year in (2025, 2026, 2027) for quarter in (1, 2, 3, 4)]
