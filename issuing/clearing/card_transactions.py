"""What an issuer settled: captures, refunds and what disputes move, each kept once, whoever told us of it, how often.

Webhooks and the issuer sync call the same `record`; issuing/clearing/posting.py puts it into the books. Authorizations,
increments, releases and declines are no rows here: they are our own Authorization with its decisions and holds.
"""

from collections.abc import Sequence
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
from onecard.kit.transactions import require_transaction, transaction
from wallet import cases
from wallet.models import Case

Type = CardTransaction.Type
# What a movement that names a capture has in common with it, where it does not say so itself.
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
) -> bool:
    """Keeps a movement that an issuer reports and says whether it is new; safe at once, twice, and in any order.

    `source` is one of CardTransaction.Source; `transaction_type` is for what has no kind of its own (chargebacks). A
    row that is there is never overwritten: only what it lacks is added, and another amount, currency or type opens a
    case (see `difference`). One that names things that do not belong together is kept without its purchase and posts
    nothing, and a case asks a person. What moves no money is not recorded: False. Raises UnrecordableError for an
    amount or a currency that cannot be. Call it in a transaction for each movement, since it takes locks.
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
    with transaction():
        locking.lock_cards_of(provider, issuer_card_id=found.issuer_card_id, named=found.authorization_id)
        if row["transaction_type"] == Type.SETTLEMENT:
            # What disputes it names the capture, and may be told at once with it.
            locking.lock_purchase(provider, found.id)
        locking.lock_purchase(provider, found.authorization_id)
        row |= _links(found, provider, row)
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
            kept = _told_again(_lock(provider, found.id), row)
        _join_refunds(kept)
        _link_followers(kept)
    return is_new


def with_update(found: Sequence[IssuerTransaction], *, provider: str) -> list[IssuerTransaction]:
    """Those of these movements that `record` would do something about, or refuse, in their order; one statement.

    The others are here already, on their card and purchase, and the issuer says nothing else or more of them.
    """
    ids = [each.id for each in found]
    rows = CardTransaction.objects.filter(provider=provider, issuer_transaction_id__in=ids)
    kept = {row.issuer_transaction_id: row for row in rows}
    return [each for each in found if not _is_told(kept.get(each.id), each)]


def difference(found: IssuerTransaction, *, provider: str) -> transaction_rows.Difference | None:
    """What our row says otherwise than the issuer: amount, currency or type; None when they agree, or there is no row.

    Raises UnrecordableError as `record` does.
    """
    kept = CardTransaction.objects.filter(provider=provider, issuer_transaction_id=found.id).first()
    if kept is None or not transaction_rows.type_of(found):
        return None
    return transaction_rows.difference(kept, transaction_rows.row_of(found))


def link(authorization: Authorization) -> int:
    """Joins a purchase with the movements that were reported before it, in the caller's transaction; says how many.

    What an old document tells is left alone, here and where captures are joined with what names them: nobody knows what
    became of it, until its issuer tells of it as well.
    """
    require_transaction("The link of transactions to their purchase")
    locking.lock_purchase(authorization.provider, authorization.issuer_authorization_id)
    waiting = CardTransaction.objects.filter(
        provider=authorization.provider,
        issuer_authorization_id=authorization.issuer_authorization_id,
        authorization=None,
        of_no_purchase_at=None,
        contradiction="",
    ).exclude(source=CardTransaction.Source.LEGACY)
    found = list(waiting.select_for_update(no_key=True, of=("self",)))
    joined = [each for each in found if not contradictions.contradicts(each, authorization)]
    for each in joined:
        kept = _complete(each, {"authorization_id": authorization.pk, "card_id": authorization.card_id})
        _join_refunds(kept)
        _link_followers(kept)
    for dispute in _disputes_of(authorization.provider, authorization.issuer_authorization_id):
        Dispute.objects.filter(pk=dispute.pk).update(authorization=authorization)
    return len(joined)


def look_again(purchase: Authorization) -> None:
    """Joins the refunds that waited for this purchase's capture, in the transaction that lets go of what it holds."""
    for refund in refund_matching.join_after(purchase):
        book(refund)


def _is_told(kept: CardTransaction | None, found: IssuerTransaction) -> bool:
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
    """Whether another card or purchase is named now than the first time; what that means is found with the locks."""
    named = (row[name] and row[name] != getattr(kept, name) for name in ("issuer_card_id", "issuer_authorization_id"))
    return not kept.contradiction and any(named)


def _links(found: IssuerTransaction, provider: str, row: dict[str, Any]) -> dict[str, Any]:
    """Our card and our purchase, as far as they are known; some movements name the capture instead of the purchase.

    Where what it names does not belong together, only the card, and why.
    """
    card = VirtualCard.objects.filter(issuer_provider=provider, issuer_card_id=found.issuer_card_id)
    named = found.authorization_id
    purchases = Authorization.objects.filter(provider=provider, issuer_authorization_id=named)
    purchase = purchases.values_list("pk", flat=True).first() if named else None
    card_id = card.values_list("pk", flat=True).first() if found.issuer_card_id else None
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
    links = {"card_id": card_id, "authorization_id": purchase}
    if purchase is not None or not named or named == found.id:
        return links
    captures = CardTransaction.objects.filter(provider=provider, issuer_transaction_id=named)
    capture = captures.select_for_update(no_key=True, of=("self",)).first()
    return links | (_inherited(capture, row | links) if capture else {})


def _inherited(capture: CardTransaction, row: dict[str, Any]) -> dict[str, Any]:
    return {name: getattr(capture, name) for name in (*INHERITED, "authorization_code") if not row.get(name)}


def _link_followers(capture: CardTransaction) -> None:
    """Joins a capture that has its purchase with what was told before it: the dispute about it, and what that moved."""
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
    for kept in waiting.select_for_update(no_key=True, of=("self",)).order_by("pk"):
        if not contradictions.contradicts(kept, capture.authorization):
            _complete(kept, _inherited(capture, {}))
    for dispute in _disputes_of(capture.provider, name):
        Dispute.objects.filter(pk=dispute.pk).update(transaction=capture, authorization=capture.authorization_id)


def _disputes_of(provider: str, named: str) -> list[Dispute]:
    """The disputes that wait for this purchase or capture, but for those of which a movement names another card."""
    waiting = Dispute.objects.filter(provider=provider, issuer_transaction_id=named, authorization=None)
    moved = CardTransaction.objects.filter(provider=provider, issuer_authorization_id=named).exclude(contradiction="")
    apart = {name.partition(":")[0] for name in moved.values_list("issuer_transaction_id", flat=True)}
    return [each for each in waiting if each.issuer_dispute_id not in apart]


def _told_again(kept: CardTransaction, row: dict[str, Any]) -> CardTransaction:
    """A movement that is here already: what it lacks is added, and what is told otherwise is for a person."""
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


def _complete(kept: CardTransaction, told: dict[str, Any]) -> CardTransaction:
    """Adds what the locked row lacks and somebody tells now; what it has stays."""
    missing = transaction_rows.missing(kept, told)
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
    for refund in joined:
        book(refund)
    if kept not in joined:
        refund_matching.open_case_if_unmatched(kept)


def _open_case_if_other(kept: CardTransaction, theirs: dict[str, Any]) -> None:
    """A movement that is told differently is for a person; nobody's word is taken over the other's."""
    differs = transaction_rows.difference(kept, theirs)
    if differs is not None:
        cases.open_case(
            kind=Case.Kind.TRANSACTION_DIFFERS,
            reference=kept.reference,
            money=Money(theirs["amount_minor"], theirs["currency"]),
            summary=f"{kept.issuer_transaction_id} is {differs.ours} here; its issuer says {differs.theirs}.",
        )


def _lock(provider: str, issuer_transaction_id: str) -> CardTransaction:
    rows = CardTransaction.objects.select_for_update(no_key=True, of=("self",))
    return rows.get(provider=provider, issuer_transaction_id=issuer_transaction_id)


def _note(kept: CardTransaction, action: str, **details: Any) -> None:
    trail.record(
        actor=f"issuer:{kept.provider}",
        action=action,
        subject=kept,
        amount_minor=kept.amount_minor,
        currency=kept.currency,
        **details,
    )
