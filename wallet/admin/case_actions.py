"""The buttons of a case's page: for each its text, its form and the domain function that it calls."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from onecard.kit import display
from onecard.kit.errors import OneCardError
from onecard.second_factor import second_people
from onecard.users.models import User
from wallet.admin import second_person
from wallet.admin.case_forms import AgreeForm, AnotherCardForm, CaseForm, NoteForm, RefundForm, WhyForm
from wallet.casework import actions as case_actions
from wallet.casework import entered_refunds, paid_receivables, suspicions
from wallet.casework import proposals as case_proposals
from wallet.casework import rules as case_rules
from wallet.casework.rules import CaseFacts
from wallet.entered.amounts import Kind
from wallet.methods import cooling
from wallet.models import Case

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

WORKS, AGREES, JUDGES = "wallet.change_case", "wallet.agree_write_off", "wallet.judge_suspicion"


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseAction:
    """One button: its texts, its form, when it is possible, and the domain function that it calls."""

    title: "StrOrPromise"
    words: "StrOrPromise"
    done: "StrOrPromise"
    call: Callable[..., object]
    why_not: Callable[[CaseFacts, User], str]
    form: type[CaseForm] = WhyForm
    permissions: tuple[str, ...] = (WORKS,)
    danger: bool = False
    # Whether it charges, gives back, books, or proposes or agrees to one of these.
    moves_money: bool
    # What `call` raises beside CaseRefusedError, with a sentence for staff.
    refusals: tuple[type[OneCardError], ...] = ()
    # Offered on a case that is resolved, where it does what the end of the case makes possible.
    when_resolved: bool = False
    # What the page says beside the words: who and how much.
    facts: Callable[[CaseFacts], Sequence[tuple[str, object]]] = lambda _facts: ()
    # What it says of a second person.
    second_person: Callable[[CaseFacts, User], Sequence[str]] = lambda _facts, _user: ()


def _money(rule: Callable[[CaseFacts], str]) -> Callable[[CaseFacts, User], str]:
    """Turns a rule that does not depend on the user into one that takes a user."""
    return lambda facts, _user: rule(facts)


def _why_not_take(facts: CaseFacts, _user: User) -> str:
    return _("Somebody has taken this case.") if facts.case.owner_id else ""


def _why_not_give_up(facts: CaseFacts, user: User) -> str:
    return "" if facts.case.owner_id == user.pk else _("This case is not yours.")


def _why_not_propose(proposal: str) -> Callable[[CaseFacts, User], str]:
    def why_not(facts: CaseFacts, _user: User) -> str:
        asked = _("Somebody has proposed something already.") if facts.case.proposed_by_id else ""
        return asked or case_proposals.why_not(facts, proposal)

    return why_not


def _why_not_withdraw(facts: CaseFacts, _user: User) -> str:
    return "" if facts.case.proposed_by_id else case_proposals.NOBODY_ASKED


def _why_not_agree(facts: CaseFacts, user: User) -> str:
    if not facts.case.proposed_by_id:
        return case_proposals.NOBODY_ASKED
    if facts.case.proposed_by_id == user.pk:
        return _("You asked for it yourself: a second person has to agree.")
    return case_proposals.why_not_agree(facts)


def _about_the_case(rule: Callable[[Case], str]) -> Callable[[CaseFacts, User], str]:
    return lambda facts, _user: rule(facts.case)


def _cooling_cards(facts: CaseFacts) -> list[tuple[str, object]]:
    cards = cooling.paused_by(facts.obligation) if facts.obligation else []
    until = _("cools down until %(when)s")
    return [(str(card), until % {"when": display.moment(card.cooling_until)}) for card in cards]


def _refund_takes_two(facts: CaseFacts, user: User) -> Sequence[str]:
    return second_person.announced(Kind.REFUND, facts.left_to_give_back.currency, user)


def _always_takes_two(_facts: CaseFacts, user: User) -> Sequence[str]:
    waits = _("Until they do nothing is booked. It waits on the page of this case: they see your name and your reason.")
    return str(second_people.MUST_APPROVE), waits, second_people.in_words(AGREES, besides=[user])


def _never(_facts: CaseFacts, _user: User) -> str:
    return ""


ACTIONS = {
    "charge-again": CaseAction(
        title=gettext_lazy("Charge again"),
        words=gettext_lazy(
            "The card that was asked last is charged once more, at once. Ask its holder first: banks mind repeats."
        ),
        done=gettext_lazy("The card is being charged; this page shows the outcome in a moment."),
        call=case_actions.charge_again,
        why_not=_money(case_rules.why_no_charge),
        moves_money=True,
    ),
    "charge-another": CaseAction(
        title=gettext_lazy("Charge another card"),
        words=gettext_lazy("Another of the cardholder's own cards is charged, at once. Ask them which one they want."),
        done=gettext_lazy("The other card is being charged; this page shows the outcome in a moment."),
        call=case_actions.charge_another,
        why_not=_money(case_rules.why_no_other_card),
        form=AnotherCardForm,
        moves_money=True,
    ),
    "refund": CaseAction(
        title=gettext_lazy("Refund"),
        words=gettext_lazy(
            "The money goes back to the card that paid, and the merchant keeps what it took: this is at our own cost. "
            "What is not owed any more goes back without you."
        ),
        done=gettext_lazy("The refund is on its way."),
        call=entered_refunds.refund,
        why_not=_money(case_rules.why_no_refund),
        form=RefundForm,
        second_person=_refund_takes_two,
        danger=True,
        moves_money=True,
    ),
    "send-again": CaseAction(
        title=gettext_lazy("Send the refund again"),
        words=gettext_lazy(
            "What could not be given back is sent to the card that paid once more, in one sum, and this case is "
            "closed. Ask first whether that card's bank takes it now; if it fails again, a new case opens by itself."
        ),
        done=gettext_lazy("The refund is on its way again, and the case is closed."),
        call=case_actions.send_again,
        why_not=_money(case_rules.why_not_send_again),
        danger=True,
        moves_money=True,
    ),
    "ask-write-off": CaseAction(
        title=gettext_lazy("Ask to write off"),
        words=gettext_lazy("What merchants took and nobody paid is given up."),
        done=gettext_lazy("A second person has to agree now."),
        call=partial(case_proposals.propose, proposal=Case.Proposal.WRITE_OFF),
        why_not=_why_not_propose(Case.Proposal.WRITE_OFF),
        second_person=_always_takes_two,
        moves_money=True,
    ),
    "ask-outside": CaseAction(
        title=gettext_lazy("Ask to book as settled outside"),
        words=gettext_lazy(
            "The money came from the cardholder, or went to them, by another way such as a transfer: say which, and "
            "where it can be seen. It is booked, and no card is asked for it, as soon as a second person agrees."
        ),
        done=gettext_lazy("A second person has to agree now."),
        call=partial(case_proposals.propose, proposal=Case.Proposal.OUTSIDE),
        why_not=_why_not_propose(Case.Proposal.OUTSIDE),
        second_person=_always_takes_two,
        moves_money=True,
    ),
    "agree": CaseAction(
        title=gettext_lazy("Agree"),
        words=gettext_lazy(
            "What was proposed is booked for good: nobody is charged for that money any more, and this case is closed. "
            "See with your own eyes that it is right."
        ),
        done=gettext_lazy("It is booked and the case is closed."),
        call=case_proposals.agree,
        why_not=_why_not_agree,
        form=AgreeForm,
        permissions=(AGREES,),
        danger=True,
        moves_money=True,
    ),
    "withdraw": CaseAction(
        title=gettext_lazy("Do not agree"),
        words=gettext_lazy("The proposal is taken back, and the case stays open."),
        done=gettext_lazy("Nothing is booked."),
        call=case_proposals.withdraw,
        why_not=_why_not_withdraw,
        permissions=(WORKS, AGREES),
        moves_money=False,
    ),
    "resolve": CaseAction(
        title=gettext_lazy("Resolve"),
        words=gettext_lazy("Say in a sentence how it was settled; the sentence stays with the case."),
        done=gettext_lazy("The case is closed."),
        call=case_actions.resolve,
        why_not=_money(case_rules.why_not_resolve),
        moves_money=False,
    ),
    "was-fraud": CaseAction(
        title=gettext_lazy("It was fraud"),
        words=gettext_lazy(
            "The case closes, and its verdicts count as right. Say how you know. The card stays as it is: freeze or "
            "replace it on its own page."
        ),
        done=gettext_lazy("The case is closed as fraud."),
        call=partial(suspicions.conclude, outcome=Case.Outcome.FRAUD),
        why_not=_money(suspicions.why_no_outcome),
        permissions=(JUDGES,),
        moves_money=False,
    ),
    "was-no-fraud": CaseAction(
        title=gettext_lazy("It was no fraud"),
        words=gettext_lazy("The case closes, and its verdicts count as wrong. Say how you know."),
        done=gettext_lazy("The case is closed as no fraud."),
        call=partial(suspicions.conclude, outcome=Case.Outcome.FALSE_POSITIVE),
        why_not=_money(suspicions.why_no_outcome),
        permissions=(JUDGES,),
        moves_money=False,
    ),
    "end-cooling": CaseAction(
        title=gettext_lazy("End cooling"),
        words=gettext_lazy(
            "The purchase is paid. The cards that declined it may be chosen and charged again from the next purchase "
            "on, instead of at the time below. Nothing is charged now."
        ),
        done=gettext_lazy("The cards can be chosen again."),
        call=paid_receivables.end_cooling,
        why_not=_about_the_case(paid_receivables.why_not_end_cooling),
        facts=_cooling_cards,
        when_resolved=True,
        moves_money=False,
    ),
    "note": CaseAction(
        title=gettext_lazy("Add a note"),
        words=gettext_lazy("What you found out or agreed. A note stays as it is written."),
        done=gettext_lazy("The note is written down."),
        call=case_actions.add_note,
        why_not=_never,
        form=NoteForm,
        when_resolved=True,
        moves_money=False,
    ),
    "take": CaseAction(
        title=gettext_lazy("Take"),
        words=gettext_lazy("The case is yours until you give it up; others see that."),
        done=gettext_lazy("The case is yours."),
        call=case_actions.take,
        why_not=_why_not_take,
        form=CaseForm,
        moves_money=False,
    ),
    "give-up": CaseAction(
        title=gettext_lazy("Give up"),
        words=gettext_lazy("The case is nobody's again, so that somebody else can take it."),
        done=gettext_lazy("The case is nobody's now."),
        call=case_actions.give_up,
        why_not=_why_not_give_up,
        form=CaseForm,
        moves_money=False,
    ),
}


def may(request: HttpRequest, action: CaseAction) -> bool:
    return any(request.user.has_perm(name) for name in action.permissions)


def possible(request: HttpRequest, facts: CaseFacts) -> list[str]:
    """Returns the buttons that this person may press and that the case allows now."""
    user: Any = request.user
    is_open = facts.case.status == Case.Status.OPEN
    offered = {name: action for name, action in ACTIONS.items() if is_open or action.when_resolved}
    return [name for name, action in offered.items() if may(request, action) and not action.why_not(facts, user)]
