"""An import is all or nothing, touches only what differs, and what was exported can be imported again."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings

from audit.models import Entry
from routing.models import RankingRow, Rulebook
from routing.rankings.entry import RankingsError
from routing.rankings.importing import ImportResult, export_rankings
from tests.routing.rankings.ranking_files import HEADER, card, csv_of, json_of, take
from tests.support.factories import CardProductFactory, RankingRowFactory
from tests.support.locks import held_elsewhere
from tests.support.threads import at_once

pytestmark = pytest.mark.django_db


def stored() -> list[tuple[Any, ...]]:
    fields = ["mcc", "scope", "product__key", "network", "card_name", "reward_rate", "reward_type", "annual_fee_minor"]
    return list(RankingRow.objects.order_by("id").values_list(*fields, "valid_from", "valid_to"))


def test_the_walkthroughs_json_becomes_network_rows() -> None:
    text = json_of(
        card(cardName="American Express® Gold Card", cardKey="American Express"),
        card(cardName="SavorOne", cardKey="MasterCard", rewardAmount=3, rewardType="cash back", annualFee=0),
        card(cardName="Sapphire", cardKey="visa", rewardAmount=1.5, rewardType="MILES", annualFee=99.5),
        card(cardName="it", cardKey="Discover", rewardAmount=0, rewardType="default", annualFee=0),
    )
    assert take(text, "json") == ImportResult(created=4, updated=0, unchanged=0)
    assert stored() == [
        ("5812", "network", None, "amex", "American Express® Gold Card", 4, "points", 25000, None, None),
        ("5812", "network", None, "mastercard", "SavorOne", 3, "cash", 0, None, None),
        ("5812", "network", None, "visa", "Sapphire", Decimal("1.5"), "miles", 9950, None, None),
        ("5812", "network", None, "discover", "it", 0, "default", 0, None, None),
    ]


def test_several_cards_of_a_network_stay_apart_by_their_names() -> None:
    assert take(json_of(card(cardName="One"), card(cardName="Two")), "json").created == 2


def test_csv_has_product_rows_and_dates_too() -> None:
    CardProductFactory(key="citi-double-cash")
    text = csv_of(
        "5411,product,citi-double-cash,,,2,cash,,2026-01-01,2026-03-31",
        '5411,Network,,AMEX,"Gold, the",4.125,POINTS,325,,',
    )
    assert take(text, "csv").created == 2
    first, last = dt.date(2026, 1, 1), dt.date(2026, 3, 31)
    assert stored() == [
        ("5411", "product", "citi-double-cash", "", "", 2, "cash", 0, first, last),
        ("5411", "network", None, "amex", "Gold, the", Decimal("4.125"), "points", 32500, None, None),
    ]


def test_the_same_file_again_touches_nothing() -> None:
    text = json_of(card(cardName="One"), card(cardName="Two"))
    take(text, "json")
    before = list(RankingRow.objects.values()), Rulebook.objects.get().version, Entry.objects.count()
    assert take(text, "json") == ImportResult(created=0, updated=0, unchanged=2)
    assert before == (list(RankingRow.objects.values()), Rulebook.objects.get().version, Entry.objects.count())


def test_only_rows_that_differ_are_touched() -> None:
    take(json_of(card(cardName="One"), card(cardName="Two")), "json")
    RankingRowFactory(card_name="Not in the file")
    result = take(json_of(card(cardName="One"), card(cardName="Two", rewardAmount=5), card(cardName="New")), "json")
    assert result == ImportResult(created=1, updated=1, unchanged=1)
    rows = {row.card_name: (row.reward_rate, row.version) for row in RankingRow.objects.all()}
    assert rows == {"One": (4, 1), "Two": (5, 2), "New": (4, 1), "Not in the file": (1, 1)}


@pytest.mark.parametrize(
    "change", [{"rewardAmount": 3}, {"rewardType": "Cash"}, {"annualFee": 251}], ids=lambda change: next(iter(change))
)
def test_a_change_of_any_value_is_an_update(change: dict[str, Any]) -> None:
    take(json_of(card()), "json")
    assert take(json_of(card(**change)), "json").updated == 1
    assert take(json_of(card(**change)), "json").unchanged == 1


def test_a_new_last_day_updates_and_a_new_first_day_adds_a_row() -> None:
    take(csv_of("5812,network,,amex,Gold,4,points,0,2026-01-01,2026-03-31"), "csv")
    assert take(csv_of("5812,network,,amex,Gold,4,points,0,2026-01-01,2026-04-30"), "csv").updated == 1
    assert take(csv_of("5812,network,,amex,Gold,4,points,0,2026-05-01,"), "csv").created == 1


def test_without_update_what_is_stored_stays() -> None:
    take(json_of(card()), "json")
    assert take(json_of(card(rewardAmount=9), card(cardName="New")), "json", update=False) == ImportResult(1, 0, 1)
    assert RankingRow.objects.get(card_name="Gold").reward_rate == 4


def test_a_dry_run_counts_and_writes_nothing() -> None:
    take(json_of(card()), "json")
    before = list(RankingRow.objects.values()), Rulebook.objects.get().version, Entry.objects.count()
    result = take(json_of(card(rewardAmount=9), card(cardName="New")), "json", dry_run=True)
    assert result == ImportResult(created=1, updated=1, unchanged=0)
    assert before == (list(RankingRow.objects.values()), Rulebook.objects.get().version, Entry.objects.count())


def test_one_bad_row_among_good_ones_leaves_nothing_imported() -> None:
    with pytest.raises(RankingsError, match=r"some.json has 1 mistake, so nothing was imported:\n  line 4: "):
        take(json_of(card(cardName="One"), card(rewardAmount=-1), card(cardName="Two")), "json")
    assert not RankingRow.objects.exists()
    assert not Entry.objects.exists()


def test_all_bad_rows_are_named_together_up_to_twenty() -> None:
    with pytest.raises(RankingsError) as caught:
        take(csv_of(*[f"9{number},network,,visa,,1,cash,,," for number in range(25)]), "csv")
    lines = caught.value.message.splitlines()
    assert lines[0] == "some.csv has 25 mistakes, so nothing was imported:"
    assert [line.split(":")[0] for line in lines[1:21]] == [f"  line {number}" for number in range(2, 22)]
    assert lines[21:] == ["  and 5 more"]


def test_a_failure_while_writing_leaves_nothing_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("routing.rankings.published.BATCH_ROWS", 2)

    def fail_on_the_second_batch(done: int, _total: int) -> None:
        if done > 2:
            raise RuntimeError

    cards = [card(cardName=f"Card {number}") for number in range(5)]
    with pytest.raises(RuntimeError):
        take(json_of(*cards), "json", progress=fail_on_the_second_batch)
    assert not RankingRow.objects.exists()


@pytest.mark.parametrize(
    "elsewhere", ["LOCK TABLE routing_rankingrow IN ROW EXCLUSIVE MODE", "SELECT * FROM routing_rulebook FOR UPDATE"]
)
def test_an_import_does_not_wait_for_ever_for_another_editor(elsewhere: str) -> None:
    busy = "some.json was not imported: somebody else is changing the rules. Wait for that to end, then try again."
    with held_elsewhere(elsewhere), pytest.raises(RankingsError, match=busy):
        take(json_of(card()), "json")
    assert not RankingRow.objects.exists()


def test_progress_counts_up_to_the_rows_that_are_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("routing.rankings.published.BATCH_ROWS", 2)
    heard: list[tuple[int, int]] = []
    cards = [card(cardName=f"Card {number}") for number in range(5)]
    take(json_of(*cards), "json", progress=lambda done, total: heard.append((done, total)))
    assert heard == [(2, 5), (4, 5), (5, 5)]


def test_the_trail_records_an_import_that_changed_rows() -> None:
    take(json_of(card()), "json")
    entry = Entry.objects.get()
    assert (entry.actor, entry.action) == ("system:import_rankings", "rankings.imported")
    assert {name: entry.details[name] for name in ("source", "created", "updated", "unchanged")} == {
        "source": "some.json",
        "created": 1,
        "updated": 0,
        "unchanged": 0,
    }
    assert len(entry.details["sha256"]) == 64


def test_csv_holds_every_row_and_comes_back_as_it_was() -> None:
    make_one_of_each()
    before = stored()
    export = export_rankings("csv")
    assert (export.rows, export.left_out) == (len(before), 0)
    assert take(export.text, "csv") == ImportResult(0, 0, len(before))
    RankingRow.objects.all().delete()
    assert take(export.text, "csv").created == len(before)
    assert sorted(map(str, stored())) == sorted(map(str, before))


def test_json_holds_the_network_rows_without_dates_and_counts_the_others() -> None:
    make_one_of_each()
    export = export_rankings("json")
    assert (export.rows, export.left_out) == (3, 3)
    expressible = {"scope": "network", "valid_from": None, "valid_to": None}
    before = [row for row in stored() if row[1] == "network" and row[8:] == (None, None)]
    assert take(export.text, "json") == ImportResult(0, 0, 3)
    RankingRow.objects.all().delete()
    take(export.text, "json")
    assert RankingRow.objects.filter(**expressible).count() == 3
    assert sorted(map(str, stored())) == sorted(map(str, before))


def make_one_of_each() -> None:
    RankingRowFactory(card_name='Comma, "quote" and ® sign', reward_rate=Decimal("1.225"), annual_fee_minor=9950)
    RankingRowFactory(card_name="", reward_type="cash", mcc="5411")
    RankingRowFactory(network="amex", reward_type="default", reward_rate=Decimal("9999.999"))
    RankingRowFactory(card_name="Quarter", valid_from=dt.date(2026, 1, 1), valid_to=dt.date(2026, 3, 31))
    RankingRowFactory(card_name="Ending", valid_to=dt.date(2026, 3, 31), reward_type="miles")
    RankingRowFactory(product=CardProductFactory(key="one"), card_name="Of a product", reward_rate=0)


def test_exports_of_nothing_say_so() -> None:
    assert export_rankings("csv").text == HEADER + "\n"
    assert export_rankings("json").text == "{}\n"


def test_the_demo_rankings_come_back_byte_for_byte() -> None:
    content = (settings.FIXTURES_DIR / "demo_rankings.json").read_bytes()
    take(content, "json")
    exported = export_rankings("json").text
    assert sorted(exported.splitlines()) == sorted(content.decode().splitlines())


@pytest.mark.django_db(transaction=True)
def test_two_imports_at_once_follow_one_another() -> None:
    text = json_of(*[card(cardName=f"Card {number}") for number in range(300)])
    results = at_once([lambda: take(text, "json")] * 4)
    assert sorted((result.created, result.unchanged) for result in results) == [(0, 300)] * 3 + [(300, 0)]
    assert {row.version for row in RankingRow.objects.all()} == {1}
