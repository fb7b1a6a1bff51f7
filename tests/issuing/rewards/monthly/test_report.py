"""The report of a month: from the wallet's rows, by the terms, and as they stand when somebody looks."""

import datetime as dt

import pytest
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from issuing.models import VirtualCard
from issuing.rewards import spend_sweep
from issuing.rewards.monthly.months import MonthError, month_before, month_for, month_named, span_of
from issuing.rewards.monthly.report import Report, reports_of
from issuing.rewards.monthly.words import hint_of, sentences
from onecard.kit import clock
from tests.issuing.rewards.monthly.months import move_to, next_month, this_month
from tests.issuing.rewards.purchases import bought, refunded
from tests.support.factories import CardholderFactory
from tests.support.wallets import valued_card, walkthrough_card
from wallet.models import FundingCharge, FundingMethod

pytestmark = pytest.mark.django_db


@pytest.fixture
def card() -> VirtualCard:
    return valued_card(
        daily_limit_minor=10_000_000, monthly_limit_minor=10_000_000, per_transaction_limit_minor=10_000_000
    )


def report_of(card: VirtualCard) -> Report:
    (found,) = reports_of(card.cardholder, this_month())
    return found


def test_dinner_earned_what_the_best_card_pays_and_nothing_was_left(card: VirtualCard) -> None:
    """45.00 USD at 4 points of 1.5 cents."""
    bought(card, amount=4500)
    found = report_of(card)

    assert (found.purchases, found.spent.minor, found.unknown.minor) == (1, 4500, 0)
    assert found.earned.minor == found.most.minor == found.baseline.minor == 270
    assert found.baseline_card.endswith("•••• 8431")
    assert (found.benefit.minor, found.left.minor, found.percent_of_most) == (0, 0, 100)
    lines = {each.last_four: (each.paid.minor, each.earned.minor) for each in found.cards}
    assert lines == {"8431": (4500, 270), "4242": (0, 0), "4444": (0, 0), "1117": (0, 0)}


def test_two_kinds_of_purchase_earn_more_than_one_card_alone(card: VirtualCard) -> None:
    bought(card, amount=10_000)
    bought(card, amount=10_000, mcc="8011")
    found = report_of(card)

    assert found.earned.minor == found.most.minor
    assert found.benefit.minor == found.earned.minor - found.baseline.minor > 0
    assert found.earned.minor == sum(each.earned.minor for each in found.cards)


def test_another_card_than_the_best_leaves_money_on_the_table(card: VirtualCard) -> None:
    charge = bought(card, amount=10_000)
    FundingCharge.objects.filter(pk=charge.pk).update(method=FundingMethod.objects.get(last_four="4444"))
    found = report_of(card)

    assert (found.earned.minor, found.most.minor) == (280, 600)
    assert found.left.minor == 320
    assert (found.baseline.minor, found.benefit.minor) == (600, -320)


def test_a_refund_of_a_later_month_changes_the_month_of_its_purchase(card: VirtualCard) -> None:
    charge = bought(card, amount=10_000)
    with next_month():
        refunded(charge, 4000)
        assert reports_of(card.cardholder, clock.now().date().replace(day=1)) == []

    assert report_of(card).spent.minor == 6000
    assert report_of(card).earned.minor == 360
    refunded(charge, 6000)
    assert reports_of(card.cardholder, this_month()) == []


def test_charges_that_failed_count_nothing(card: VirtualCard) -> None:
    charge = bought(card)
    FundingCharge.objects.filter(pk=charge.pk).update(status="declined")
    assert reports_of(card.cardholder, this_month()) == []


def test_what_earlier_months_took_of_a_cap_is_missing_in_this_one(card: VirtualCard) -> None:
    """Gold pays 4 points on 50,000 USD of dining a year; all but 1,000 of it went in January."""
    earlier = bought(card, amount=4_900_000)
    spend_sweep.sweep()
    bought(card, amount=200_000)
    month = this_month()
    if month.month == 1:
        pytest.skip("In January the year's cap is new.")
    move_to(earlier, dt.datetime.combine(month_before(month), dt.time(12), dt.UTC) + dt.timedelta(days=3))
    found = report_of(card)

    # 1,000 at 4 points of 1.5 cents; of the other 1,000 at most what the next best card pays for dining.
    assert found.spent.minor == 200_000
    assert 6000 + 1500 <= found.earned.minor <= found.most.minor < 12_000


def test_a_card_that_lacks_has_its_price(card: VirtualCard) -> None:
    month = this_month()
    charge = bought(card, amount=50_000)
    FundingMethod.objects.exclude(last_four="4242").update(status="removed")
    FundingCharge.objects.filter(pk=charge.pk).update(method=FundingMethod.objects.get(last_four="4242"))
    found = report_of(card)

    names = [each.product for each in found.new_cards]
    assert names
    assert all(each.net.minor <= each.gain.minor for each in found.new_cards)
    assert [each.net.minor for each in found.new_cards] == sorted((e.net.minor for e in found.new_cards), reverse=True)
    assert names[0] in hint_of(found)
    text = sentences([found])
    assert text.startswith(f"{month:%B %Y}: you spent 500.00 USD and earned ")
    assert len(text) < 500


def test_cards_without_terms_are_said_and_counted_in_no_sum() -> None:
    card = walkthrough_card()
    charge = bought(card)
    FundingCharge.objects.filter(pk=charge.pk).update(method=FundingMethod.objects.get(network="visa"))
    ranked = report_of(card)
    assert (ranked.unknown.minor, ranked.earned.minor) == (0, 45)

    bought(card, mcc="9999")
    both = report_of(card)
    assert (both.spent.minor, both.unknown.minor, both.purchases) == (9000, 4500, 1)
    assert both.earned.minor == 45


def test_the_number_of_queries_does_not_grow_with_purchases(card: VirtualCard) -> None:
    bought(card, amount=1000)
    report_of(card)
    with CaptureQueriesContext(connection) as one:
        report_of(card)
    for _ in range(3):
        bought(card, amount=1000)
    with CaptureQueriesContext(connection) as four:
        report_of(card)
    assert len(one) == len(four) <= 14


def test_where_no_category_is_passed_on_only_base_rates_count(card: VirtualCard) -> None:
    card.cardholder.preference = "cash"
    card.cardholder.save()
    bought(card, amount=10_000)
    assert not report_of(card).base_rates_only
    with override_settings(MERCHANT_MCC_PASSED_THROUGH=False):
        bare = report_of(card)
    assert bare.base_rates_only
    assert bare.most.minor < report_of(card).most.minor


def test_a_month_is_of_the_persons_own_calendar() -> None:
    since, until = span_of(dt.date(2026, 10, 1), "Pacific/Kiritimati")
    assert (since, until) == (
        dt.datetime(2026, 9, 30, 10, tzinfo=dt.UTC),
        dt.datetime(2026, 10, 31, 10, tzinfo=dt.UTC),
    )


@pytest.mark.parametrize("text", ["2026-13", "2026-1", "october", "\uff12026-10", "1999-01", "2026-10-01", ""])
def test_what_is_no_month_is_refused(text: str) -> None:
    with pytest.raises(MonthError, match="write it like 2026-10"):
        month_named(text)


def test_a_month_that_has_not_begun_is_refused() -> None:
    holder = CardholderFactory()
    assert month_for(holder) == month_before(this_month())
    with pytest.raises(MonthError, match="2099-01 has not begun; the latest month is "):
        month_for(holder, "2099-01")
