"""The odds of funding cards follow what their banks answered, and a backtest sees only what was known then."""

import datetime as dt

import pytest
from django.core.management import call_command
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from issuing.models import Decision
from onecard.kit import clock
from routing import preview
from routing.models import MethodOdds
from routing.odds import keeping, outcomes
from routing.odds.backtest import PastOdds
from routing.value.likelihood import START_PPM, Counts, Group, Odds, Record, odds_of_card
from tests.issuing.rewards.purchases import bought
from tests.support.factories import CardProductFactory, FundingMethodFactory
from tests.support.wallets import valued_card
from wallet.models import FundingCharge, FundingMethod

VISA, AMEX = Group("visa", "Chase"), Group("amex", "American Express")


def odds(record: Record, card: str, group: Group) -> Odds:
    return odds_of_card(record.counts_of, card, group)


def test_a_card_without_outcomes_has_the_rate_of_others_like_it() -> None:
    record = Record()
    assert odds(record, "1", VISA).approved_ppm == START_PPM
    record.add("2", VISA, Counts(20, 200))
    record.add("3", AMEX, Counts(400, 400))
    likely, unlikely = odds(record, "4", AMEX), odds(record, "5", VISA)
    assert unlikely.approved_ppm < 200_000 < 960_000 < likely.approved_ppm
    # Another issuer of the network has the network's rate, and its own outcomes weigh more than any prior.
    citi = Group("visa", "Citi")
    assert odds(record, "6", citi).approved_ppm < 300_000
    record.add("6", citi, Counts(500, 500))
    assert odds(record, "6", citi).approved_ppm > 950_000


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=60))
def test_odds_are_probabilities_and_an_approval_never_lowers_them(came_of: list[tuple[int, bool]]) -> None:
    record = Record()
    for card, came in came_of:
        group = (VISA, AMEX, Group("visa"))[card % 3]
        before = odds(record, str(card), group).approved_ppm
        record.add(str(card), group, Counts(int(came), 1))
        after = odds(record, str(card), group).approved_ppm
        assert 0 <= after <= 1_000_000
        assert after >= before if came else after <= before


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        ("succeeded", "", True),
        ("held", "", True),
        ("declined", "card_declined", False),
        ("declined", "some_new_code", False),
        ("requires_action", "authentication_required", False),
        ("declined", "amount_too_large", None),
        ("refused", "api_key_expired", None),
        ("refused", "some_new_code", None),
        ("unknown", "", None),
        ("canceled", "", None),
    ],
)
def test_only_what_a_cards_bank_answered_counts(status: str, code: str, expected: bool | None) -> None:
    assert outcomes.is_approval(status, code) is expected


@pytest.mark.django_db
def test_odds_are_kept_for_each_active_card_when_they_are_used() -> None:
    method = FundingMethodFactory(network="visa", product=CardProductFactory(network="visa", issuer="Chase"))
    other = FundingMethodFactory(network="visa", product=method.product)
    gone = FundingMethodFactory(status="disabled")
    charge = bought(valued_card())
    FundingCharge.objects.filter(pk=charge.pk).update(status="declined", method=method, failure_code="card_declined")
    assert keeping.sweep() == 0
    assert not MethodOdds.objects.exists()
    with override_settings(ROUTING_ODDS=True):
        assert keeping.sweep() == keeping.sweep() == FundingMethod.objects.filter(status="active").count()
    own, like_it = MethodOdds.objects.get(method=method), MethodOdds.objects.get(method=other)
    assert (own.approvals, own.attempts, own.prior_ppm) == (0, 1, START_PPM)
    assert own.approved_ppm == like_it.approved_ppm < START_PPM
    assert not MethodOdds.objects.filter(method=gone).exists()
    FundingCharge.objects.update(created_at=clock.now() - outcomes.RECENT - dt.timedelta(days=1))
    keeping.count_all(clock.now())
    own.refresh_from_db()
    assert (own.attempts, own.approved_ppm) == (0, START_PPM)


@pytest.mark.django_db
@override_settings(MERCHANT_MCC_PASSED_THROUGH=True)
def test_a_backtest_knows_only_the_outcomes_of_before(capsys: pytest.CaptureFixture[str]) -> None:
    card = valued_card()
    first, second = bought(card), bought(card)
    FundingCharge.objects.update(status="declined", failure_code="card_declined")
    start = clock.now() - dt.timedelta(hours=3)
    moments = [start, start + dt.timedelta(hours=1)]
    for charge, at in zip((first, second), moments, strict=True):
        FundingCharge.objects.filter(pk=charge.pk).update(created_at=at)
    trace, method = Decision.objects.order_by("pk")[0].trace, preview.method_of(first.method)
    past = PastOdds(since=start, until=clock.now())
    seen = [past.of_methods([method], at)[str(method.id)].approved_ppm for at in (*moments, clock.now())]
    assert seen[0] == START_PPM > seen[1] > seen[2]
    assert past.choose(trace).chosen is not None
    assert [(band.charges, band.approved) for band in past.calibration()] == [(1, 0), (1, 0)]
    call_command("backtest", since="2026-01-01", strategy="value_with_odds")
    assert "approvals expected and approved" in capsys.readouterr().out
