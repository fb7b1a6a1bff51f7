"""What every action on a case shares: the lock and facts before, the note and audit entry after.

The rules are asked under the locks (wallet/casework/rules.py), taken in the order obligation or purchase, then case. So
the second of two clicks gets a sentence.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.utils.translation import gettext_lazy

from audit import trail
from onecard.kit import clock
from onecard.kit.errors import OneCardError
from onecard.kit.reasons import checked_reason
from onecard.kit.transactions import transaction
from onecard.users.models import User
from wallet import locking as wallet_locking
from wallet.casework import rules as case_rules
from wallet.casework.rules import CaseFacts
from wallet.models import Case, CaseNote

LONGEST_NOTE = 2000


class CaseRefusedError(OneCardError):
    """The case does not allow this now. The message says why, for staff."""

    code = "case_refused"


@contextmanager
def opened(case: Case) -> Iterator[CaseFacts]:
    """Locks the case with its obligation or reference and yields its facts, inside one transaction.

    Raises CaseRefusedError when the case is closed.
    """
    with transaction():
        if case.obligation_id is None:
            wallet_locking.lock_purchase(case.reference)
        else:
            wallet_locking.lock(case.obligation_id)
        # No joins: after a wait for the lock, the joined rows would still be the old ones.
        fresh = Case.objects.select_for_update(no_key=True).get(pk=case.pk)
        if fresh.status != Case.Status.OPEN:
            raise CaseRefusedError(gettext_lazy("This case is resolved: nothing is left to do about it."))
        yield case_rules.read_facts(fresh)


def close(facts: CaseFacts, user: User, words: str, **more: Any) -> None:
    """Resolves the case; `more` sets further columns."""
    closed = {"status": Case.Status.RESOLVED, "resolved_at": clock.now(), "resolution": words}
    change(facts, user, "case.resolved", **closed, **more)


def change(facts: CaseFacts, user: User, action: str, **changes: Any) -> None:
    """Updates the open case. With `action` "" it writes no audit entry, because the note has written one."""
    mine = Case.objects.filter(pk=facts.case.pk, status=Case.Status.OPEN)
    if mine.update(**changes) != 1:
        raise CaseRefusedError(gettext_lazy("Somebody else has just changed this case: look again."))
    if action:
        trail.record(actor=actor(user), action=action, subject=facts.case, kind=facts.case.kind)


def note(facts: CaseFacts, user: User, action: str, words: str, *, summary: str, **details: Any) -> None:
    """Writes a note and an audit entry that say what was done and why."""
    text = f"{summary}: {words}"[:LONGEST_NOTE]
    CaseNote.objects.create(case=facts.case, author=user, text=text, created_at=clock.now())
    trail.record(actor=actor(user), action=action, subject=facts.case, reason=words, **details)


def checked(reason: str) -> str:
    """Returns the reason in its stored form. Raises CaseRefusedError when it is empty or too long."""
    return checked_reason(reason, error=CaseRefusedError)


def refuse(why: str) -> None:
    """Raises CaseRefusedError for any reason but ""."""
    if why:
        raise CaseRefusedError(why)


def actor(user: User) -> str:
    """Returns the name of a user in the audit trail."""
    return f"user:{user.pk}"
