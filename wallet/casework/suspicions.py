"""What a suspicion of fraud turned out to be: a person says it, and the case closes. Hooks are judged by it."""

from onecard.users.models import User
from wallet.casework import rules as case_rules
from wallet.casework.desk import checked, close, note, opened, refuse
from wallet.models import Case

SUMMARIES = {Case.Outcome.FRAUD: "It was fraud", Case.Outcome.FALSE_POSITIVE: "It was no fraud"}


def conclude(*, case: Case, user: User, outcome: str, reason: str) -> None:
    """Closes a suspicion with its outcome; the reason says how it is known. Raises CaseRefusedError.

    Nothing else changes: a card is frozen or flagged by its own buttons.
    """
    with opened(case) as facts:
        refuse(case_rules.why_no_outcome(facts))
        words = checked(reason)
        note(facts, user, "case.concluded", words, summary=SUMMARIES[Case.Outcome(outcome)], outcome=outcome)
        close(facts, user, words, outcome=outcome)
