"""What a row of Marqeta's webhook means for a purchase; called by the worker in its transaction, once per row.

Each network message is a transaction of its own, linked to the purchase by the preceding token. Money that moved is
recorded by issuing/handlers/marqeta_clearing.py; rows that are not acted on are kept with the reason.
"""

from dataclasses import replace
from typing import Any

from issuing import locking, states
from issuing.authorizations import decline_notices, failed_answers, issuer_reasons, lifecycle, rounds
from issuing.billing import amount_due, position
from issuing.handlers import marqeta_clearing, marqeta_disputes
from issuing.handlers.marqeta_rows import Row, read_row
from issuing.inbox.references import ContradictionError
from issuing.inbox.unhandled_money import UnhandledMoneyError, carries_amount
from issuing.issuers.marqeta.events import (
    jit_funding,
    read_object,
)
from issuing.issuers.marqeta.message_types import (
    CLEARINGS,
    EXPIRIES,
    FIRST_MESSAGES,
    INCREMENTS,
    NO_MONEY_ROOTS,
    REFUNDS,
    RELEASES,
    Meaning,
    meaning_of,
)
from issuing.issuers.messages import MalformedEventError
from issuing.models import Authorization, Decision
from onecard.kit.text import clean_text

ACTOR = "issuer:marqeta"
PLAIN_ENTRIES = frozenset({"gpa.credit", "gpa.debit", "msa.credit", "msa.debit"})
REFUSED = ("DECLINED", "ERROR")
Result = tuple[str, str]
HANDLED: Result = (states.Event.HANDLED, "")
WAIT: Result = (states.Event.RECEIVED, "")


def apply(body: bytes, *, patient: bool) -> Result:
    """Acts on a stored row; `patient` while our own decision may still be committing. Returns status and reason."""
    key, rows = next(iter(read_object(body).items()), ("", []))
    row = rows[0] if isinstance(rows, list) and rows else None
    if not isinstance(row, dict):
        raise MalformedEventError("The row is not an object.")
    if key == "chargebacktransitions":
        return marqeta_disputes.apply_transition(row)
    if key != "transactions":
        return _of_other_kind(key, row)
    kind = clean_text(row.get("type"), limit=80)
    meaning = _meaning(kind, row)
    if meaning is Meaning.TWIN:
        return states.Event.KEPT, "A book-keeping twin of a merchant's message."
    if meaning is Meaning.NO_MONEY:
        return states.Event.KEPT, "A message of this type moves no money."
    if meaning is Meaning.UNHANDLED:
        return _unhandled(row)
    if meaning is Meaning.DISPUTE:
        return _disputed(kind, row)
    return _apply(read_row(kind, row), patient=patient)


def _of_other_kind(key: str, row: dict[str, Any]) -> Result:
    if key not in NO_MONEY_ROOTS and carries_amount(row) and row.get("state") not in REFUSED:
        raise UnhandledMoneyError("Nothing here books events of this kind.")
    return states.Event.KEPT, "Nothing is done about events of this kind yet."


def _unhandled(row: dict[str, Any]) -> Result:
    if row.get("state") in REFUSED or not carries_amount(row):
        return states.Event.KEPT, "Nothing is done about messages of this type, and no money has moved."
    raise UnhandledMoneyError("Nothing here books messages of this type.")


def _meaning(kind: str, row: dict[str, Any]) -> Meaning:
    found = meaning_of(kind, carries_amount=carries_amount(row))
    return Meaning.UNHANDLED if found is Meaning.TWIN and _is_alone(kind, row) else found


def _is_alone(kind: str, row: dict[str, Any]) -> bool:
    """Returns whether a plain credit or debit of the account belongs to no merchant's message: the program's own load.

    The twin of a message carries the message's funding, or names the message (Marqeta, gpa twins).
    """
    is_plain = kind.removesuffix(".reversal") in PLAIN_ENTRIES
    return is_plain and not jit_funding(row) and not row.get("preceding_related_transaction_token")


def _disputed(kind: str, row: dict[str, Any]) -> Result:
    read = read_row(kind, row)
    if read.state in REFUSED and marqeta_disputes.gives_money(kind) and read.update.amount_minor:
        raise UnhandledMoneyError("The money of the dispute was refused, so it did not arrive.")
    if read.state in REFUSED:
        return states.Event.KEPT, "A refused message changes nothing."
    return marqeta_disputes.apply_message(kind, row, read.update)


def _apply(row: Row, *, patient: bool) -> Result:
    """Applies a message under the lock of what it names.

    Money that moved is kept with its contradiction; else the contradiction is raised.
    """
    moved = (row.movement.id, row.movement.authorization_id) if row.movement else ()
    update = row.update
    with locking.locked_names(update.provider, update.authorization_id, *moved, issuer_card_id=update.issuer_card_id):
        try:
            lifecycle.refuse_contradiction(update)
        except ContradictionError:
            if row.movement is None or row.state in ("PENDING", *REFUSED):
                raise
            return _post(row)
        return _apply_row(row, patient=patient)


def _apply_row(row: Row, *, patient: bool) -> Result:
    known = _purchase(row) if row.kind in INCREMENTS | RELEASES and row.state not in REFUSED else None
    if known is not None:
        lifecycle.refuse_other_currency(known, row.update)
    if row.state in REFUSED:
        return _refused(row, patient=patient)
    if row.kind in CLEARINGS:
        return _cleared(row, patient=patient)
    if row.kind in REFUNDS:
        return _post(row)
    if row.kind in EXPIRIES:
        return _report(row, states.Authorization.EXPIRED, patient=patient)
    if row.kind in RELEASES:
        if row.state != "CLEARED":
            return _reduced(row, patient=patient)
        return _report(row, states.Authorization.REVERSED, patient=patient)
    return _approved(row, patient=patient)


def _approved(row: Row, *, patient: bool) -> Result:
    done = _report(row, states.Authorization.APPROVED, patient=patient)
    if done == HANDLED and row.state == "PENDING" and _approved_for_less(row):
        return _close_if_all_is_captured(row, patient=patient)
    if done == HANDLED and row.kind in INCREMENTS:
        return _approved_increment(row, patient=patient)
    if done == HANDLED and row.state == "COMPLETION":
        _post(row)
        return _report(row, states.Authorization.SETTLED, patient=patient)
    return done


def _approved_for_less(row: Row) -> int:
    """Handles a partial approval (response code 0002): the message has the part, our decision the whole amount.

    A message is handled once per state, and only in the state PENDING is it the approval itself.
    """
    decision = _decision(row, approved=True)
    if decision is None:
        return 0
    lifecycle.refuse_other_currency(decision.authorization, row.update)
    return lifecycle.approve_less(decision, row.update.amount_minor, actor=ACTOR)


def _reduced(row: Row, *, patient: bool) -> Result:
    """Releases a part of the hold; the released amount is in the order, and for an advice nowhere else."""
    if _report(row, states.Authorization.APPROVED, patient=patient) != HANDLED:
        return WAIT
    purchase = _purchase(row)
    if purchase is not None and purchase.status == states.Authorization.APPROVED:
        lifecycle.give_back(purchase, row.released_minor, actor=ACTOR)
        return _close_if_all_is_captured(row, patient=patient)
    return HANDLED


def _close_if_all_is_captured(row: Row, *, patient: bool) -> Result:
    """Settles the purchase: its last clearing may have been reported before the reduction that made it the last."""
    purchase = _purchase(row)
    captured = position.moved_minor(purchase)[0] if purchase is not None else 0
    if purchase is not None and captured and captured >= purchase.approved_minor:
        return _report(row, states.Authorization.SETTLED, patient=patient)
    return HANDLED


def _approved_increment(row: Row, *, patient: bool) -> Result:
    """Counts an increment that we declined or never saw; the merchant may capture it.

    A larger capture may have asked for an increment's amount already.
    """
    decision = _decision(row, approved=True)
    if decision is not None:
        amount_due.follow(decision.authorization, actor=ACTOR)
        return HANDLED
    purchase = _purchase(row)
    if purchase is None or (row.update.asked_us and patient and _decision(row, approved=False) is None):
        return WAIT
    if row.update.amount_minor and purchase.status not in lifecycle.NOTHING_BOUGHT:
        # A capture that was reported before may have charged cards for it already.
        lifecycle.add_unasked(purchase, row.update.amount_minor, is_new=row.state == "PENDING", actor=ACTOR)
    return HANDLED


def _refused(row: Row, *, patient: bool) -> Result:
    """Releases what we approved for this message: the network declined it, whatever we answered."""
    if row.kind not in FIRST_MESSAGES | INCREMENTS:
        return states.Event.KEPT, "A refused message changes nothing."
    approved = _decision(row, approved=True)
    if approved is not None:
        lifecycle.undo_round(approved, actor=ACTOR)
        approved.authorization.refresh_from_db(fields=("status",))
        if approved.authorization.status == states.Authorization.DECLINED:
            issuer_reasons.keep(row.update, approved.authorization)
        failed_answers.note(row.update, approved.authorization)
        decline_notices.by_issuer(approved.authorization, approved.amount_minor)
        return HANDLED
    known = _purchase(row)
    if row.kind in INCREMENTS and row.update.asked_us and patient and _decision(row, approved=False) is None:
        return WAIT
    if known is not None:
        failed_answers.note(row.update, known)
    if row.kind in INCREMENTS or known is not None:
        return HANDLED
    return _report(row, states.Authorization.DECLINED, patient=patient)


def _cleared(row: Row, *, patient: bool) -> Result:
    """Records the capture, also of what we declined; the hold ends with the last clearing."""
    done = _report(row, states.Authorization.APPROVED, patient=patient)
    if done != HANDLED:
        return done
    done = _post(row)
    if done != HANDLED:
        return done
    purchase = _purchase(row)
    # Without an explicit mark, the last clearing is the one that completes the approved amount.
    is_all = purchase is not None and position.moved_minor(purchase)[0] >= purchase.approved_minor
    if row.is_final or (row.is_final is None and is_all):
        return _report(row, states.Authorization.SETTLED, patient=patient)
    return HANDLED


def _post(row: Row) -> Result:
    """Records the money that moved; a message that only announces a movement records none."""
    if row.movement is None or row.state == "PENDING":
        return states.Event.KEPT, "The money of this message has not moved yet."
    marqeta_clearing.record(row.kind, row.movement, row.update)
    return HANDLED


def _report(row: Row, status: str, *, patient: bool) -> Result:
    approved = status != states.Authorization.DECLINED
    update = replace(row.update, ever_approved=approved, status=status)
    return HANDLED if lifecycle.apply_update(update, _purchase(row), wait_for_decision=patient) else WAIT


def _decision(row: Row, *, approved: bool) -> Decision | None:
    """Returns our decision, not corrected since, about this very message."""
    found = rounds.decided_under(row.update.provider, row.jit_token)
    # A message that names our answer about another purchase does not concern that purchase.
    found = found.filter(authorization__issuer_authorization_id=row.update.authorization_id)
    in_force = found.filter(corrected_by=None, approved=approved).select_related("authorization", "hold")
    return in_force.first() if row.jit_token else None


def _purchase(row: Row) -> Authorization | None:
    known = Authorization.objects.filter(provider=row.update.provider)
    return known.filter(issuer_authorization_id=row.update.authorization_id).first()
