"""The grid of rankings: what each card earns at each MCC, in pages that stay small."""

import datetime as dt
import time
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from routing.models import RankingRow
from routing.rankings.grid import COLUMNS, ROWS
from tests.routing.rankings.drafting import draft_with, entry
from tests.support.back_office import logged_in, text_of
from tests.support.factories import CardProductFactory, RankingRowFactory
from wallet.models import CardProduct

pytestmark = pytest.mark.django_db
GRID = "admin:routing_rankingrow_grid"


def grid(client: Client | None = None, **asked: Any) -> Any:
    return (client or logged_in()).get(reverse(GRID), asked)


def cells(answer: Any) -> dict[tuple[str, str], str]:
    columns = [column.name for column in answer.context["grid"].columns]
    lines = answer.context["lines"]
    return {
        (category.code, name): cell.text + cell.marks
        for category, shown in lines
        for name, cell in zip(columns, shown, strict=True)
    }


def test_each_cell_says_what_the_card_earns_on_the_day() -> None:
    product = CardProductFactory(name="Custom Cash")
    RankingRowFactory(network="amex", reward_rate=4)
    RankingRowFactory(product=product, card_name="", reward_rate=5, reward_type="cash", valid_to=dt.date(2026, 6, 30))
    RankingRowFactory(product=product, card_name="", reward_rate=1, reward_type="cash", valid_from=dt.date(2026, 7, 1))

    june, july = (cells(grid(day=f"2026-0{month}-15")) for month in (6, 7))

    assert (june["5812", "Custom Cash"], july["5812", "Custom Cash"]) == ("5 %+1", "1 %+1")
    assert (june["5812", "American Express"], june["5812", "Visa"]) == ("4 pt", "·")


def test_overlaps_and_changes_of_a_draft_are_marked() -> None:
    product = CardProductFactory(name="Twice")
    for first in (dt.date(2026, 1, 1), dt.date(2026, 6, 1)):
        RankingRowFactory(product=product, card_name="", reward_rate=2, valid_from=first)
    draft = draft_with(entry(mcc="5411", network="amex"))
    client = logged_in()

    assert cells(grid(client, day="2026-07-01"))["5812", "Twice"] == "2 pt+1!"
    assert ("5411", "American Express") not in cells(grid(client))
    assert cells(grid(client, draft=draft.pk))["5411", "American Express"] == "3 %*"


def test_the_grid_is_filtered_by_group_mcc_and_card() -> None:
    CardProductFactory(name="Custom Cash")
    for mcc in ("5812", "5411", "4511"):
        RankingRowFactory(mcc=mcc)
    client = logged_in()

    def shown(**asked: Any) -> set[str]:
        return {mcc for mcc, _name in cells(grid(client, **asked))}

    assert shown() == {"5812", "5411", "4511"}
    assert shown(group="transport") == {"4511"}
    assert shown(mcc="Eating") == {"5812"}
    assert {name for _mcc, name in cells(grid(client, card="custom"))} == {"Custom Cash"}
    assert len(shown(all="on")) == ROWS
    assert "No MCC or card is like this" in text_of(grid(client, card="nobody"))


@pytest.mark.parametrize(
    "asked",
    [{"page": "x"}, {"cards": "-1"}, {"group": "nothing"}, {"day": "yesterday"}, {"draft": "9"}],
)
def test_a_parameter_that_means_nothing_is_no_error(asked: dict[str, str]) -> None:
    RankingRowFactory()

    assert grid(**asked).status_code == 200


def test_the_grid_stays_small_with_very_many_rankings(django_assert_max_num_queries: Any) -> None:
    CardProduct.objects.bulk_create(CardProductFactory.build(network="visa") for _ in range(110))
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO routing_rankingrow (mcc, scope, product_id, network, card_name, reward_rate, reward_type, "
            "annual_fee_minor, version, updated_at) SELECT code, 'product', p.id, '', '', 2, 'cash', 0, 1, now() "
            "FROM routing_merchantcategory CROSS JOIN wallet_cardproduct p"
        )
    assert RankingRow.objects.count() > 30_000
    client = logged_in()
    grid(client)

    with django_assert_max_num_queries(25):
        before = time.process_time()
        answer = grid(client, cards="3", page="2")
        spent_s = time.process_time() - before

    assert (len(answer.context["lines"]), len(answer.context["grid"].columns)) == (ROWS, COLUMNS)
    assert len(answer.content) < 300_000
    assert spent_s < 0.5
