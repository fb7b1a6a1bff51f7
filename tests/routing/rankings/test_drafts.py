"""A draft holds changes and takes no effect; a file becomes a draft, or is refused with its rows and columns."""

from decimal import Decimal

import pytest

from audit.models import Entry
from routing.models import RankingChange, RankingDraft, RankingRow, Rulebook
from routing.rankings import drafts, words
from routing.rankings.drafts import DraftRefusedError
from routing.rankings.entry import RankingsError
from tests.routing.rankings.drafting import draft_with, entry
from tests.routing.rankings.ranking_files import csv_of
from tests.support.back_office import superuser
from tests.support.factories import CardProductFactory, RankingRowFactory

pytestmark = pytest.mark.django_db


def imported(text: str, name: str = "some.csv", **options: bool) -> RankingDraft:
    return drafts.import_file(
        content=text.encode(),
        source=name,
        file_format="csv",
        title="From a file",
        user=superuser(),
        **{"removes_others": False, **options},
    )


def said(draft: RankingDraft) -> list[str]:
    return [words.change_in_words(change) for change in draft.changes.order_by("pk")]


def test_a_draft_takes_no_effect_and_is_in_the_trail() -> None:
    row = RankingRowFactory(reward_rate=1)
    version = Rulebook.objects.get().version

    draft = draft_with(entry(row), entry())

    row.refresh_from_db()
    assert (row.reward_rate, RankingRow.objects.count(), Rulebook.objects.get().version) == (1, 1, version)
    assert said(draft) == ["1 point becomes 3 % cash back", "Added: 3 % cash back, always"]
    actions = list(Entry.objects.order_by("pk").values_list("action", flat=True))
    assert actions == ["rankings.draft_begun", "rankings.draft_change_put", "rankings.draft_change_put"]
    assert draft.version == 3


def test_the_same_ranking_again_replaces_its_change() -> None:
    row = RankingRowFactory()
    draft = draft_with(entry(row), entry(row, reward_rate=Decimal(5)))

    assert said(draft) == ["1 point becomes 5 % cash back"]
    drafts.put_removal(draft=draft, row=row, user=draft.author)
    assert said(draft) == ["Removed: it was 1 point"]
    drafts.put(draft=draft, entry=entry(row, reward_rate=Decimal(1), reward_type="points"), user=draft.author)
    assert said(draft) == []


def test_what_is_published_already_is_no_change() -> None:
    row = RankingRowFactory()
    draft = draft_with()
    same = entry(row, reward_rate=row.reward_rate, reward_type=row.reward_type)

    with pytest.raises(DraftRefusedError, match="published already"):
        drafts.put(draft=draft, entry=same, user=draft.author)
    draft.refresh_from_db()
    assert (draft.version, draft.changes.count()) == (1, 0)


def test_an_ended_draft_is_changed_no_more() -> None:
    draft = draft_with(entry())
    drafts.discard(draft=draft, user=draft.author, reason="Not needed.")
    change = draft.changes.get()

    with pytest.raises(DraftRefusedError, match="has ended"):
        drafts.put(draft=draft, entry=entry(card_name="Other"), user=draft.author)
    with pytest.raises(DraftRefusedError, match="has ended"):
        drafts.take_out(draft=draft, change_id=change.pk, user=draft.author)
    assert list(draft.changes.all()) == [change]


def test_a_file_becomes_a_draft_with_what_differs() -> None:
    RankingRowFactory(card_name="Same", reward_rate=2, reward_type="cash")
    RankingRowFactory(card_name="Better", reward_rate=2, reward_type="cash")
    RankingRowFactory(card_name="Not named")
    lines = (
        "5812,network,,visa,Same,2,cash,,,",
        "5812,network,,visa,Better,4,cash,,,",
        "5812,network,,visa,New,1,points,,,",
    )

    assert said(imported(csv_of(*lines))) == ["2 % cash back becomes 4 % cash back", "Added: 1 point, always"]
    whole = imported(csv_of(*lines), removes_others=True)
    assert said(whole)[-1] == "Removed: it was 1 point"
    assert RankingRow.objects.get(card_name="Better").reward_rate == 2


def test_a_file_with_mistakes_names_row_and_column_and_leaves_no_draft() -> None:
    CardProductFactory(key="known")
    text = csv_of(
        "5812,network,,visa,Good,2,cash,,,",
        "5812,network,,visa,Bad,many,cash,,,",
        "5812,product,unknown,,,1,cash,,,",
        "5812,product,known,,,1,cash,,2026-02-01,2026-01-01",
    )

    with pytest.raises(RankingsError) as caught:
        imported(text)

    assert [(each.line, each.column) for each in caught.value.problems] == [
        (3, "reward_rate"),
        (4, "product"),
        (5, "valid_to"),
    ]
    assert not RankingDraft.objects.exists()
    assert not RankingChange.objects.exists()
    assert not Entry.objects.exists()


def test_a_file_without_differences_leaves_no_draft() -> None:
    RankingRowFactory(card_name="Same", reward_rate=2, reward_type="cash")

    with pytest.raises(RankingsError, match="published already"):
        imported(csv_of("5812,network,,visa,Same,2,cash,,,"))
    assert not RankingDraft.objects.exists()
