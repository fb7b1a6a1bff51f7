"""Compiled rules follow the rows: an edit is seen by the next call, and nothing uncommitted stays behind."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from django.db import transaction
from pytest_django import DjangoAssertNumQueries

from routing import rulebook
from routing.engine import Row, Rules
from routing.models import PreferenceMultiplier, RankingRow, Rulebook, Threshold
from tests.support.factories import RankingRowFactory

pytestmark = pytest.mark.django_db


def version() -> int:
    return Rulebook.objects.get().version


def current(mcc: str = "5812") -> tuple[Rules, tuple[Row, ...], dict[str, int]]:
    return rulebook.rules_for(version=version(), mcc=mcc)


def test_an_edited_row_is_seen_by_the_next_call() -> None:
    ranking = RankingRowFactory(reward_rate=1)
    assert [row.reward_rate for row in current()[1]] == [1]
    RankingRow.objects.filter(pk=ranking.pk).update(reward_rate=2)
    assert [(row.reward_rate, row.version) for row in current()[1]] == [(2, 2)]


def test_a_new_and_a_deleted_row_are_seen_by_the_next_call() -> None:
    assert current()[1] == ()
    ranking = RankingRowFactory()
    assert [row.id for row in current()[1]] == [ranking.pk]
    ranking.delete()
    assert current()[1] == ()


def test_edited_numbers_are_seen_by_the_next_call_with_their_versions() -> None:
    before = current()
    assert before[0].multipliers["cash", False] == Decimal("0.5")
    assert before[0].significantly_better == Decimal("1.5")
    PreferenceMultiplier.objects.filter(preference="cash", reward_class="other").update(multiplier="0.7")
    Threshold.objects.filter(name="significantly_better").update(value="2")
    after = current()
    assert (after[0].multipliers["cash", False], after[0].significantly_better) == (Decimal("0.7"), 2)
    for name in ("multiplier cash/other", "threshold significantly_better"):
        assert after[2][name] == before[2][name] + 1
    assert after[2]["threshold tie_within"] == before[2]["threshold tie_within"]


def test_rules_compiled_in_a_rolled_back_transaction_are_not_reused() -> None:
    ranking = RankingRowFactory(reward_rate=1)
    with transaction.atomic():
        RankingRow.objects.filter(pk=ranking.pk).update(reward_rate=9)
        undone = version()
        assert [row.reward_rate for row in current()[1]] == [9]
        transaction.set_rollback(True)
    assert [row.reward_rate for row in current()[1]] == [1]
    RankingRow.objects.filter(pk=ranking.pk).update(reward_rate=2)
    assert version() > undone, "a version that was given once must not come again"
    assert [row.reward_rate for row in current()[1]] == [2]


def test_rules_are_read_once_per_version_and_mcc(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    RankingRowFactory()
    current()
    known = version()
    with django_assert_num_queries(0):
        rulebook.rules_for(version=known, mcc="5812")
    with django_assert_num_queries(1):
        rulebook.rules_for(version=known, mcc="5411")


def test_every_way_to_write_raises_the_rulebooks_version() -> None:
    ranking = RankingRowFactory()
    ways: list[Callable[[], object]] = [
        lambda: RankingRow.objects.bulk_create([RankingRowFactory.build(card_name="bulk")]),
        lambda: RankingRow.objects.filter(pk=ranking.pk).update(reward_rate=3),
        ranking.save,
        lambda: RankingRow.objects.bulk_update([ranking], ["reward_rate"]),
        ranking.delete,
        lambda: PreferenceMultiplier.objects.update(multiplier=1),
        lambda: Threshold.objects.update(value=1),
    ]
    for way in ways:
        before = version()
        way()
        assert version() > before


def test_every_way_to_change_a_row_raises_its_version() -> None:
    ranking = RankingRowFactory(valid_from=None)
    stale = RankingRow.objects.get()
    RankingRow.objects.update(reward_rate=2)
    RankingRow.objects.bulk_update([ranking], ["reward_rate"])
    RankingRow.objects.bulk_create(
        [RankingRowFactory.build(card_name=ranking.card_name)],
        update_conflicts=True,
        unique_fields=["mcc", "product", "network", "card_name", "valid_from"],
        update_fields=["reward_rate"],
    )
    stale.save()
    assert RankingRow.objects.get().version == 5
