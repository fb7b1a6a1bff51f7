"""Card transactions: the captures, refunds and dispute movements that an issuer reports, each kept once.

Webhooks and the issuer sync call the same `record`; issuing/clearing/posting.py posts the rows to the ledger.
Authorizations, increments, reversals and declines are not rows here: they are our own Authorization with its decisions
and holds.
"""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import Q

from audit import trail
from issuing import locking
from issuing.clearing import contradictions, refund_matching, transaction_rows
from issuing.clearing.posting import book
from issuing.inbox import references as event_references
from issuing.inbox.references import Named
from issuing.issuers.base import IssuerTransaction
from issuing.issuers.merchants import category_of
from issuing.models import Authorization, CardTransaction, Dispute, VirtualCard
from onecard.kit import clock
from onecard.kit.insert_once import insert_once
from onecard.kit.money import Money
from wallet import cases
from wallet.models import Case

Type = CardTransaction.Type
# A movement takes these from the capture that it names, where it does not state them.
INHERITED = ("card_id", "authorization_id", "mcc", "merchant_name", "merchant_category", "merchant_location")


def record(
    found: IssuerTransaction,
    *,
    provider: str,
    source: str,
    transaction_type: str = "",
    event_type: str = "",
    authorization_code: str = "",
    merchant_category: str = "",
    merchant_location: str = "",
    linked_purchase: Authorization | None = None,
) -> bool:
    """Keeps a movement that an issuer reports; True if it is new. Safe concurrently, repeated, and in any order.

    `source` is one of CardTransaction.Source; `transaction_type` is for movements without a kind of their own
    (chargebacks); `linked_purchase` is the purchase that staff linked such reports to (dispute_matching.py). An
    existing row is never overwritten: missing columns are filled in, and a different amount, currency or type opens
    a case (see `difference`). A movement whose references do not belong together is kept without its purchase,
    posts nothing, and opens a case. A movement of no money is not recorded: False. Raises UnrecordableError for an
    impossible amount or currency. Call it under the lock of what the movement names (`locked`).
    """
    if not transaction_rows.type_of(found, transaction_type):
        return False
    row = transaction_rows.row_of(found, transaction_type)
    row |= {
        "issuer_event_type": event_type[:120],
        "authorization_code": authorization_code[:20],
        "merchant_category": (merchant_category or category_of(found.mcc))[:120],
        "merchant_location": merchant_location[:200],
    }
    locking.require_names(provider, found.authorization_id)
    row |= _links(found, provider, row, linked_purchase)
    kept = CardTransaction(
        provider=provider, issuer_transaction_id=found.id, **row, source=source, recorded_at=clock.now()
    )
    is_new = insert_once(kept, unique=("provider", "issuer_transaction_id"))
    if is_new:
        _note(kept, "transaction.recorded", transaction_type=kept.transaction_type, source=source)
        if kept.contradiction:
            contradictions.open_contradiction(kept, kept.contradiction)
        book(kept)
    else:
        kept = _record_repeat(_known(provider, found.id), row)
    _join_refunds(kept)
    _link_followers(kept)
    return is_new


@contextlib.contextmanager
def locked(found: IssuerTransaction, *, provider: str) -> Iterator[dict[str, Authorization]]:
    """Locks what a reported movement names, for `record`; yields the purchases among it by their issuer's ids.

    A dispute of a capture names the capture, and may be reported at the same time.
    """
    names = (found.id, found.authorization_id)
    with locking.locked_names(provider, *names, issuer_card_id=found.issuer_card_id) as purchases:
        yield purchases


def with_update(found: Sequence[IssuerTransaction], *, provider: str) -> list[IssuerTransaction]:
    """Returns the movements that `record` would add, complete or refuse, in their order; one statement.

    The others are recorded already, on their card and purchase, and the issuer adds and changes nothing.
    """
    ids = [each.id for each in found]
    rows = CardTransaction.objects.filter(provider=provider, issuer_transaction_id__in=ids)
    kept = {row.issuer_transaction_id: row for row in rows}
    return [each for each in found if not _is_recorded(kept.get(each.id), each)]


def difference(found: IssuerTransaction, *, provider: str) -> transaction_rows.Difference | None:
    """Returns the amount, currency or type in which our row differs from the issuer's.

    None when they agree or there is no row.
    """
    kept = CardTransaction.objects.filter(provider=provider, issuer_transaction_id=found.id).first()
    if kept is None or not transaction_rows.type_of(found):
        return None
    return transaction_rows.difference(kept, transaction_rows.row_of(found))


def link(authorization: Authorization) -> int:
    """Links a purchase to the movements reported before it, in the caller's transaction; returns how many.

    Imported legacy rows are left alone, here and where captures are linked: nobody knows what became of them until the
    issuer reports them too.
    """
    locking.require_purchase(authorization)
    waiting = CardTransaction.objects.filter(
        provider=authorization.provider,
        issuer_authorization_id=authorization.issuer_authorization_id,
        authorization=None,
        of_no_purchase_at=None,
        contradiction="",
    ).exclude(source=CardTransaction.Source.LEGACY)
    joined = [each for each in waiting.order_by("pk") if not contradictions.contradicts(each, authorization)]
    for each in joined:
        kept = _complete(each, {"authorization_id": authorization.pk, "card_id": authorization.card_id})
        _join_refunds(kept)
        _link_followers(kept)
    for dispute in _disputes_of(authorization.provider, authorization.issuer_authorization_id):
        Dispute.objects.filter(pk=dispute.pk).update(authorization=authorization)
    return len(joined)


def take_along(kept: CardTransaction) -> None:
    """Joins what waited for a capture that a person has just joined, in the caller's transaction: see `record`."""
    if kept.authorization is not None:
        locking.require_purchase(kept.authorization)
    _join_refunds(kept)
    _link_followers(kept)


def link_waiting_refunds(purchase: Authorization) -> None:
    """Links the refunds that waited for this purchase's capture, in the transaction that releases its hold."""
    _book_joined(refund_matching.join_after(purchase))


def _is_recorded(kept: CardTransaction | None, found: IssuerTransaction) -> bool:
    if not transaction_rows.type_of(found):
        return True
    if kept is None or ((kept.card_id is None or kept.authorization_id is None) and not kept.contradiction):
        return False
    try:
        row = transaction_rows.row_of(found)
    except transaction_rows.UnrecordableError:
        return False
    return not (
        transaction_rows.difference(kept, row) or transaction_rows.missing(kept, row) or _names_others(kept, row)
    )


def _names_others(kept: CardTransaction, row: dict[str, Any]) -> bool:
    """Returns whether it names another card or purchase than at first; what that means is decided under the locks."""
    named = (row[name] and row[name] != getattr(kept, name) for name in ("issuer_card_id", "issuer_authorization_id"))
    return not kept.contradiction and any(named)


def _links(
    found: IssuerTransaction, provider: str, row: dict[str, Any], linked_purchase: Authorization | None
) -> dict[str, Any]:
    """Returns our card and our purchase as far as they are known; a movement may name the capture instead.

    Where the references do not belong together: only the card, and the reason.
    """
    card = VirtualCard.objects.filter(issuer_provider=provider, issuer_card_id=found.issuer_card_id)
    named = found.authorization_id
    purchase = event_references.purchase_of(provider, named) if named else None
    card_id = card.values_list("pk", flat=True).first() if found.issuer_card_id else None
    if linked_purchase is not None:
        return {"card_id": card_id, "authorization_id": linked_purchase.pk}
    why = event_references.contradiction(
        Named(
            provider=provider,
            card=found.issuer_card_id,
            cardholder=found.issuer_cardholder_id,
            purchase="" if named == found.id and purchase is None else named,
        )
    )
    if why:
        return {"card_id": card_id, "authorization_id": None, "contradiction": why[:300]}
    links = {"card_id": card_id, "authorization_id": purchase.pk if purchase else None}
    if not named or named in (found.id, purchase.issuer_authorization_id if purchase else ""):
        return links
    captures = CardTransaction.objects.filter(provider=provider, issuer_transaction_id=named)
    capture = captures.first()
    return links | (_inherited(capture, row | links) if capture else {})


def _inherited(capture: CardTransaction, row: dict[str, Any]) -> dict[str, Any]:
    return {name: getattr(capture, name) for name in (*INHERITED, "authorization_code") if not row.get(name)}


def _link_followers(capture: CardTransaction) -> None:
    """Links a capture to what was reported before it: the dispute about it, and the dispute's movements."""
    if capture.transaction_type != Type.SETTLEMENT or capture.authorization_id is None:
        return
    name = capture.issuer_transaction_id
    waiting = CardTransaction.objects.filter(
        provider=capture.provider,
        issuer_authorization_id=name,
        authorization=None,
        of_no_purchase_at=None,
        contradiction="",
    ).exclude(Q(pk=capture.pk) | Q(source=CardTransaction.Source.LEGACY))
    for kept in waiting.order_by("pk"):
        if not contradictions.contradicts(kept, capture.authorization):
            _complete(kept, _inherited(capture, {}))
    for dispute in _disputes_of(capture.provider, name):
        Dispute.objects.filter(pk=dispute.pk).update(transaction=capture, authorization=capture.authorization_id)


def _disputes_of(provider: str, named: str) -> list[Dispute]:
    """Returns the disputes that wait for this purchase or capture, unless a movement of theirs names another card."""
    waiting = Dispute.objects.filter(provider=provider, issuer_transaction_id=named, authorization=None)
    moved = CardTransaction.objects.filter(provider=provider, issuer_authorization_id=named).exclude(contradiction="")
    apart = {name.partition(":")[0] for name in moved.values_list("issuer_transaction_id", flat=True)}
    return [each for each in waiting if each.issuer_dispute_id not in apart]


def _record_repeat(kept: CardTransaction, row: dict[str, Any]) -> CardTransaction:
    """Handles a repeated movement: fills in what is missing, and opens a case for differences."""
    why = row.pop("contradiction", "")
    has_place = kept.authorization_id is not None or kept.of_no_purchase_at is not None
    if not (why or kept.contradiction):
        why = contradictions.why_not_its_card(kept, row) or contradictions.why_not_its_purchase(kept, row)
    if why and not has_place and not kept.contradiction:
        contradictions.contradict(kept, why)
    elif why and why != kept.contradiction:
        contradictions.open_contradiction(kept, why)
    if not why:
        kept = _complete(kept, row)
    _open_case_if_other(kept, row)
    return kept


def _complete(kept: CardTransaction, reported: dict[str, Any]) -> CardTransaction:
    """Fills in what the row lacks; existing values stay."""
    missing = transaction_rows.missing(kept, reported)
    if missing:
        CardTransaction.objects.filter(pk=kept.pk).update(**missing)
        kept.refresh_from_db()
    if "authorization_id" in missing:
        _note(kept, "transaction.linked", authorization=kept.authorization_id)
    if "authorization_id" in missing or "merchant_amount_minor" in missing:
        book(kept)
    return kept


def _join_refunds(kept: CardTransaction) -> None:
    joined = refund_matching.join(kept)
    _book_joined(joined)
    if kept not in joined:
        refund_matching.open_case_if_unmatched(kept)


def _book_joined(refunds: list[CardTransaction]) -> None:
    """Each under the lock of its purchase, which is another one of the locked card."""
    for refund in refunds:
        assert refund.authorization is not None  # noqa: S101  (it has just been linked)
        with locking.locked_purchase(refund.authorization):
            book(refund)


def _open_case_if_other(kept: CardTransaction, theirs: dict[str, Any]) -> None:
    """Opens a case for a movement that is reported differently now. Neither report overrides the other."""
    differs = transaction_rows.difference(kept, theirs)
    if differs is not None:
        cases.open_case(
            kind=Case.Kind.TRANSACTION_DIFFERS,
            reference=kept.reference,
            money=Money(theirs["amount_minor"], theirs["currency"]),
            summary=f"{kept.issuer_transaction_id} is {differs.ours} here; its issuer says {differs.theirs}.",
        )


def _known(provider: str, issuer_transaction_id: str) -> CardTransaction:
    return CardTransaction.objects.get(provider=provider, issuer_transaction_id=issuer_transaction_id)


def _note(kept: CardTransaction, action: str, **details: Any) -> None:
    trail.record(
        actor=f"issuer:{kept.provider}",
        action=action,
        subject=kept,
        amount_minor=kept.amount_minor,
        currency=kept.currency,
        **details,
    )
