"""Strategy value in the product: the wallet's cards by their terms, rankings in their place, and the trace of it."""

import datetime as dt
import json
from typing import Any

import pytest
from django.test import override_settings

from routing import personal_rules, preview, reproduction
from routing.models import CardSpend, PersonalRule, SpacePrices
from tests.support.factories import FundingMethodFactory, RankingRowFactory
from tests.support.wallets import valued_card
from wallet.models import Cardholder, CardProduct, FundingMethod

pytestmark = pytest.mark.django_db
AT = dt.datetime(2025, 11, 15, 17, tzinfo=dt.UTC)
PASSED_THROUGH = override_settings(MERCHANT_MCC_PASSED_THROUGH=True)


@pytest.fixture
def holder() -> Cardholder:
    """The walkthrough's person with terms for each card, who wants the most money."""
    return valued_card().cardholder


def rank(holder: Cardholder, mcc: str = "5812", **more: Any) -> dict[str, Any]:
    """The trace of a purchase, as JSON has it; it is decided again from the trace, which must give the same."""
    holder.refresh_from_db()
    choice, trace = preview.rank(holder, mcc=mcc, currency="USD", at=AT, **({"amount_minor": 4500} | more))
    stored = json.loads(json.dumps(trace))
    assert reproduction.differences(stored) == []
    assert choice.rule == stored["rule"]
    return stored


def paid_by(trace: dict[str, Any]) -> str:
    return next(
        (each["last_four"] for each in trace["candidates"] if each["method_id"] == trace["chosen_method_id"]), ""
    )


@PASSED_THROUGH
def test_the_walkthroughs_purchase_goes_to_the_card_that_earns_most(holder: Cardholder) -> None:
    trace = rank(holder)
    assert (paid_by(trace), trace["strategy"], trace["rule"]) == ("8431", "value", "highest_value")
    gold = trace["candidates"][0]
    assert (gold["reward_rate"], gold["multiplier"], gold["effective_reward"]) == ("4", "1.5", "6")
    part = next(each for each in trace["value"]["cards"] if each["card"] == str(gold["method_id"]))["parts"][0]
    assert (part["bonus"], part["cap"], part["left_before_minor"]) == ("dining", "dining", 5_000_000)


@override_settings(MERCHANT_MCC_PASSED_THROUGH=False)
def test_without_pass_through_only_base_rates_count(holder: Cardholder) -> None:
    RankingRowFactory(product=CardProduct.objects.get(key="amex-gold"), network="", reward_rate=9)
    trace = rank(holder)
    assert (paid_by(trace), trace["value"]["passed_through"]) == ("4444", False)
    assert {each["reward_rate"] for each in trace["candidates"]} == {"2", "1"}


@PASSED_THROUGH
def test_a_cap_that_is_used_up_gives_way_to_another_card(holder: Cardholder) -> None:
    gold = holder.funding_methods.get(last_four="8431")
    CardSpend.objects.create(
        method=gold, name="dining", starts_on=dt.date(2025, 1, 1), pending_minor=2_000_000, posted_minor=2_998_000
    )
    with_room = rank(holder, amount_minor=2000)
    assert paid_by(with_room) == "8431"
    crossing = rank(holder, amount_minor=10_000)
    parts = next(each for each in crossing["value"]["cards"] if each["card"] == str(gold.pk))["parts"]
    assert [(each["amount_minor"], each["rate"]) for each in parts] == [(2000, "4"), (8000, "1")]
    assert paid_by(crossing) == "4242"


@PASSED_THROUGH
def test_scarce_space_is_kept_for_what_no_other_card_rewards(holder: Cardholder) -> None:
    gold = holder.funding_methods.get(last_four="8431")
    room, price = 5_000_000, 4_000_000
    SpacePrices.objects.create(
        cardholder=holder, made_at=AT,
        prices={"space": [[str(gold.pk), "dining", "2025-01-01", [0, room], [0, room * price]]]},
    )  # fmt: skip
    trace = rank(holder)
    assert (paid_by(trace), trace["rule"]) == ("4242", "space_kept_for_later")


@PASSED_THROUGH
def test_a_bill_that_is_due_is_not_expected_a_second_time(holder: Cardholder) -> None:
    """Internet bills are expected to fill the top category's cap, but of Fibre only this one."""
    custom = holder.funding_methods.get(last_four="8431")
    FundingMethod.objects.filter(pk=custom.pk).update(product=CardProduct.objects.get(key="citi-custom-cash"))
    slot, full = [str(custom.pk), "top", "2025-11-01"], 50_000 * 5_000_000
    prices = {
        "tops": [[*slot, "streaming", [0, 50_000], [0, full], 0, 70_000]],
        "paid": [[*slot, "streaming", "4899", "Fibre", [0, 50_000], [0, 0], 0, 0]],
    }
    SpacePrices.objects.create(cardholder=holder, made_at=AT, prices=prices)
    assert paid_by(rank(holder, "4899", merchant="Cable", amount_minor=70_000)) != "8431"
    assert paid_by(rank(holder, "4899", merchant="Fibre", amount_minor=70_000)) == "8431"


@PASSED_THROUGH
def test_what_the_person_says_of_points_and_quarters_counts(holder: Cardholder) -> None:
    assert paid_by(rank(holder, "5912")) == "4444"
    FundingMethod.objects.filter(last_four="1117").update(activations={"2025Q4": None})
    assert paid_by(rank(holder, "5912")) == "1117"
    Cardholder.objects.update(point_cents={"chase_ur": "8"})
    assert paid_by(rank(holder, "5912")) == "4242"


@PASSED_THROUGH
def test_a_ranking_of_the_product_beats_its_terms_and_of_the_network_not(holder: Cardholder) -> None:
    RankingRowFactory(network="visa", card_name="", reward_rate=9, reward_type="points")
    assert paid_by(rank(holder)) == "8431"
    sapphire = CardProduct.objects.get(key="chase-sapphire-reserve")
    row = RankingRowFactory(product=sapphire, network="", reward_rate=9, reward_type="points")
    trace = rank(holder)
    assert paid_by(trace) == "4242"
    assert (trace["candidates"][0]["row_id"], trace["candidates"][0]["row_scope"]) == (row.pk, "product")
    assert rank(holder, "5814")["candidates"][0]["row_scope"] == "terms"


@PASSED_THROUGH
def test_a_card_without_terms_stands_by_its_networks_ranking(holder: Cardholder) -> None:
    FundingMethodFactory(cardholder=holder, last_four="0001", network="visa")
    unknown = rank(holder, "7032")
    assert {"no_ranking_row"} == {each["left_out"] for each in unknown["candidates"] if each["last_four"] == "0001"}
    RankingRowFactory(mcc="7032", network="visa", card_name="", reward_rate=9, reward_type="cash")
    assert paid_by(rank(holder, "7032")) == "0001"


@PASSED_THROUGH
def test_the_foreign_fee_flips_the_choice(holder: Cardholder) -> None:
    assert paid_by(rank(holder, "5944")) == "4444"
    abroad = rank(holder, "5944", country="FR")
    assert paid_by(abroad) == "4242"
    citi = holder.funding_methods.get(last_four="4444")
    shown = next(each for each in abroad["value"]["cards"] if each["card"] == str(citi.pk))
    assert shown["fee"] == 3_000_000 * 4500


@PASSED_THROUGH
def test_who_may_not_pay_is_left_out_with_the_reason(holder: Cardholder) -> None:
    FundingMethod.objects.filter(last_four="8431").update(status="disabled")
    trace = rank(holder)
    assert paid_by(trace) == "4242"
    assert trace["candidates"][-1]["left_out"] == "not_active"
    FundingMethod.objects.update(status="disabled")
    assert rank(holder)["rule"] == "no_funding_card"


@PASSED_THROUGH
@override_settings(ROUTING_STRATEGY="value")
def test_the_programme_may_decide_all_purchases_by_value(holder: Cardholder) -> None:
    Cardholder.objects.update(preference="cash")
    trace = rank(holder)
    assert (trace["preference"], trace["strategy"], paid_by(trace)) == ("cash", "value", "8431")


@PASSED_THROUGH
def test_a_personal_rule_goes_before_the_optimiser(holder: Cardholder) -> None:
    citi, gold = holder.funding_methods.get(last_four="4444"), holder.funding_methods.get(last_four="8431")
    personal_rules.add(holder, actor="user:1", action="use_this_card", method=citi, merchants=["Costco"])
    assert paid_by(rank(holder, merchant="Starbucks")) == "8431"
    trace = rank(holder, merchant="COSTCO WHSE 12")
    assert (paid_by(trace), trace["rule"]) == ("4444", "personal_rule")
    assert (trace["value"]["decided_by"], trace["candidates"][0]["last_four"]) == (
        PersonalRule.objects.get().pk,
        "8431",
    )
    never = personal_rules.add(holder, actor="user:1", action="never_this_card", method=gold)
    trace = rank(holder)
    assert (paid_by(trace), trace["candidates"][-1]["left_out"]) == ("4242", f"personal_rule_{never.pk}")


@PASSED_THROUGH
def test_a_rule_is_tried_without_effect_and_overlaps_are_found(holder: Cardholder) -> None:
    gold = holder.funding_methods.get(last_four="8431")
    values = {"action": "never_this_card", "method": gold, "merchants": []}
    choice, _trace = personal_rules.attempt(holder, values=values, mcc="5812", currency="USD", at=AT, amount_minor=4500)
    assert choice.method is not None
    assert choice.method.last_four == "4242"
    assert not PersonalRule.objects.exists()
    assert paid_by(rank(holder)) == "8431"

    first = personal_rules.add(holder, actor="user:1", action="use_this_card", method=gold, position=1)
    second = personal_rules.add(holder, actor="user:1", **values)
    rules = personal_rules.rules_of_person(holder)
    assert personal_rules.overlaps(rules) == [(first, second)]


def test_a_rule_about_a_card_of_somebody_else_is_refused(holder: Cardholder) -> None:
    other = FundingMethodFactory()
    with pytest.raises(personal_rules.RuleRefusedError, match="another wallet"):
        personal_rules.add(holder, actor="user:1", action="use_this_card", method=other)
    with pytest.raises(personal_rules.RuleRefusedError, match="needs an amount"):
        personal_rules.add(
            holder, actor="user:1", action="reach_a_spend_target", method=holder.funding_methods.all()[0]
        )
    assert not PersonalRule.objects.exists()
