"""Rankings and rule numbers as staff edit them, and a decision's trace in words."""

from decimal import Decimal
from typing import Any

import pytest
from django.urls import reverse

from audit.models import Entry
from onecard.kit.money import Money
from routing import explain
from routing.models import MerchantCategory, PreferenceMultiplier, Threshold
from tests.support.back_office import logged_in, send, text_of
from tests.support.factories import CardProductFactory, RankingRowFactory


def page(name: str, view: str, *args: object) -> str:
    return reverse(f"admin:routing_{name}_{view}", args=args)


@pytest.mark.django_db
def test_rankings_are_found_by_category_network_type_and_scope() -> None:
    RankingRowFactory(mcc="5411", network="amex", reward_type="cash", card_name="Grocery card")
    RankingRowFactory(mcc="5812", product=CardProductFactory(name="Diner card"), card_name="")
    client = logged_in()

    def listed(query: str) -> tuple[bool, bool]:
        shown = text_of(client.get(f"{page('rankingrow', 'changelist')}?{query}"))
        return "Grocery card" in shown, "Diner card" in shown

    assert listed("") == (True, True)
    for query in ("mcc=5411", "network__exact=amex", "reward_type__exact=cash", "scope__exact=network", "q=grocery"):
        assert listed(query) == (True, False), query


@pytest.mark.django_db
def test_the_rule_numbers_are_set_but_neither_added_nor_deleted() -> None:
    client = logged_in()
    multiplier = PreferenceMultiplier.objects.get(preference="cash", reward_class="other")
    threshold = Threshold.objects.get(name="significantly_better")

    send(client, page("preferencemultiplier", "change", multiplier.pk), multiplier="0.6", preference="rewards")
    send(client, page("threshold", "change", threshold.pk), value="2", name="tie_within")

    multiplier.refresh_from_db()
    threshold.refresh_from_db()
    assert (multiplier.multiplier, multiplier.preference) == (Decimal("0.6"), "cash")
    assert (threshold.value, threshold.name) == (Decimal(2), "significantly_better")
    assert Entry.objects.filter(action__in=("preferencemultiplier.changed", "threshold.changed")).count() == 2
    for name, pk in (("preferencemultiplier", multiplier.pk), ("threshold", threshold.pk)):
        assert client.post(page(name, "add"), {}).status_code == 403
        assert client.post(page(name, "delete", pk), {"post": "yes"}).status_code == 403


@pytest.mark.django_db
def test_a_merchant_category_keeps_its_code_and_stays() -> None:
    client, category = logged_in(), MerchantCategory.objects.get(code="5812")

    send(client, page("merchantcategory", "change", category.pk), code="9999", description="Restaurants")

    category.refresh_from_db()
    assert (category.code, category.description) == ("5812", "Restaurants")
    assert client.post(page("merchantcategory", "delete", category.pk), {"post": "yes"}).status_code == 403


def seen(**changes: Any) -> dict[str, Any]:
    return {
        "method_id": 1,
        "name": "Gold",
        "network": "amex",
        "last_four": "8431",
        "is_backup": False,
        "left_out": "",
        "row_id": 7,
        "row_version": 3,
        "row_scope": "network",
        "reward_rate": "4",
        "reward_type": "points",
        "multiplier": "0.5",
        "effective_reward": "2",
    } | changes


@pytest.mark.django_db
def test_a_candidate_shows_its_numbers_or_why_it_was_left_out() -> None:
    left_out = {"left_out": "expired", "row_id": None, "reward_rate": None, "effective_reward": None, "method_id": 2}
    trace = {"chosen_method_id": 1, "candidates": [seen(), seen(**left_out)]}

    first, second = explain.candidates(trace, approved=True)

    assert (first.network, first.ranking, first.effective) == (
        "American Express",
        "7, version 3: A whole network",
        "2.00",
    )
    assert (first.is_chosen, first.left_out, second.is_chosen) == (True, "", False)
    assert (second.ranking, second.effective, second.left_out) == ("-", "-", "left out: expired")
    assert not any(line.is_chosen for line in explain.candidates(trace, approved=False))


def test_the_rule_sentence_has_the_compared_numbers() -> None:
    backup = seen(method_id=2, name="Double", is_backup=True, effective_reward="1.5")
    trace = {"significantly_better": "1.5", "candidates": [seen(), backup]}

    assert "Gold, earns 2.00" in explain.rule_sentence("backup_without_cash", trace)
    assert "it needs 2.25 (1.5 x the backup's 1.50)" in explain.rule_sentence("backup_without_cash", trace)
    assert explain.rule_sentence("a_rule_of_tomorrow", {}) == "a_rule_of_tomorrow"


def test_the_reward_is_the_walkthroughs() -> None:
    trace = {"chosen_method_id": 1, "candidates": [seen(reward_rate="3")]}

    found = explain.reward(trace, amount=Money(4500, "USD"))

    assert found is not None
    assert (found.units, [value for _, value in found.values]) == ("135 points", ["0.675 USD", "1.35 USD", "2.025 USD"])
    assert (found.baseline, found.benefit) == ("45 points at 1x, worth 0.45 USD", "+0.90 USD (+200 %)")


def test_cash_back_is_worth_its_face() -> None:
    trace = {"chosen_method_id": 1, "candidates": [seen(reward_rate="2", reward_type="cash")]}

    found = explain.reward(trace, amount=Money(4500, "USD"))

    assert found is not None
    assert (found.units, found.values) == ("0.90 USD cash back", [("at face value", "0.90 USD")])


@pytest.mark.parametrize("trace", [{}, {"candidates": None}, {"candidates": [{}]}, {"chosen_method_id": 5}])
def test_a_trace_that_lacks_things_is_shown_all_the_same(trace: dict[str, Any]) -> None:
    explain.candidates(trace, approved=True)
    explain.circumstances(trace)

    assert explain.reward(trace, amount=Money(100, "USD")) is None
    assert explain.rule_sentence("backup_without_cash", trace)
