"""The comparisons: each has a name, two sides, and the one repair that is safe for it."""

import contextlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from issuing.reconcile import accounts, external, external_staging, internal, repairs, snapshot, uncleared
from issuing.reconcile.compare import Difference, compare
from issuing.reconcile.snapshot import Query
from issuing.reconcile.stated import IssuersBalance
from issuing.reconcile.window import Window
from wallet.processors.stripe.lists import StripeLists

Tick = Callable[[int], object]
# The name of each side: "here" is ours, "there" is the other one.
SIDES = {
    "transactions": "the issuer",
    "charges": "the processor",
    "refunds": "the processor",
    "posted_transactions": "the ledger",
    "posted_charges": "the ledger",
    "posted_refunds": "the ledger",
    "purchases_in_clearing": "the ledger",
    "purchases_without_charge": "the issuer",
    "at_the_processor": "the processor",
    "at_the_issuer": "the issuer",
    "on_the_way": "the bank",
}


class Differences(Protocol):
    def __call__(self, window: Window, tick: Tick) -> contextlib.AbstractContextManager[Iterator[Difference]]: ...


@dataclass(frozen=True, slots=True)
class Comparison:
    """One comparison; `provider` is "" where only our own tables are compared. `differences` reads both sides.

    `of_all_time` is true for a comparison of present states, whenever they arose.
    """

    name: str
    provider: str
    differences: Differences
    remedy: repairs.Remedy
    of_all_time: bool = False

    @property
    def label(self) -> str:
        """The name in a case's reference, which staff read."""
        return f"{self.name}.{self.provider}" if self.provider else self.name

    @property
    def other_side(self) -> str:
        return SIDES[self.name]


def of_issuer(provider: str, issuer: external.IssuersList) -> list[Comparison]:
    """Returns the issuer's movements and ours."""

    @contextmanager
    def differences(window: Window, tick: Tick) -> Iterator[Iterator[Difference]]:
        ours = internal.query(internal.TRANSACTIONS, window, provider=provider)
        with (
            external_staging.staged(external.transactions(issuer, window), tick),
            _compared(ours, _staged(), tick) as found,
        ):
            yield found

    return [Comparison("transactions", provider, differences, repairs.record_transaction)]


def of_processor(
    lists: external.ProcessorsLists | None = None, provider: str = StripeLists.provider
) -> list[Comparison]:
    """Returns the processor's charges and refunds and ours."""
    asked = lists or StripeLists()

    @contextmanager
    def charges(window: Window, tick: Tick) -> Iterator[Iterator[Difference]]:
        with external_staging.staged(external.charges(asked, window), tick):
            external.name_charges()
            external.let_captures_end(window)
            with _compared(internal.query(internal.CHARGES, window), _staged(), tick) as found:
                yield found

    @contextmanager
    def refunds(window: Window, tick: Tick) -> Iterator[Iterator[Difference]]:
        ours = internal.query(internal.REFUNDS, window)
        with external_staging.staged(external.refunds(asked, window), tick):
            external.name_refunds()
            with _compared(ours, _staged(), tick) as found:
                yield found

    return [
        Comparison("charges", provider, charges, repairs.record_charge),
        Comparison("refunds", provider, refunds, repairs.record_refund),
    ]


def of_balances(provider: str = StripeLists.provider, issuer: IssuersBalance | None = None) -> list[Comparison]:
    """Returns our accounts at the processor and, where its balance pays purchases, at the issuer, with their balances.

    They come after the comparisons of single movements, which say where a difference is from.
    """
    book = accounts.book_once()

    @contextmanager
    def at_processor(window: Window, tick: Tick) -> Iterator[Iterator[Difference]]:
        tick(0)
        yield accounts.at_processor(window, provider, book)

    @contextmanager
    def at_issuer(window: Window, tick: Tick) -> Iterator[Iterator[Difference]]:
        tick(0)
        assert issuer is not None  # noqa: S101  (only then there is such a comparison)
        yield accounts.at_issuer(window, provider, book, issuer)

    made = [Comparison("at_the_processor", provider, at_processor, repairs.no_repair, of_all_time=True)]
    if issuer is not None:
        made.append(Comparison("at_the_issuer", provider, at_issuer, repairs.no_repair, of_all_time=True))
    return made


def of_books() -> list[Comparison]:
    """Returns our rows and the ledger, and the purchases that do not add up."""
    return [
        _with_ledger("posted_transactions", internal.MOVED_ON_CARDS, internal.CARD_POSTINGS, repairs.post_transaction),
        _with_ledger("posted_charges", internal.CHARGED, internal.CHARGE_POSTINGS, repairs.post_charge),
        _with_ledger("posted_refunds", internal.GIVEN_BACK, internal.REFUND_POSTINGS, repairs.post_refund),
        Comparison("purchases_in_clearing", "", _clearing, repairs.no_repair, of_all_time=True),
        Comparison("purchases_without_charge", "", _unpaid, repairs.no_repair),
        Comparison("on_the_way", "", _on_the_way, repairs.no_repair, of_all_time=True),
    ]


def _with_ledger(name: str, ours: str, postings: str, remedy: repairs.Remedy) -> Comparison:
    @contextmanager
    def differences(window: Window, tick: Tick) -> Iterator[Iterator[Difference]]:
        with _compared(internal.query(ours, window), internal.query(postings, window), tick) as found:
            yield found

    return Comparison(name, "", differences, remedy)


@contextmanager
def _clearing(window: Window, tick: Tick) -> Iterator[Iterator[Difference]]:
    tick(0)
    yield uncleared.left_in_clearing(window.until)


@contextmanager
def _unpaid(window: Window, tick: Tick) -> Iterator[Iterator[Difference]]:
    tick(0)
    yield uncleared.paid_by_nobody(window.since, window.until)


@contextmanager
def _on_the_way(window: Window, tick: Tick) -> Iterator[Iterator[Difference]]:
    tick(0)
    yield uncleared.on_the_way(window.until)


def _staged() -> Query:
    return Query(external_staging.LISTED, {})


@contextmanager
def _compared(ours: Query, other: Query, tick: Tick) -> Iterator[Iterator[Difference]]:
    with snapshot.read_doubtful(ours, other, tick=lambda _rows: tick(0)) as (here, there):
        yield compare(here, there)
