"""What a card costs a year: its product says so, or the ranking that names it."""

from decimal import Decimal
from typing import Any

import pytest

from onecard.kit.money import Money
from routing.annual_fees import annual_fees
from tests.support.factories import CardProductFactory, FundingMethodFactory, RankingRowFactory

pytestmark = pytest.mark.django_db


def test_a_product_says_its_fee_in_its_own_currency() -> None:
    card = FundingMethodFactory(product=CardProductFactory(annual_fee_minor=9_900, fee_currency="EUR"))
    free = FundingMethodFactory(product=CardProductFactory(annual_fee_minor=0))

    assert annual_fees([card, free], ["5812"]) == {card.pk: Money(9_900, "EUR"), free.pk: Money(0, "USD")}


def test_a_products_fee_counts_and_not_that_of_a_ranking() -> None:
    card = FundingMethodFactory(name="Gold", network="amex", product=CardProductFactory(annual_fee_minor=32_500))
    RankingRowFactory(mcc="5812", network="amex", card_name="Gold", annual_fee_minor=100)

    assert annual_fees([card], ["5812"]) == {card.pk: Money(32_500, "USD")}


def test_a_card_without_a_product_has_the_fee_of_its_ranking() -> None:
    card = FundingMethodFactory(name="Gold", network="amex", product=None)
    RankingRowFactory(mcc="5812", network="amex", card_name="Gold", annual_fee_minor=25_000)

    assert annual_fees([card], ["5812"]) == {card.pk: Money(25_000, "USD")}


@pytest.mark.parametrize(
    "ranking",
    [
        {"mcc": "5411"},
        {"network": "visa"},
        {"card_name": "Platinum"},
        {"card_name": ""},
    ],
)
def test_a_ranking_of_another_card_or_mcc_says_nothing(ranking: dict[str, str]) -> None:
    card = FundingMethodFactory(name="Gold", network="amex", product=None)
    RankingRowFactory(**{"mcc": "5812", "network": "amex", "card_name": "Gold", "annual_fee_minor": 25_000, **ranking})

    assert annual_fees([card], ["5812"]) == {}
    assert annual_fees([card], []) == {}


def test_of_rankings_that_contradict_the_newest_counts() -> None:
    card = FundingMethodFactory(name="Gold", network="amex", product=None)
    for mcc, fee, rate in (("5812", 100, 1), ("5411", 200, 2)):
        RankingRowFactory(mcc=mcc, network="amex", card_name="Gold", annual_fee_minor=fee, reward_rate=Decimal(rate))

    assert annual_fees([card], ["5812", "5411"]) == {card.pk: Money(200, "USD")}


def test_no_cards_cost_nothing_and_ask_nothing(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert annual_fees([], ["5812"]) == {}
