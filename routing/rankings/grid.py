"""The grid of rankings: a page of MCCs against a page of cards, with what each card earns there on a day.

Both sides come in pages, so that the page stays small however many rankings there are.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from django.db.models import Exists, OuterRef, Q, QuerySet

from routing.merchant_groups import GROUPS
from routing.models import MerchantCategory, RankingChange, RankingDraft, RankingRow
from routing.rankings.overlaps import among
from routing.rankings.published import key_of
from wallet.models import CardProduct, Network

ROWS: Final = 30
COLUMNS: Final = 8


@dataclass(frozen=True, slots=True)
class Column:
    """A card product, or any card of a network."""

    name: str
    product_id: int | None
    network: str


@dataclass(slots=True)
class Cell:
    """What one card earns at one MCC: the ranking that applies on the day, and how many others there are."""

    mcc: str
    column: Column
    applies: RankingRow | RankingChange | None = None
    others: int = 0
    overlaps: bool = False
    is_drafted: bool = False
    is_removed: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One MCC of the grid."""

    category: MerchantCategory
    cells: list[Cell]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the page asks for: a group of MCCs, words of an MCC or a card, the pages, the day, and a draft to show."""

    day: dt.date
    group: str = ""
    mcc: str = ""
    card: str = ""
    all_mccs: bool = False
    page: int = 1
    cards_page: int = 1
    draft: RankingDraft | None = None


@dataclass(frozen=True, slots=True)
class Grid:
    """A page of the grid, and how many pages there are on either side."""

    columns: list[Column]
    lines: list[Line]
    page: int
    pages: int
    cards_page: int
    cards_pages: int
    mcc_count: int
    column_count: int = field(default=0)


def build(asked: Asked) -> Grid:
    """Reads a page of the grid: six queries, however many rankings there are."""
    categories = _categories(asked)
    count, columns = categories.count(), _columns(asked)
    pages, cards_pages = _pages(count, ROWS), _pages(len(columns), COLUMNS)
    page, cards_page = min(asked.page, pages), min(asked.cards_page, cards_pages)
    shown = list(categories[(page - 1) * ROWS : page * ROWS])
    across = columns[(cards_page - 1) * COLUMNS : cards_page * COLUMNS]
    cells = _cells(asked, [category.code for category in shown], across)
    lines = [Line(category, [cells[category.code, column] for column in across]) for category in shown]
    return Grid(across, lines, page, pages, cards_page, cards_pages, count, len(columns))


def _categories(asked: Asked) -> QuerySet[MerchantCategory]:
    found = MerchantCategory.objects.order_by("code")
    if asked.group in GROUPS:
        found = found.filter(code__range=GROUPS[asked.group].bounds)
    if asked.mcc:
        found = found.filter(Q(code__startswith=asked.mcc) | Q(description__icontains=asked.mcc))
    if not asked.all_mccs:
        ranked: Any = Exists(RankingRow.objects.filter(mcc=OuterRef("code")))
        if asked.draft is not None:
            ranked |= Exists(asked.draft.changes.filter(mcc=OuterRef("code")))
        found = found.filter(ranked)
    return found


def _columns(asked: Asked) -> list[Column]:
    """Returns the networks, then the products, whose names hold the words that are asked for."""
    wanted = asked.card.casefold()
    networks = [Column(str(network.label), None, network.value) for network in Network]
    products = CardProduct.objects.order_by("name", "pk")
    if asked.card:
        products = products.filter(Q(name__icontains=asked.card) | Q(key__icontains=asked.card))
    return [
        *(column for column in networks if wanted in column.name.casefold()),
        *(Column(name, pk, "") for pk, name in products.values_list("pk", "name")),
    ]


def _cells(asked: Asked, mccs: Sequence[str], columns: Sequence[Column]) -> dict[tuple[str, Column], Cell]:
    cells = {(mcc, column): Cell(mcc, column) for mcc in mccs for column in columns}
    by_card = {(column.product_id, column.network): column for column in columns}
    rankings: dict[tuple[str, Column], list[RankingRow | RankingChange]] = {}
    for each in _rankings(asked, mccs, columns):
        place = each.mcc, by_card[each.product_id, each.network]
        if isinstance(each, RankingChange):
            cells[place].is_drafted = True
            cells[place].is_removed |= each.removes
            if each.removes:
                continue
        rankings.setdefault(place, []).append(each)
    for place, found in rankings.items():
        _fill(cells[place], found, asked.day)
    return cells


def _rankings(asked: Asked, mccs: Sequence[str], columns: Sequence[Column]) -> list[RankingRow | RankingChange]:
    """Returns the published rankings of the page, with the draft's changes in the place of those that they change."""
    here = Q(mcc__in=mccs) & (
        Q(product_id__in=[column.product_id for column in columns if column.product_id is not None])
        | Q(product_id=None, network__in=[column.network for column in columns if column.network])
    )
    changes = list(asked.draft.changes.filter(here)) if asked.draft is not None else []
    keys = {key_of(change) for change in changes}
    return [*(row for row in RankingRow.objects.filter(here) if key_of(row) not in keys), *changes]


def _fill(cell: Cell, rankings: list[RankingRow | RankingChange], day: dt.date) -> None:
    """Chooses the ranking that applies on the day, as the engine does: the one that started last, then the highest."""
    on_day = [
        each
        for each in rankings
        if (each.valid_from is None or each.valid_from <= day) and (each.valid_to is None or day <= each.valid_to)
    ]
    cell.applies = max(on_day, key=lambda each: (each.valid_from or dt.date.min, each.reward_rate or 0), default=None)
    cell.others = len(rankings) - (cell.applies is not None)
    cell.overlaps = bool(among(rankings))


def _pages(count: int, size: int) -> int:
    return max(1, -(-count // size))
