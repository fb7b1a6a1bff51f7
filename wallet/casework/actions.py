"""What one person does about a case. Each action is one commit with its note and its audit entry.

wallet/casework/proposals.py has what takes two people. The caller checks permissions.
"""

from django.db import IntegrityError
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy

from audit import trail
from onecard.kit import clock
from onecard.kit.money import Money
from onecard.kit.transactions import savepoint, transaction
from onecard.outbox import services as outbox
from onecard.users.models import User
from wallet.casework import rules as case_rules
from wallet.casework.desk import LONGEST_NOTE, CaseRefusedError, actor, change, checked, close, note, opened, refuse
from wallet.casework.rules import CaseFacts
from wallet.charges import cascade
from wallet.entered import amounts as entered_amounts
from wallet.ledger import postings as ledger
from wallet.methods import usable as methods
from wallet.models import Case, CaseNote, FundingCharge, FundingMethod, FundingRefund
from wallet.obligations import lifecycle as obligations
from wallet.processors import account_refusals
from wallet.refunds import records as refunds


def take(*, case: Case, user: User) -> None:
    """Makes the user the case's owner. Raises CaseRefusedError when the case is closed or has an owner."""
    with opened(case) as facts:
        owner = facts.case.owner
        if owner is not None:
            whose = "you have" if owner.pk == user.pk else f"{owner.get_username()} has"
            raise CaseRefusedError(
                format_lazy(
                    gettext_lazy("Nobody can take this case: {whose} it already. It can be given up."), whose=whose
                )
            )
        change(facts, user, "case.taken", owner=user)


def give_up(*, case: Case, user: User) -> None:
    """Leaves the case without an owner. Raises CaseRefusedError when it is closed or somebody else owns it."""
    with opened(case) as facts:
        if facts.case.owner_id != user.pk:
            raise CaseRefusedError(gettext_lazy("This case is not yours, so you cannot give it up."))
        change(facts, user, "case.given_up", owner=None)


def add_note(*, case: Case, user: User, text: str) -> CaseNote:
    """Adds a note, to a closed case too. Raises CaseRefusedError for an empty text."""
    words = text.strip()
    if not 0 < len(words) <= LONGEST_NOTE:
        raise CaseRefusedError(
            format_lazy(gettext_lazy("Write a note of 1 to {most} characters."), most=str(LONGEST_NOTE))
        )
    with transaction():
        written = CaseNote.objects.create(case=case, author=user, text=words, created_at=clock.now())
        trail.record(actor=actor(user), action="case.noted", subject=case, note=written.pk)
        return written


def charge_again(*, case: Case, user: User, reason: str) -> FundingCharge:
    """Charges the last card again. Raises CaseRefusedError, also when that card cannot be charged."""
    with opened(case) as facts:
        refuse(case_rules.why_no_charge(facts))
        method = case_rules.last_method(facts)
        if method is None:
            raise CaseRefusedError(gettext_lazy("No card was asked yet: choose one."))
        return _charge(facts, user, method, reason, "charge_again")


def charge_another(*, case: Case, user: User, method: FundingMethod, reason: str) -> FundingCharge:
    """Charges another card of the same cardholder. Raises CaseRefusedError."""
    with opened(case) as facts:
        refuse(case_rules.why_no_other_card(facts))
        if method not in case_rules.other_methods(facts):
            raise CaseRefusedError(
                format_lazy(gettext_lazy("{method} is not another active card of this cardholder."), method=str(method))
            )
        return _charge(facts, user, method, reason, "charge_another")


def check_refund(*, case: Case, amount: Money, shown_minor: int) -> None:
    """Raises CaseRefusedError for a refund that cannot be made, whoever agrees to it."""
    with opened(case) as facts:
        refuse(case_rules.why_no_refund(facts))
        _refuse_other_amount(facts, amount, shown_minor)


def refund(
    *, case: Case, user: User, amount: Money, reason: str, shown_minor: int, agreed_by: User | None = None
) -> FundingRefund:
    """Begins a refund at our own cost of a part of what was paid; a refund of what is not owed needs nobody.

    Posts it as goodwill at once, so that nobody is asked for it again (wallet/obligations/adjust.py). `shown_minor` is
    what the page showed as refunded so far. Raises CaseRefusedError for more than is left, when another refund began in
    the meantime (a second click), and for an amount above the threshold without a second person.
    """
    with opened(case) as facts:
        refuse(case_rules.why_no_refund(facts))
        _refuse_other_amount(facts, amount, shown_minor)
        if agreed_by is None and entered_amounts.is_too_much_alone(entered_amounts.Kind.REFUND, amount):
            raise CaseRefusedError(
                format_lazy(
                    gettext_lazy("{amount} is too much for one person's word: a second person has to agree to it."),
                    amount=str(amount),
                )
            )
        assert facts.obligation is not None  # noqa: S101  (why_no_refund has said so)
        words = checked(reason)
        agreed = {"agreed_by": actor(agreed_by)} if agreed_by else {}
        summary = f"Refund of {amount}" + (f", agreed to by {agreed_by.get_username()}" if agreed_by else "")
        note(facts, user, "case.refund", words, summary=summary, amount_minor=amount.minor, **agreed)
        made = refunds.begin(obligation=facts.obligation, amount_minor=amount.minor, reason=words, actor=actor(user))
        purchase = case_rules.purchase_of(facts.case)
        ledger.post(kind=ledger.Kind.GOODWILL, key=f"goodwill:{made.public_id}", money=amount, reference=purchase)
        return made


def send_again(*, case: Case, user: User, reason: str) -> FundingRefund:
    """Sends the failed refunds again as one refund, at nobody's cost, and closes the case.

    If that refund fails too, a new case opens. Raises CaseRefusedError.
    """
    with opened(case) as facts:
        refuse(case_rules.why_not_send_again(facts))
        assert facts.obligation is not None  # noqa: S101  (why_not_send_again has said so)
        words = checked(reason)
        made = refunds.begin_again(obligation=facts.obligation, reason=words, actor=actor(user))
        summary = f"Refund of {made.money} sent again"
        note(facts, user, "case.sent_again", words, summary=summary, amount_minor=made.amount_minor)
        close(facts, user, words)
        return made


def resolve(*, case: Case, user: User, reason: str) -> None:
    """Closes a case that was settled outside; the reason says how. Raises CaseRefusedError.

    When the processor refused our account, calls it again at once; a new case opens if it still refuses.
    """
    with opened(case) as facts:
        refuse(case_rules.why_not_resolve(facts))
        words = checked(reason)
        note(facts, user, "case.settled", words, summary="Resolved")
        close(facts, user, words)
        if facts.case.kind == Case.Kind.ACCOUNT_REFUSED:
            account_refusals.try_now()


def _charge(facts: CaseFacts, user: User, method: FundingMethod, reason: str, name: str) -> FundingCharge:
    """Writes the next charge. A retry that waits for its time is canceled first."""
    assert facts.obligation is not None  # noqa: S101  (why_no_charge has said so)
    words = checked(reason)
    _refuse_unusable(method, facts.case.currency)
    obligations.cancel_unsent(facts.obligation, actor=actor(user))
    try:
        with savepoint():
            charge = cascade.write_charge(facts.obligation, method, due_at=clock.now(), actor=actor(user))
    except IntegrityError:
        raise CaseRefusedError(gettext_lazy("Another charge has just begun: wait for its outcome.")) from None
    outbox.put(topic="funding.requested", charge_id=charge.pk)
    note(facts, user, f"case.{name}", words, summary=f"Charge to {method}", charge=charge.pk)
    return charge


def _refuse_other_amount(facts: CaseFacts, amount: Money, shown_minor: int) -> None:
    left = facts.left_to_give_back
    if amount.currency != left.currency or not 0 < amount.minor <= left.minor:
        raise CaseRefusedError(
            format_lazy(
                gettext_lazy("{amount} cannot be given back: {left} is left of what was paid."),
                amount=str(amount),
                left=str(left),
            )
        )
    if shown_minor != facts.given_back_minor:
        back = Money(facts.given_back_minor, left.currency)
        raise CaseRefusedError(
            format_lazy(
                gettext_lazy("Meanwhile {amount} in all is given back, or on its way: look again before you go on."),
                amount=str(back),
            )
        )


def _refuse_unusable(method: FundingMethod, currency: str) -> None:
    """Refuses a card that cannot be charged, but not one that only cools down: staff have asked its holder."""
    try:
        methods.refuse_unusable(method, currency=currency, even_cooling=True)
    except methods.UnusableMethodError as error:
        raise CaseRefusedError(error.message) from None
