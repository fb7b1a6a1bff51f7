"""Cases that staff open by hand, about a person, a card or a purchase: what is to be done, by when, and by whom."""

import datetime as dt
from typing import Any, Final

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from audit import trail
from onecard.kit import clock
from onecard.kit.reasons import checked_reason
from onecard.kit.text import normalized_lines
from onecard.kit.transactions import lock_name, transaction
from onecard.users.models import User
from wallet.cases import NO_MONEY
from wallet.casework.desk import LONGEST_NOTE, CaseRefusedError, actor
from wallet.models import Case, CaseNote

WORKS: Final = "wallet.change_case"
LONGEST_TITLE: Final = 120
# Further away is a slip in the year.
FURTHEST: Final = dt.timedelta(days=3 * 366)


def open_case(
    *, reference: str, title: str, words: str, due_on: dt.date | None, owner: User | None, user: User
) -> Case:
    """Opens a case about what a reference names, such as cardholder:7; its words are its first note.

    About one thing there is one such case at a time, so a second press opens none. Raises CaseRefusedError.
    """
    short, text = checked_reason(title, error=CaseRefusedError, longest=LONGEST_TITLE), normalized_lines(words)
    if not 0 < len(text) <= LONGEST_NOTE:
        raise CaseRefusedError(_("Write a note of 1 to %(most)s characters.") % {"most": LONGEST_NOTE})
    today = clock.now().date()
    if due_on is not None and not today - dt.timedelta(days=1) <= due_on <= today + FURTHEST:
        raise CaseRefusedError(_("The due date is in the past, or years away: look at it again."))
    if owner is not None and not owner.has_perm(WORKS):
        raise CaseRefusedError(_("%(name)s may not work cases: choose somebody else.") % {"name": owner.get_username()})
    with transaction():
        lock_name(f"onecard.case_by_hand:{reference}")
        there = Case.objects.filter(kind=Case.Kind.BY_HAND, reference=reference, status=Case.Status.OPEN).first()
        if there is not None:
            raise CaseRefusedError(
                _("A case about it is open already: “%(title)s”. Add a note there.") % {"title": there.summary}
            )
        return _write(reference=reference, summary=short, due_on=due_on, owner=owner, user=user, text=text)


def assignees() -> "QuerySet[User]":
    """Returns the staff who may work cases, by name."""
    backend = "django.contrib.auth.backends.ModelBackend"
    found: QuerySet[User] = User.objects.with_perm(WORKS, backend=backend)
    return found.filter(is_staff=True, is_active=True).order_by("username")


def _write(*, user: User, text: str, **columns: Any) -> Case:
    now = clock.now()
    case = Case.objects.create(
        kind=Case.Kind.BY_HAND,
        amount_minor=NO_MONEY.minor,
        currency=NO_MONEY.currency,
        opened_at=now,
        **columns,
    )
    CaseNote.objects.create(case=case, author=user, text=text, created_at=now)
    owner, due_on = columns["owner"], columns["due_on"]
    trail.record(
        actor=actor(user),
        action="case.opened",
        subject=case,
        kind=case.kind,
        reference=case.reference,
        due_on=str(due_on or ""),
        owner=owner.pk if owner else None,
    )
    return case
