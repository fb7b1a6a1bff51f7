"""The one lock of a purchase, taken once by whoever handles an event, a sweep or a request of staff.

`locked_purchase` is for a purchase that we know, `locked_names` for whatever an event names. What they call takes no
lock of its own: it checks with `require_purchase` that its caller did. A lock lasts until the transaction ends.

The order is the same everywhere (docs/money-safety.md, The order of locks): cards by key, names, purchases by key, then
the wallet's. A card is never locked after a purchase. So a second lock inside a first one is allowed only where it
needs no further card: for the same purchase, which changes nothing, and for another purchase of a locked card.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from django.db import connection
from django.db.models import BooleanField, Q, QuerySet
from django.db.models.expressions import RawSQL

from issuing import journal
from issuing.models import Authorization, Dispute, VirtualCard
from onecard.kit.transactions import TransactionError, has_lock, lock_name, savepoint, takes_lock, transaction

# What an event names is looked up before its locks are there. When it has changed by then, all is looked up again.
LOOKS = 10
_NAMES = "issuing.names"
# An array, since a planner that expects many rows of the recursion would read the whole table. With OFFSET, the cards
# that came after one are looked up one by one; joined, all cards would be read while there are no statistics of them.
_WITH_REPLACEMENTS = """issuing_virtualcard.id = ANY(ARRAY(
    WITH RECURSIVE family (id) AS (
        SELECT unnest(%s::bigint[])
        UNION
        SELECT after.id FROM family CROSS JOIN LATERAL (
            SELECT c.id FROM issuing_virtualcard c
            WHERE c.replaces_id = family.id AND (c.status <> 'closed' OR c.issuer_card_id <> '') OFFSET 0
        ) AS after
    )
    SELECT id FROM family))
"""

# From what is named to a card and a name; what still waits is linked as soon as what it names is there. Each part has
# its index, and one with OR would read all rows. Plain SQL, since each event asks twice: to compose this took the ORM a
# sixth of the time that applying an event takes.
NAMED = """
SELECT id, '' FROM issuing_virtualcard
 WHERE issuer_provider = %(provider)s AND issuer_card_id = %(card)s AND issuer_card_id <> ''
UNION ALL
SELECT card_id, issuer_authorization_id FROM issuing_authorization
 WHERE provider = %(provider)s AND issuer_authorization_id = ANY(%(names)s)
UNION ALL
SELECT a.card_id, a.issuer_authorization_id
  FROM issuing_cardtransaction t JOIN issuing_authorization a ON a.id = t.authorization_id
 WHERE t.provider = %(provider)s AND t.issuer_transaction_id = ANY(%(names)s)
UNION ALL
SELECT card_id, issuer_authorization_id FROM issuing_cardtransaction
 WHERE provider = %(provider)s AND issuer_transaction_id = ANY(%(names)s)
UNION ALL
SELECT card_id, issuer_transaction_id FROM issuing_cardtransaction
 WHERE provider = %(provider)s AND issuer_authorization_id = ANY(%(names)s) AND authorization_id IS NULL
"""


class LockError(TransactionError):
    """A function ran without the lock that it needs, or a lock was asked for out of order."""

    code = "lock_misuse"


@contextlib.contextmanager
def locked_purchase(purchase: Authorization) -> Iterator[Authorization]:
    """Opens a transaction, locks the purchase with its card, and yields its fresh row."""
    key = purchase.pk
    with transaction():
        _lock(lambda: _purchases(Q(pk=key)))
        (row,) = _locked_rows(Q(pk=key))
        yield row


@contextlib.contextmanager
def locked_names(
    provider: str,
    *names: str,
    issuer_card_id: str = "",
    dispute_id: str = "",
    purchases: Iterable[Authorization] = (),
) -> Iterator[dict[str, Authorization]]:
    """Opens a transaction, locks what an event names, and yields the fresh rows of its purchases by their issuer's ids.

    `names` are an issuer's ids of purchases and movements; an empty one counts for nothing. A name is locked before
    there is a row for it, so two events that belong together see each other. With it comes what it belongs to by now:
    its purchase, and the card of each; with a dispute also what it is about. `purchases` are locked too.
    """
    given, keys = frozenset(filter(None, names)), [each.pk for each in purchases]

    def find() -> _Wanted:
        about = _disputed(provider, dispute_id) if dispute_id else _Wanted()
        more = {name for _, name in about.names}
        return about | _named(provider, given | more, issuer_card_id) | _purchases(Q(pk__in=keys))

    with transaction():
        wanted = _lock(find)
        ids = [name for issuer, name in wanted.names if issuer == provider]
        rows = _locked_rows(Q(provider=provider, issuer_authorization_id__in=ids) | Q(pk__in=keys))
        yield {row.issuer_authorization_id: row for row in rows}


def lock_card(card_id: int) -> VirtualCard:
    """Locks one card, in the caller's transaction, and returns its fresh row; raises LockError after a purchase."""
    cards = VirtualCard.objects.filter(pk=card_id)
    _refuse_late([card_id])
    if not takes_lock(_card(card_id)):
        return cards.get()
    card = _locked(cards).get()
    journal.write_of(cards=[card_id])
    return card


def lock_cards(keys: Iterable[int]) -> None:
    """Locks cards, and what came after each, which has its balance (issuing/cards/handover.py)."""
    taken = _take_cards(list(keys))
    if taken:
        journal.write_of(cards=taken)


def _take_cards(wanted: list[int]) -> list[int]:
    """Locks cards and what came after each, and returns their keys; none where the transaction has them already."""
    if all(has_lock(_card(key)) for key in wanted):
        return []
    _refuse_late(wanted)
    keys = list(_locked(with_replacements(wanted)).order_by("pk").values_list("pk", flat=True))
    for key in keys:
        takes_lock(_card(key))
    return keys


def require_purchase(purchase: Authorization) -> None:
    """Raises LockError unless the caller's transaction has locked the purchase and its card."""
    require_names(purchase.provider, purchase.issuer_authorization_id)
    require_card(purchase.card_id)


def require_names(provider: str, *names: str) -> None:
    """Raises LockError unless the caller's transaction has locked these names of an issuer; empty ones need no lock."""
    for name in filter(None, names):
        _require(_name(provider, name), f"{name} of {provider}")


def require_card(card_id: int | None) -> None:
    """Raises LockError unless the caller's transaction has locked the card, if there is one."""
    if card_id is not None:
        _require(_card(card_id), f"The card {card_id}")


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The keys of the cards, and the names with their issuers, that are to be locked."""

    cards: frozenset[int] = frozenset()
    names: frozenset[tuple[str, str]] = frozenset()

    def __or__(self, other: "_Wanted") -> "_Wanted":
        return _Wanted(self.cards | other.cards, self.names | other.names)

    def __le__(self, other: "_Wanted") -> bool:
        return self.cards <= other.cards and self.names <= other.names

    def is_held(self) -> bool:
        """Returns whether the transaction has all of it; before the first names are locked it has not."""
        cards = has_lock(_NAMES) and all(has_lock(_card(key)) for key in self.cards)
        return cards and all(has_lock(_name(*each)) for each in self.names)


class _ChangedError(Exception):
    """What was to be locked changed while its locks were waited for."""


def _wanted(rows: Iterable[tuple[int | None, str, str | None]]) -> _Wanted:
    """From rows of a card's key, an issuer and a name; card and name may be missing."""
    found = list(rows)
    cards = frozenset(card for card, _, _ in found if card is not None)
    return _Wanted(cards, frozenset((provider, name) for _, provider, name in found if name))


def _purchases(which: Q) -> _Wanted:
    rows = Authorization.objects.filter(which).values_list("card_id", "provider", "issuer_authorization_id")
    return _wanted(rows)


def _disputed(provider: str, dispute_id: str) -> _Wanted:
    """Returns a name for the dispute, what its issuer said that it is about, and its purchase."""
    known = Dispute.objects.filter(provider=provider, issuer_dispute_id=dispute_id)
    rows = known.values_list(
        "authorization__card_id", "authorization__issuer_authorization_id", "issuer_transaction_id"
    )
    card, purchase, about = rows.first() or (None, "", "")
    return _wanted((card, provider, name) for name in (f"dispute:{dispute_id}", purchase, about))


def _named(provider: str, names: frozenset[str], issuer_card_id: str) -> _Wanted:
    """Returns what is named, and what it belongs to, in one query."""
    if not names and not issuer_card_id:
        return _Wanted()
    with connection.cursor() as cursor:
        cursor.execute(NAMED, {"provider": provider, "names": list(names), "card": issuer_card_id})
        rows = cursor.fetchall()
    return _wanted([*((None, provider, name) for name in names), *((card, provider, name) for card, name in rows)])


def _lock(find: Callable[[], _Wanted]) -> _Wanted:
    """Locks what `find` finds. Where it finds something else after that, the savepoint gives the locks back."""
    for _ in range(LOOKS):
        with contextlib.suppress(_ChangedError), savepoint():
            return _lock_once(find)
    raise LockError("What is to be locked keeps changing: try again.")


def _lock_once(find: Callable[[], _Wanted]) -> _Wanted:
    wanted = find()
    if wanted.is_held():
        return wanted
    cards = _take_cards(list(wanted.cards))
    for each in sorted(wanted.names):
        lock_name(_name(*each))
    takes_lock(_NAMES)
    # Whoever has the locks sees what follows from each decision.
    for provider in {provider for provider, _ in wanted.names} or {""}:
        journal.write_of(
            cards=cards, provider=provider, names=[name for issuer, name in wanted.names if issuer == provider]
        )
    if not find() <= wanted:
        raise _ChangedError
    return wanted


def with_replacements(keys: Iterable[int]) -> QuerySet[VirtualCard]:
    """These cards, and all that came after them; a replacement that its issuer never made does not count."""
    is_one = RawSQL(_WITH_REPLACEMENTS, [list(keys)], output_field=BooleanField())  # noqa: S611 (a constant)
    return VirtualCard.objects.filter(is_one)


def _refuse_late(keys: Iterable[int]) -> None:
    late = [key for key in keys if not has_lock(_card(key))]
    if late and has_lock(_NAMES):
        raise LockError(
            f"The card {late[0]} would be locked after a purchase, and cards come first: let the first lock of this "
            "transaction take it (issuing/locking.py)."
        )


def _require(lock: str, what: str) -> None:
    if not has_lock(lock):
        raise LockError(
            f"{what} is not locked: whoever handles the event calls locked_purchase() or locked_names() first "
            "(issuing/locking.py)."
        )


def _locked(cards: QuerySet[VirtualCard]) -> QuerySet[VirtualCard]:
    return cards.select_for_update(no_key=True, of=("self",))


def _locked_rows(which: Q) -> list[Authorization]:
    rows = Authorization.objects.select_for_update(no_key=True, of=("self",))
    return list(rows.filter(which).order_by("pk"))


def _card(card_id: int) -> str:
    return f"issuing.card:{card_id}"


def _name(provider: str, name: str) -> str:
    return f"onecard.purchase:{provider}:{name}"
