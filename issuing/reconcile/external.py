"""The lists of an issuer and of the processor as rows to compare; pages are requested while rows are read."""

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import fields
from operator import attrgetter
from typing import Protocol, TypeVar

from django.db import connection

from issuing.clearing.transaction_rows import MONEY_BACK, TYPES
from issuing.issuers.base import IssuerTransaction, Page
from issuing.reconcile.compare import Row
from issuing.reconcile.external_staging import Listed
from issuing.reconcile.window import Window
from onecard.kit.errors import OneCardError
from wallet import states
from wallet.processors.base import Outcome, RefundOutcome
from wallet.processors.stripe.lists import ListedMoney, MoneyPage

Said = TypeVar("Said", Outcome, RefundOutcome)
MOVED_BY_CHARGE = (states.Charge.SUCCEEDED, states.Charge.HELD)
MOVED_BY_REFUND = (states.Refund.SUCCEEDED,)
# The fields that a repair needs, in their order; written out, because `asdict` takes longer than all the rest.
FACTS = {
    kind: attrgetter(*[field.name for field in fields(kind)]) for kind in (IssuerTransaction, Outcome, RefundOutcome)
}
# A charge without our id may be known to us by the processor's id.
NAMED_BY_US = """
UPDATE reconcile_theirs SET key = c.public_id::text FROM wallet_fundingcharge c
WHERE reconcile_theirs.key = reconcile_theirs.reference AND c.processor_charge_id = reconcile_theirs.reference
"""
# The same for a refund that somebody made at the processor.
REFUNDS_NAMED_BY_US = """
UPDATE reconcile_theirs SET key = r.public_id::text FROM wallet_fundingrefund r
WHERE reconcile_theirs.key = reconcile_theirs.reference AND r.processor_refund_id = reconcile_theirs.reference
"""
# While our capture of a hold is running, the processor may list it as held or captured.
BEING_CAPTURED = """
UPDATE reconcile_theirs SET is_due = false FROM wallet_fundingcharge c
WHERE reconcile_theirs.key = c.public_id::text AND reconcile_theirs.state = 'held'
    AND c.status = 'capturing' AND c.updated_at >= %(silent_since)s
"""


class EndlessListError(OneCardError):
    """A page names itself as the next one."""

    code = "endless_list"


class UnreadRowsError(OneCardError):
    """A list has unreadable rows that may be money, so missing rows cannot be found."""

    code = "unread_rows"


class IssuersList(Protocol):
    """The part of issuing.issuers.base.Issuer that is used here."""

    def get_transaction_history(self, issuer_card_id: str = "", *, since: dt.datetime, cursor: str = "") -> Page: ...


class ProcessorsLists(Protocol):
    """The part of wallet.processors.stripe_lists that is used here."""

    def list_charges(self, *, since: dt.datetime, until: dt.datetime, cursor: str = "") -> MoneyPage[Outcome]: ...

    def list_refunds(self, *, since: dt.datetime, until: dt.datetime, cursor: str = "") -> MoneyPage[RefundOutcome]: ...


def transactions(issuer: IssuersList, window: Window) -> Iterator[Listed]:
    """Yields the captures and refunds that the issuer lists; rows that move no money are left out.

    Raises the issuer's errors, and UnreadRowsError.
    """
    for page in _pages(lambda cursor: issuer.get_transaction_history(since=window.reads_from, cursor=cursor)):
        if page.unread:
            raise UnreadRowsError(f"{', '.join(page.unread)} cannot be read: look them up in the issuer's dashboard.")
        for found in page.transactions:
            if found.kind in TYPES and found.created_at < window.reads_to:
                yield Listed(_movement(found, window), FACTS[IssuerTransaction](found))


def charges(lists: ProcessorsLists, window: Window) -> Iterator[Listed]:
    """Yields the processor's charges under our ids, or under its own where ours is missing. Raises its list's error."""
    for page in _pages(lambda at: lists.list_charges(since=window.reads_from, until=window.reads_to, cursor=at)):
        for found in page.rows:
            key, reference = found.outcome.charge_public_id, found.outcome.processor_charge_id
            yield _money(found, key or reference, reference, window, MOVED_BY_CHARGE)


def refunds(lists: ProcessorsLists, window: Window) -> Iterator[Listed]:
    """Yields the processor's refunds, as `charges`."""
    for page in _pages(lambda at: lists.list_refunds(since=window.reads_from, until=window.reads_to, cursor=at)):
        for found in page.rows:
            key, reference = found.outcome.refund_public_id, found.outcome.processor_refund_id
            yield _money(found, key or reference, reference, window, MOVED_BY_REFUND)


def name_charges() -> None:
    """Adds our id to the listed charges without one, if we know the processor's."""
    with connection.cursor() as cursor:
        cursor.execute(NAMED_BY_US)


def name_refunds() -> None:
    """Adds our id to the listed refunds without one, if we know the processor's."""
    with connection.cursor() as cursor:
        cursor.execute(REFUNDS_NAMED_BY_US)


def let_captures_end(window: Window) -> None:
    """Marks the listed holds that we are capturing now as not due."""
    with connection.cursor() as cursor:
        cursor.execute(BEING_CAPTURED, {"silent_since": window.silent_since})


class _Paged(Protocol):
    @property
    def cursor(self) -> str: ...


Paged = TypeVar("Paged", bound=_Paged)


def _pages(ask: Callable[[str], Paged]) -> Iterator[Paged]:
    cursor = ""
    while True:
        page = ask(cursor)
        yield page
        if not page.cursor:
            return
        if page.cursor == cursor:
            raise EndlessListError("The list names the same page as the next one; nothing can be concluded from it.")
        cursor = page.cursor


def _movement(found: IssuerTransaction, window: Window) -> Row:
    kind = TYPES[found.kind]
    amount_minor = -found.amount_minor if kind in MONEY_BACK else found.amount_minor
    at_s, is_due = int(found.created_at.timestamp()), window.is_due(found.created_at)
    return Row(found.id, amount_minor, found.currency, str(kind), found.authorization_id, at_s, is_due)


def _money(found: ListedMoney[Said], key: str, reference: str, window: Window, moved: tuple[str, ...]) -> Listed:
    """Only a row that moved money, or holds somebody's, needs a partner."""
    at_s, status = int(found.created_at.timestamp()), found.outcome.status
    is_due = status in moved and window.is_due(found.created_at)
    row = Row(key, found.amount_minor, found.currency, str(status), reference, at_s, is_due)
    return Listed(row, FACTS[type(found.outcome)](found.outcome))
