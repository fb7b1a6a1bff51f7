"""The rows themselves: what the database and the admin's form refuse."""

from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError

from routing.models import RankingRow
from tests.support.factories import (
    CardholderFactory,
    CardProductFactory,
    FundingMethodFactory,
    RankingRowFactory,
    VirtualCardFactory,
)

pytestmark = pytest.mark.django_db


def test_factories_make_rows_that_pass_their_own_validation() -> None:
    person = CardholderFactory()
    rows = [
        person,
        FundingMethodFactory(cardholder=person),
        FundingMethodFactory(cardholder=person, product=CardProductFactory()),
        RankingRowFactory(),
        RankingRowFactory(product=CardProductFactory()),
        VirtualCardFactory(cardholder=person),
    ]
    for row in rows:
        row.full_clean()
    assert [method.position for method in person.funding_methods.all()] == [1, 2]


def test_two_rows_of_a_network_differ_by_card_name_or_first_day() -> None:
    RankingRowFactory(card_name="One")
    RankingRowFactory(card_name="Another")
    RankingRowFactory(card_name="One", valid_from="2026-01-01")
    with pytest.raises(IntegrityError, match="one_ranking_per_card_and_start"):
        RankingRowFactory(card_name="One")


@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        ({"scope": "product"}, "ranking_scope_names_its_subject"),
        ({"network": ""}, "ranking_scope_names_its_subject"),
        ({"reward_rate": Decimal("-0.001")}, "ranking_rate_not_negative"),
        ({"valid_from": "2026-02-01", "valid_to": "2026-01-31"}, "ranking_dates_in_order"),
    ],
)
def test_the_database_refuses_a_row_that_contradicts_itself(values: dict[str, Any], constraint: str) -> None:
    with pytest.raises(IntegrityError, match=constraint):
        RankingRowFactory(**values)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"scope": "product", "network": "visa"}, "names a card product"),
        ({"scope": "network", "network": ""}, "names a network"),
    ],
)
def test_the_form_says_in_words_what_the_database_would_refuse(values: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        RankingRow(mcc="5812", reward_rate=1, reward_type="cash", **values).clean()
