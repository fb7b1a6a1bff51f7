"""Working a case: what staff do about it. Each act is one commit with its note and its entry in the trail.

Whether it is possible is asked under the locks (wallet/case_rules.py), in the order obligation, case; so of two clicks
the second gets a sentence. Who may do it is the caller's to check.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import IntegrityError

from audit import trail
from onecard.kit import clock
from onecard.kit.errors import OneCardError
from onecard.kit.money import Money
from onecard.kit.transactions import savepoint, transaction
from onecard.outbox import services as outbox
from onecard.users.models import User
from wallet import cascade, case_rules, ledger, methods, obligations, refunds
from wallet.case_rules import Standing
from wallet.models import Case, CaseNote, FundingCharge, FundingMethod, FundingRefund

LONGEST_NOTE, LONGEST_REASON = 2000, 200


class CaseRefusedError(OneCardError):
    """It cannot be done with this case now; the message says why, for staff."""

    code = "case_refused"


def take(*, case: Case, user: User) -> None:
    """Makes somebody the case's owner. Raises CaseRefusedError when it is closed, or has an owner."""
    with _open(case) as standing:
        owner = standing.case.owner
        if owner is not None:
            whose = "you have" if owner.pk == user.pk else f"{owner.get_username()} has"
            raise CaseRefusedError(f"Nobody can take this case: {whose} it already. It can be given up.")
        _change(standing, user, "case.taken", owner=user)


def give_up(*, case: Case, user: User) -> None:
    """Leaves the case to whoever takes it next. Raises CaseRefusedError when it is closed or somebody else's."""
    with _open(case) as standing:
        if standing.case.owner_id != user.pk:
            raise CaseRefusedError("This case is not yours, so you cannot give it up.")
        _change(standing, user, "case.given_up", owner=None)


def add_note(*, case: Case, user: User, text: str) -> CaseNote:
    """Writes down what somebody found out; a closed case can still get one. Raises CaseRefusedError for no text."""
    words = text.strip()
    if not 0 < len(words) <= LONGEST_NOTE:
        raise CaseRefusedError(f"Write a note of 1 to {LONGEST_NOTE} characters.")
    with transaction():
        note = CaseNote.objects.create(case=case, author=user, text=words, created_at=clock.now())
        trail.record(actor=_actor(user), action="case.noted", subject=case, note=note.pk)
        return note


def charge_again(*, case: Case, user: User, reason: str) -> FundingCharge:
    """Charges the card that was asked last once more. Raises CaseRefusedError, also when that card cannot be used."""
    with _open(case) as standing:
        _refuse(case_rules.why_no_charge(standing))
        method = case_rules.last_method(standing)
        if method is None:
            raise CaseRefusedError("No card was asked yet: choose one.")
        return _charge(standing, user, method, reason, "charge_again")


def charge_another(*, case: Case, user: User, method: FundingMethod, reason: str) -> FundingCharge:
    """Charges another card of the same cardholder. Raises CaseRefusedError."""
    with _open(case) as standing:
        _refuse(case_rules.why_no_other_card(standing))
        if method not in case_rules.other_methods(standing):
            raise CaseRefusedError(f"{method} is not another active card of this cardholder.")
        return _charge(standing, user, method, reason, "charge_another")


def refund(*, case: Case, user: User, amount: Money, reason: str, seen_minor: int) -> FundingRefund:
    """Begins to give back a part of what was paid. `seen_minor` is what the person saw as given back before.

    Raises CaseRefusedError for more than is left, and when something was given back meanwhile: a second click.
    """
    with _open(case) as standing:
        _refuse(case_rules.why_no_refund(standing))
        _refuse_other_amount(standing, amount, seen_minor)
        assert standing.obligation is not None  # noqa: S101  (why_no_refund has said so)
        words = _words(reason)
        _note(standing, user, "case.refund", words, told=f"Refund of {amount}", amount_minor=amount.minor)
        return refunds.begin(
            obligation=standing.obligation, amount_minor=amount.minor, reason=words, actor=_actor(user)
        )


def ask_write_off(*, case: Case, user: User, reason: str) -> None:
    """Proposes to give the money up; a second person has to agree. Raises CaseRefusedError."""
    with _open(case) as standing:
        _refuse(case_rules.why_no_write_off(standing))
        asked_by = standing.case.write_off_asked_by
        if asked_by is not None:
            raise CaseRefusedError(f"{asked_by.get_username()} has asked for that already; a second person may agree.")
        _note(standing, user, "case.write_off_asked", _words(reason), told=f"Asked to write off {standing.unpaid}")
        _change(standing, user, "", write_off_asked_by=user)


def withdraw_write_off(*, case: Case, user: User, reason: str) -> None:
    """Takes the proposal back, or refuses it. Raises CaseRefusedError when there is none."""
    with _open(case) as standing:
        if standing.case.write_off_asked_by is None:
            raise CaseRefusedError("Nobody has asked to write this off.")
        _note(standing, user, "case.write_off_withdrawn", _words(reason), told="Not written off")
        _change(standing, user, "", write_off_asked_by=None)


def agree_write_off(*, case: Case, user: User, reason: str) -> Money:
    """The second person agrees: the money is posted as lost, nothing is owed any more, and the case is closed.

    Gives what was written off. Raises CaseRefusedError, also for the person who asked.
    """
    with _open(case) as standing:
        asked_by = standing.case.write_off_asked_by
        if asked_by is None:
            raise CaseRefusedError("Nobody has asked to write this off.")
        if asked_by.pk == user.pk:
            raise CaseRefusedError("You asked for it yourself: a second person has to agree.")
        _refuse(case_rules.why_no_write_off(standing))
        lost, words = standing.unpaid, _words(reason)
        ledger.post(
            kind=ledger.Kind.WRITE_OFF,
            key=f"write_off:{standing.case.pk}",
            money=lost,
            reference=case_rules.purchase_of(standing.case),
        )
        _note(standing, user, "case.written_off", words, told=f"Wrote off {lost}", amount_minor=lost.minor)
        _close(standing, user, words, write_off_agreed_by=user)
        if standing.obligation is not None:
            obligations.release(obligation_id=standing.obligation.pk, actor=_actor(user))
        return lost


def resolve(*, case: Case, user: User, reason: str) -> None:
    """Closes a case that was settled outside, with the sentence that says how. Raises CaseRefusedError."""
    with _open(case) as standing:
        _refuse(case_rules.why_not_resolve(standing))
        words = _words(reason)
        _note(standing, user, "case.settled", words, told="Resolved")
        _close(standing, user, words)


@contextmanager
def _open(case: Case) -> Iterator[Standing]:
    """The case as it stands, with its obligation and itself locked; in a transaction to the end of the block."""
    with transaction():
        if case.obligation_id is not None:
            obligations.lock(case.obligation_id)
        # No joins: after a wait for the lock, joined rows would be those of before it.
        fresh = Case.objects.select_for_update(no_key=True).get(pk=case.pk)
        if fresh.status != Case.Status.OPEN:
            raise CaseRefusedError("This case is resolved: nothing is left to do about it.")
        yield case_rules.look_at(fresh)


def _charge(standing: Standing, user: User, method: FundingMethod, reason: str, name: str) -> FundingCharge:
    """Writes the next charge; a retry that waited for its time is canceled for it."""
    assert standing.obligation is not None  # noqa: S101  (why_no_charge has said so)
    words = _words(reason)
    _refuse_unusable(method, standing.case.currency)
    obligations.cancel_unsent(standing.obligation, actor=_actor(user))
    try:
        with savepoint():
            charge = cascade.write_charge(standing.obligation, method, due_at=clock.now(), actor=_actor(user))
    except IntegrityError:
        raise CaseRefusedError("Another charge has just begun: wait for its outcome.") from None
    outbox.put(topic="funding.requested", charge_id=charge.pk)
    _note(standing, user, f"case.{name}", words, told=f"Charge to {method}", charge=charge.pk)
    return charge


def _refuse_other_amount(standing: Standing, amount: Money, seen_minor: int) -> None:
    left = standing.left_to_give_back
    if amount.currency != left.currency or not 0 < amount.minor <= left.minor:
        raise CaseRefusedError(f"{amount} cannot be given back: {left} is left of what was paid.")
    if seen_minor != standing.given_back_minor:
        back = Money(standing.given_back_minor, left.currency)
        raise CaseRefusedError(f"Meanwhile {back} in all is given back, or on its way: look again before you go on.")


def _close(standing: Standing, user: User, words: str, **more: Any) -> None:
    closed = {"status": Case.Status.RESOLVED, "resolved_at": clock.now(), "resolution": words}
    _change(standing, user, "case.resolved", **closed, **more)


def _change(standing: Standing, user: User, action: str, **changes: Any) -> None:
    """Updates the open case; `action` "" leaves no entry, where the note has made one."""
    mine = Case.objects.filter(pk=standing.case.pk, status=Case.Status.OPEN)
    if mine.update(**changes) != 1:
        raise CaseRefusedError("Somebody else has just changed this case: look again.")
    if action:
        trail.record(actor=_actor(user), action=action, subject=standing.case, kind=standing.case.kind)


def _note(standing: Standing, user: User, action: str, words: str, *, told: str, **details: Any) -> None:
    """What was done and why, beside the notes that people write themselves."""
    text = f"{told}: {words}"[:LONGEST_NOTE]
    CaseNote.objects.create(case=standing.case, author=user, text=text, created_at=clock.now())
    trail.record(actor=_actor(user), action=action, subject=standing.case, reason=words, **details)


def _words(reason: str) -> str:
    words = reason.strip()
    if not 0 < len(words) <= LONGEST_REASON:
        raise CaseRefusedError(f"Say why, in a sentence of 1 to {LONGEST_REASON} characters.")
    return words


def _refuse(why: str) -> None:
    if why:
        raise CaseRefusedError(why)


def _refuse_unusable(method: FundingMethod, currency: str) -> None:
    """A card that was declined a short while ago passes: a person has asked its holder."""
    try:
        methods.refuse_unusable(method, currency=currency, even_cooling=True)
    except methods.UnusableMethodError as error:
        raise CaseRefusedError(error.message) from None


def _actor(user: User) -> str:
    return f"user:{user.pk}"
