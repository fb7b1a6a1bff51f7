"""What every act on a case begins and ends with: the case locked as it stands, a note, an entry in the trail.

Whether an act is possible is asked under the locks (wallet/casework/rules.py), in the order obligation or purchase,
case; so of two clicks the second gets a sentence.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from audit import trail
from onecard.kit import clock
from onecard.kit.errors import OneCardError
from onecard.kit.transactions import transaction
from onecard.users.models import User
from wallet import locking as wallet_locking
from wallet.casework import rules as case_rules
from wallet.casework.rules import CaseFacts
from wallet.models import Case, CaseNote

LONGEST_NOTE, LONGEST_REASON = 2000, 200


class CaseRefusedError(OneCardError):
    """It cannot be done with this case now; the message says why, for staff."""

    code = "case_refused"


@contextmanager
def opened(case: Case) -> Iterator[CaseFacts]:
    """The case as it stands, with itself and its obligation, or what it names, locked; in a transaction to the end.

    Raises CaseRefusedError when it is closed.
    """
    with transaction():
        if case.obligation_id is None:
            wallet_locking.lock_purchase(case.reference)
        else:
            wallet_locking.lock(case.obligation_id)
        # No joins: after a wait for the lock, joined rows would be those of before it.
        fresh = Case.objects.select_for_update(no_key=True).get(pk=case.pk)
        if fresh.status != Case.Status.OPEN:
            raise CaseRefusedError("This case is resolved: nothing is left to do about it.")
        yield case_rules.look_at(fresh)


def close(facts: CaseFacts, user: User, words: str, **more: Any) -> None:
    """Resolves the case; `more` are other columns of it."""
    closed = {"status": Case.Status.RESOLVED, "resolved_at": clock.now(), "resolution": words}
    change(facts, user, "case.resolved", **closed, **more)


def change(facts: CaseFacts, user: User, action: str, **changes: Any) -> None:
    """Updates the open case; `action` "" leaves no entry, where the note has made one."""
    mine = Case.objects.filter(pk=facts.case.pk, status=Case.Status.OPEN)
    if mine.update(**changes) != 1:
        raise CaseRefusedError("Somebody else has just changed this case: look again.")
    if action:
        trail.record(actor=actor(user), action=action, subject=facts.case, kind=facts.case.kind)


def note(facts: CaseFacts, user: User, action: str, words: str, *, summary: str, **details: Any) -> None:
    """What was done and why, beside the notes that people write themselves."""
    text = f"{summary}: {words}"[:LONGEST_NOTE]
    CaseNote.objects.create(case=facts.case, author=user, text=text, created_at=clock.now())
    trail.record(actor=actor(user), action=action, subject=facts.case, reason=words, **details)


def checked(reason: str) -> str:
    """The reason as it is written down; raises CaseRefusedError for none, or too long a one."""
    words = reason.strip()
    if not 0 < len(words) <= LONGEST_REASON:
        raise CaseRefusedError(f"Say why, in a sentence of 1 to {LONGEST_REASON} characters.")
    return words


def refuse(why: str) -> None:
    """Raises CaseRefusedError for any reason but ""."""
    if why:
        raise CaseRefusedError(why)


def actor(user: User) -> str:
    """What the trail calls a person."""
    return f"user:{user.pk}"
