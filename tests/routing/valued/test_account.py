"""A choice by value follows the processor account: its switch, and with odds its fees and each card's outcomes."""

import json
from typing import Any

import pytest
from django.test import override_settings

from onecard.kit import clock
from onecard.kit.money import Money
from routing import preview, reproduction, rulebook
from routing.models import MethodOdds
from routing.value.likelihood import Odds
from routing.valued import explaining
from routing.valued import trace as valued
from tests.support.wallets import valued_card
from wallet.models import Cardholder, ProcessorAccount, ProcessorFee

pytestmark = pytest.mark.django_db
SWITCH = ProcessorAccount.objects


@pytest.fixture
def holder() -> Cardholder:
    return valued_card().cardholder


def rank(holder: Cardholder, **more: Any) -> dict[str, Any]:
    asked = {"mcc": "5812", "currency": "USD", "amount_minor": 4500} | more
    trace = json.loads(json.dumps(preview.rank(holder, **asked)[1]))
    assert reproduction.differences(trace) == []
    return trace


def payer(trace: dict[str, Any]) -> str:
    return next(each["last_four"] for each in trace["candidates"] if each["method_id"] == trace["chosen_method_id"])


def likely(holder: Cardholder, last_four: str, ppm: int) -> None:
    method = holder.funding_methods.get(last_four=last_four)
    MethodOdds.objects.create(
        method=method, prior_ppm=ppm, approved_ppm=ppm, counted_at=clock.now(), approvals=0, attempts=0
    )  # fmt: skip


def test_the_next_purchase_follows_the_switch_of_the_account(holder: Cardholder) -> None:
    assert (payer(rank(holder)), rank(holder)["value"]["passed_through"]) == ("4444", False)
    SWITCH.update(passes_mcc=True)
    assert (payer(rank(holder)), rank(holder)["value"]["passed_through"]) == ("8431", True)
    SWITCH.update(passes_mcc=False)
    with override_settings(MERCHANT_MCC_PASSED_THROUGH=True):
        trace = rank(holder)
    found = explaining.explain(trace, amount=Money(4500, "USD"))
    assert found is not None
    assert "Only base rates count" in found.sentence
    assert not rulebook.catalogue_for(version=rulebook.current_version()).account.passes_mcc


def test_without_odds_nothing_is_read_or_kept_of_them(holder: Cardholder) -> None:
    SWITCH.update(passes_mcc=True)
    before = rank(holder, at=clock.now().replace(microsecond=0))
    likely(holder, "8431", 100_000)
    after = rank(holder, at=clock.now().replace(microsecond=0))
    assert payer(after) == payer(before) == "8431"
    assert "odds" not in after["value"]


def test_a_card_that_probably_declines_gives_way_and_the_trace_says_so(holder: Cardholder) -> None:
    SWITCH.update(passes_mcc=True)
    likely(holder, "8431", 400_000)
    trace = rank(holder, with_odds=True)
    assert (payer(trace), trace["rule"]) == ("4242", "likelier_to_pay")
    gold = str(holder.funding_methods.get(last_four="8431").pk)
    assert trace["value"]["odds"][gold] == [400_000, 0]
    found = explaining.explain(trace, amount=Money(4500, "USD"))
    assert found is not None
    assert found.chosen is not None
    assert found.chosen.expected is not None
    assert found.chosen.expected < found.chosen.net
    assert "likelier to decline" in found.sentence
    assert "95.0 %" in found.sentence
    certain = valued.again(trace["value"], {}, odds=dict.fromkeys(trace["value"]["odds"], Odds()))
    assert certain.chosen is not None
    assert certain.chosen.card.holding.card == gold
    changed = trace["value"] | {"odds": trace["value"]["odds"] | {gold: [1_000_000, 0]}}
    assert reproduction.differences(trace | {"value": changed})


def test_the_fee_of_a_network_counts_with_odds_only(holder: Cardholder) -> None:
    SWITCH.update(passes_mcc=True)
    ProcessorFee.objects.create(account=SWITCH.get(), network="amex", fee_bp=500)
    assert payer(rank(holder)) == "8431"
    trace = rank(holder, with_odds=True)
    assert payer(trace) == "4242"
    gold = next(each for each in trace["candidates"] if each["last_four"] == "8431")
    assert trace["value"]["odds"][str(gold["method_id"])][1] == 500
