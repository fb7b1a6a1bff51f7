"""What a suspicion of fraud turned out to be: a person says it, and the case closes. Hooks are judged by it."""

from django.utils.translation import gettext as _

from onecard.users.models import User
from wallet.casework.desk import checked, close, note, opened, refuse
from wallet.casework.rules import CaseFacts
from wallet.models import Case

SUMMARIES = {Case.Outcome.FRAUD: "It was fraud", Case.Outcome.FALSE_POSITIVE: "It was no fraud"}


def why_no_outcome(facts: CaseFacts) -> str:
    """Returns why nobody is asked whether it was fraud, or ""."""
    is_suspicion = facts.case.kind == Case.Kind.SUSPECTED_FRAUD
    return "" if is_suspicion else _("This case is about no suspicion of fraud.")


def conclude(*, case: Case, user: User, outcome: str, reason: str) -> None:
    """Closes a suspicion with its outcome; the reason says how it is known. Raises CaseRefusedError.

    Nothing else changes: a card is frozen or flagged by its own buttons.
    """
    with opened(case) as facts:
        refuse(why_no_outcome(facts))
        words = checked(reason)
        note(facts, user, "case.concluded", words, summary=SUMMARIES[Case.Outcome(outcome)], outcome=outcome)
        close(facts, user, words, outcome=outcome)
