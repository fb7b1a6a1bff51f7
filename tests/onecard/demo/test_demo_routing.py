"""Who pays in the demo world: the spec's two worked examples exactly, and each promised category once."""

import datetime as dt
from decimal import Decimal

import pytest

from onecard.demo.world import seed_demo_world
from routing import rulebook
from routing.engine import Choice, Method, Purchase, choose
from routing.models import Rulebook
from wallet.models import FundingMethod

pytestmark = pytest.mark.django_db


def purchase_at(mcc: str, preference: str = "cash") -> Choice:
    seed_demo_world()
    now = dt.datetime(2026, 3, 15, 12, tzinfo=dt.UTC)
    rules, rows, _ = rulebook.rules_for(version=Rulebook.objects.get().version, mcc=mcc)
    methods = [as_seen(method) for method in FundingMethod.objects.order_by("id")]
    return choose(Purchase(mcc, "USD", now, now.date()), methods, rows, preference, rules)


def as_seen(method: FundingMethod) -> Method:
    return Method(
        id=method.pk,
        name=method.name,
        network=method.network,
        product_id=method.product_id,
        last_four=method.last_four,
        processor_method_id=method.processor_method_id,
        active=method.status == "active",
        expiry_year=method.expiry_year,
        expiry_month=method.expiry_month,
        cooling_until=method.cooling_until,
        currencies=tuple(method.currencies),
        is_backup=method.is_backup,
        position=method.position,
    )


def test_the_walkthroughs_purchase_at_a_restaurant() -> None:
    choice = purchase_at("5812")
    assert choice.rule == "backup_without_cash"
    assert choice.method is not None
    assert (choice.method.name, choice.method.processor_method_id) == (
        "Citi Double Cash Card",
        "pm_1SG9fyQLFtcEJSwHCV4rm2SC",
    )
    assert [(seen.method.name, seen.effective_reward) for seen in choice.candidates] == [
        ("American Express Gold Card", Decimal("2.00")),
        ("Citi Double Cash Card", Decimal("1.50")),
        ("Chase Sapphire Reserve", Decimal("0.50")),
        ("Discover it Cash Back", Decimal("0.50")),
    ]


def test_groceries() -> None:
    choice = purchase_at("5411")
    assert choice.rule == "significantly_better_than_backup"
    assert [(seen.method.name, seen.effective_reward) for seen in choice.candidates] == [
        ("Discover it Cash Back", Decimal("2.50")),
        ("American Express Gold Card", Decimal("2.00")),
        ("Citi Double Cash Card", Decimal("0.50")),
        ("Chase Sapphire Reserve", Decimal("0.50")),
    ]


@pytest.mark.parametrize(
    ("mcc", "for_cash", "rule", "for_rewards"),
    [
        ("5812", "Citi", "backup_without_cash", "American Express"),
        ("5814", "Citi", "highest_with_cash_available", "American Express"),
        ("5411", "Discover", "significantly_better_than_backup", "Discover"),
        ("5541", "Citi", "highest_with_cash_available", "Citi"),
        ("5912", "Discover", "highest_with_cash_available", "Discover"),
        ("4111", "Chase", "significantly_better_than_backup", "Chase"),
        ("4121", "Chase", "significantly_better_than_backup", "Chase"),
        ("4511", "Chase", "significantly_better_than_backup", "Chase"),
        ("4722", "Chase", "significantly_better_than_backup", "Chase"),
        ("5399", "Citi", "highest_with_cash_available", "Citi"),
        ("5815", "Citi", "highest_with_cash_available", "Citi"),
        ("7011", "Chase", "significantly_better_than_backup", "Chase"),
        ("7512", "Chase", "significantly_better_than_backup", "Chase"),
        ("7997", "Citi", "backup_without_cash", "Citi"),
        ("0742", "Citi", "backup_unranked", "Citi"),
    ],
)
def test_each_category(mcc: str, for_cash: str, rule: str, for_rewards: str) -> None:
    cash, rewards = purchase_at(mcc), purchase_at(mcc, "rewards")
    assert cash.method is not None
    assert rewards.method is not None
    assert (cash.method.name.startswith(for_cash), cash.rule) == (True, rule)
    assert rewards.method.name.startswith(for_rewards)
