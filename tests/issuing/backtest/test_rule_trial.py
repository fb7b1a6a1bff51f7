"""A personal rule tried on the purchases of the last days and on one purchase: what it would do, without effect."""

import datetime as dt
from typing import Any

import pytest

from issuing.backtest import rule_trial
from issuing.backtest.money import ALL
from issuing.backtest.rule_trial import Bought, Trial
from issuing.models import Decision, VirtualCard
from onecard.kit import clock
from onecard.kit.money import Money
from routing import personal_rules
from routing.models import CardSpend, PersonalRule, SpendBooking
from tests.support.controls import ask
from tests.support.factories import CardholderFactory, FundingMethodFactory
from tests.support.wallets import valued_card
from wallet.models import Cardholder, FundingCharge, FundingMethod

pytestmark = pytest.mark.django_db
STORED = (Decision, FundingCharge, PersonalRule, CardSpend, SpendBooking)
DINNER = Bought("5812", "Starbucks Coffee", Money(4_500, "USD"))


@pytest.fixture(autouse=True)
def _passed_through(settings: Any) -> None:
    settings.MERCHANT_MCC_PASSED_THROUGH = True


@pytest.fixture
def card() -> VirtualCard:
    return valued_card()


def never(method: FundingMethod, **more: Any) -> dict[str, Any]:
    return {"action": "never_this_card", "method": method, "merchants": [], "target_minor": 0, **more}


def tried(card: VirtualCard, values: dict[str, Any], **more: Any) -> Trial:
    with clock.ahead(dt.timedelta(seconds=1)):
        return rule_trial.try_rule(card.cardholder, values=values, **{"days": 30, **more})


def gold_of(card: VirtualCard) -> FundingMethod:
    return card.cardholder.funding_methods.get(network="amex")


def test_it_counts_the_purchases_that_another_card_would_have_paid(card: VirtualCard) -> None:
    with clock.ahead(dt.timedelta(days=-40)):
        assert ask(card, 4_500) == ""
    assert [ask(card, 4_500), ask(card, 1_000)] == ["", ""]
    before = [list(model.objects.order_by("pk").values()) for model in STORED]

    found = tried(card, never(gold_of(card), above_minor=2_000)).past

    ((_key, currency, sums),) = found.of(ALL)
    # Gold has 4 points at 1.5 cents; the Reserve comes next, with 3 points at 2 cents or less.
    assert (found.purchases, found.another_card, currency, sums.before_micro) == (2, 1, "USD", 3_300_000)
    assert sums.lost_micro == sums.before_micro - sums.after_micro > 0
    (changed,) = found.largest
    assert (changed.decision.paid.minor, changed.before.payer) == (4_500, gold_of(card).pk)
    assert changed.after.payer not in (None, changed.before.payer)
    assert tried(card, never(gold_of(card)), days=90).past.purchases == 3
    assert [list(model.objects.order_by("pk").values()) for model in STORED] == before


def test_one_purchase_is_decided_without_the_rule_and_with_it(card: VirtualCard) -> None:
    gold = gold_of(card)

    found = tried(card, never(gold, merchants=["Star"]), bought=DINNER)
    elsewhere = tried(card, never(gold, merchants=["Costco"]), bought=DINNER)

    assert found.another_card_pays
    assert found.without is not None
    assert found.without.chosen is not None
    assert found.with_rule is not None
    assert found.with_rule.chosen is not None
    assert (found.without.chosen.method_id, found.past.purchases) == (gold.pk, 0)
    assert found.with_rule.chosen.method_id != gold.pk
    assert not elsewhere.another_card_pays
    assert not PersonalRule.objects.exists()


def test_a_rule_is_tried_in_its_place_among_the_others(card: VirtualCard) -> None:
    citi, gold = card.cardholder.funding_methods.get(last_four="4444"), gold_of(card)
    first = personal_rules.add(card.cardholder, actor="user:1", action="use_this_card", method=citi)
    use_gold = never(gold, action="use_this_card")

    def payer(**more: Any) -> int | None:
        found = tried(card, use_gold, bought=DINNER, **more).with_rule
        return found.chosen.method_id if found is not None and found.chosen is not None else None

    assert payer(place=2) == citi.pk
    assert payer(place=1) == gold.pk
    assert payer(instead_of=first) == gold.pk
    assert PersonalRule.objects.get().method == citi


def test_somebody_elses_card_and_a_wrong_target_are_refused(card: VirtualCard) -> None:
    stranger = FundingMethodFactory(cardholder=CardholderFactory())
    for values in (never(stranger), never(gold_of(card), target_minor=100)):
        with pytest.raises(personal_rules.RuleRefusedError):
            tried(card, values)
    assert Cardholder.objects.count() == 2
