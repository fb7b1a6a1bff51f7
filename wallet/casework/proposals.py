"""What one person proposes and another agrees to: a write-off, or money settled outside the product.

Each action is one commit with its note and its audit entry. The caller checks permissions.
"""

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy

from onecard.kit.money import Money
from onecard.second_factor import trust
from onecard.users.models import User
from wallet.casework import rules as case_rules
from wallet.casework.desk import CaseRefusedError, actor, change, checked, close, note, opened, refuse
from wallet.casework.rules import CaseFacts
from wallet.ledger import postings as ledger
from wallet.models import Case
from wallet.obligations import lifecycle as obligations

Proposal = Case.Proposal
NOBODY_ASKED = "Nobody has proposed anything that you could agree to."
ANEW = "Withdraw it (“Do not agree”) and propose it again."
# For each proposal: its name in the notes when asked and when done, and its audit action.
NAMES = {
    Proposal.WRITE_OFF: ("Asked to write off", "Wrote off", "case.written_off"),
    Proposal.OUTSIDE: ("Asked to book as settled outside", "Settled outside", "case.settled_outside"),
}


def propose(*, case: Case, user: User, proposal: str, reason: str) -> None:
    """Proposes a write-off, or that the money was settled outside; a second person has to agree.

    Raises CaseRefusedError.
    """
    wanted = Proposal(proposal)
    with opened(case) as facts:
        refuse(why_not(facts, wanted))
        asked_by = facts.case.proposed_by
        if asked_by is not None:
            raise CaseRefusedError(
                format_lazy(
                    gettext_lazy("{asked_by} has asked for that already; a second person may agree."),
                    asked_by=asked_by.get_username(),
                )
            )
        amount = case_rules.given_up(facts, wanted)
        note(facts, user, f"case.{wanted}_asked", checked(reason), summary=f"{NAMES[wanted][0]} {amount}")
        change(facts, user, "", proposed_by=user, proposal=wanted, proposed_minor=amount.minor)


def withdraw(*, case: Case, user: User, reason: str) -> None:
    """Takes the proposal back or refuses it. Raises CaseRefusedError when there is none."""
    with opened(case) as facts:
        if facts.case.proposed_by is None:
            raise CaseRefusedError(NOBODY_ASKED)
        words = checked(reason)
        note(facts, user, f"case.{facts.case.proposal}_withdrawn", words, summary="Not agreed to")
        change(facts, user, "", proposed_by=None, proposal="", proposed_minor=None)


def agree(*, case: Case, user: User, reason: str, shown_minor: int | None = None) -> Money:
    """Posts what was proposed, ends what is owed for it and closes the case, on a second person's word.

    Returns the amount. `shown_minor` is the amount that the page showed: the proposal may have been withdrawn and made
    anew since. Raises CaseRefusedError for the person who proposed it, for another amount than the page showed, and for
    a person who is suspended because their login or second factor is new or was changed.
    """
    refuse(trust.why_not_trusted(user))
    with opened(case) as facts:
        asked_by = facts.case.proposed_by
        if asked_by is None:
            raise CaseRefusedError(NOBODY_ASKED)
        if trust.is_one_person(asked_by, user):
            raise CaseRefusedError(gettext_lazy("You asked for it yourself: a second person has to agree."))
        wanted = Proposal(facts.case.proposal)
        refuse(why_not_agree(facts))
        if shown_minor is not None and shown_minor != facts.case.proposed_minor:
            raise CaseRefusedError(gettext_lazy("Meanwhile another amount was proposed: look again before you agree."))
        amount, words = case_rules.given_up(facts, wanted), checked(reason)
        _post(facts, wanted, amount)
        _, summary, action = NAMES[wanted]
        note(facts, user, action, words, summary=f"{summary} {amount}", amount_minor=amount.minor)
        close(facts, user, words, agreed_by=user)
        if facts.obligation is not None and not facts.is_paid:
            obligations.release(obligation_id=facts.obligation.pk, actor=actor(user))
        return amount


def why_not(facts: CaseFacts, proposal: str) -> str:
    """Returns why this cannot be proposed now, or ""."""
    is_outside = proposal == Proposal.OUTSIDE
    return case_rules.why_not_outside(facts) if is_outside else case_rules.why_no_write_off(facts)


def why_not_agree(facts: CaseFacts) -> str:
    """Returns why the proposal cannot be agreed to now, or "". Two people agree to one fixed amount."""
    impossible = why_not(facts, facts.case.proposal)
    amount, asked_for = case_rules.given_up(facts, facts.case.proposal), proposed(facts.case)
    if impossible or amount == asked_for:
        return impossible
    if asked_for is None:
        return f"Nobody wrote down how much was asked for, and it would be {amount} now. {ANEW}"
    return f"{asked_for} was asked for, and it would be {amount} now. {ANEW}"


def proposed(case: Case) -> Money | None:
    """Returns the proposed amount, or None without a proposal and for old proposals that stored no amount."""
    return None if case.proposed_minor is None else Money(case.proposed_minor, case.currency)


def _post(facts: CaseFacts, proposal: str, amount: Money) -> None:
    """Posts money in for an unpaid purchase (our loss, or from outside), or out for a refund that was made outside."""
    ledger.post(
        kind=ledger.Kind.OUTSIDE if proposal == Proposal.OUTSIDE else ledger.Kind.WRITE_OFF,
        key=f"{proposal}:{facts.case.pk}",
        money=amount,
        reference=case_rules.purchase_of(facts.case),
        back=facts.clearing_minor < 0,
    )
