"""Makes the two databases, asks both, and drops them."""

from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

from django.conf import settings
from django.db import connection
from tqdm import tqdm

from onecard.kit import clock
from tests.proofs.bench import cpu
from tests.proofs.bench.people import make_cards
from tests.proofs.bench.servers import product
from tests.proofs.bench.turns import Turns
from tests.proofs.own_database import connected_to, copy_of_own_database, own_database, url_of
from tests.proofs.scale import sizes
from tests.proofs.scale.cards import cards, rankings
from tests.proofs.scale.filling import clean_up, fill
from tests.proofs.scale.measuring import EMPTY, FULL, Measuring, Side
from tests.proofs.scale.purchases import History
from tests.proofs.scale.report import Run
from tests.proofs.scale.table import Table

# As measured, with room for what the measurement adds.
BYTES_A_PURCHASE: Final = 3_000
BYTES_A_CARD: Final = 2_500
BYTES_AT_FIRST: Final = 2 * 10**9


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the filled database holds, how many cards the empty one has, and how many are asked again and again."""

    authorizations: int
    cards: int
    rankings: int
    empty_cards: int
    warm_cards: int
    most_gb: float

    @property
    def problem(self) -> str:
        """Returns in a sentence what is wrong with it; empty for nothing."""
        if not 1 <= self.warm_cards < self.empty_cards <= self.cards:
            return "It must be 1 <= --warm-cards < --empty-cards <= --cards."
        if self.authorizations < 1000 or self.rankings < 1:
            return "--authorizations must be at least 1000, and --rankings at least 1."
        return ""

    @property
    def bytes_needed(self) -> int:
        return BYTES_AT_FIRST + self.authorizations * BYTES_A_PURCHASE + self.cards * BYTES_A_CARD


def measured(wanted: Wanted, *, seconds: float, rounds: int) -> Run:
    """Returns what was seen; raises CommandError without the room for it. Both databases are dropped at the end."""
    with own_database():
        make_cards(wanted.warm_cards)
        _fill(list(cards(wanted.warm_cards, wanted.empty_cards - 1)), wanted.most_gb)
        with copy_of_own_database(FULL) as filled:
            sizes.refuse_without_room(wanted.bytes_needed, most_gb=wanted.most_gb)
            with connected_to(filled):
                _fill(_tables(wanted), wanted.most_gb)
            return _asked_in_turns(wanted, filled, seconds, rounds)


def _tables(wanted: Wanted) -> list[Table]:
    history = History(wanted.authorizations, wanted.cards, clock.now())
    return [*rankings(wanted.rankings), *cards(wanted.empty_cards, wanted.cards - 1), *history.tables()]


def _fill(tables: list[Table], most_gb: float) -> None:
    total = sum(table.numbers for table in tables)
    with tqdm(total=total, unit=" rows", unit_scale=True, disable=None) as bar:

        def advance(label: str, count: int) -> None:
            bar.set_description_str(label)
            bar.update(count)

        names = []
        for name in fill(tables, advance):
            sizes.refuse_beyond(most_gb)
            names.append(name)
        clean_up(names, advance)
    # Without its settings.
    connection.close()


def _asked_in_turns(wanted: Wanted, filled: str, seconds: float, rounds: int) -> Run:
    databases = {EMPTY: (connection.settings_dict["NAME"], wanted.empty_cards), FULL: (filled, wanted.cards)}
    before = {side: sizes.held_by(database) for side, (database, _) in databases.items()}
    with ExitStack() as stack:
        sides = [
            Side(side, database, count, stack.enter_context(product(url_of(database), processes=1)))
            for side, (database, count) in databases.items()
        ]
        secret = settings.STRIPE_WEBHOOK_SECRETS[0]
        turns = Turns(wanted.warm_cards, seconds, secret, sides[0].server, None, None, cpu.postmaster())
        measuring = Measuring(turns, wanted.warm_cards, sides)
        with tqdm(measuring.steps(rounds), total=measuring.total(rounds), unit="turn", disable=None) as bar:
            for name in bar:
                bar.set_description_str(name)
    # The servers are gone, so that their sessions have told the database all that they counted.
    return Run(turns.seen, before, {side: sizes.held_by(database) for side, (database, _) in databases.items()})
