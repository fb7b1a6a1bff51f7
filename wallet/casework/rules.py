"""What can be done about a case now, and the reason when something cannot.

Only reads. The admin pages ask which buttons to show, and the actions ask again under their locks
(wallet/casework/actions.py).
"""

from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from onecard.kit import clock, display
from onecard.kit.money import Money
from onecard.kit.sentences import in_a_sentence
from wallet import states
from wallet.accounts import Account
from wallet.charges import cascade
from wallet.ledger import postings as ledger
from wallet.models import Case, FundingCharge, FundingMethod, FundingObligation
from wallet.obligations import lifecycle as obligations
from wallet.obligations import off_card
from wallet.refunds import records as refunds

# These end outside the product: a person asks the processor or issuer and writes how the case ended.
SETTLED_OUTSIDE = (
    Case.Kind.CARD_DIFFERS,
    Case.Kind.CARD_CHANGE_FAILING,
    Case.Kind.PROFILE_NOT_TAKEN,
    Case.Kind.CARD_REMOVAL_FAILING,
    Case.Kind.DISPUTE_NOT_SENT,
    Case.Kind.TRANSACTION_DIFFERS,
    Case.Kind.RECONCILIATION,
    Case.Kind.REFUND_FAILED,
    Case.Kind.TWO_CHARGES,
    Case.Kind.CHARGED_WITHOUT_PURCHASE,
    Case.Kind.CREDIT_LEFT,
    Case.Kind.EVENT_CONTRADICTION,
    Case.Kind.UNHANDLED_MONEY,
    Case.Kind.EVENT_UNAPPLIED,
    Case.Kind.CHARGE_WARNING,
    Case.Kind.ACCOUNT_REFUSED,
    Case.Kind.BY_HAND,
    Case.Kind.ANSWERS_FAILING,
)
ASKS_FOR_MONEY = (*obligations.ASK_FOR_MONEY, Case.Kind.FUNDING_UNKNOWN)
# Settling outside brings money in for the first group and sends money out for the second.
NOBODY_PAID = (*ASKS_FOR_MONEY, Case.Kind.APPROVED_WITHOUT_US)
NOBODY_GOT = (Case.Kind.REFUND_FAILED, Case.Kind.CREDIT_LEFT)
# These references are not purchases, so clearing says nothing about them. The event that they wait for closes them.
CLOSES_BY_ITSELF: dict[str, object] = {
    Case.Kind.SUSPECTED_FRAUD: gettext_lazy("Say whether it was fraud or not: this case closes with that."),
    Case.Kind.CURRENCY_DIFFERS: gettext_lazy(
        "The movement counts for nothing yet: enter the converted amount, and this case closes by itself, "
        "where the amount is large once a second person agrees under Entered amounts."
    ),
    Case.Kind.DISPUTE: gettext_lazy(
        "The issuer still has to say how the dispute ends, or to take its credit back: this case closes with that "
        "update. After 120 days without one, the dispute's page has a button."
    ),
    Case.Kind.DISPUTE_REQUESTED: gettext_lazy(
        "The cardholder waits for an answer: submit their dispute or refuse it, and this case closes by itself."
    ),
    Case.Kind.DISPUTE_DUE: gettext_lazy(
        "The card network takes no dispute after its due date: submit this one or refuse it, and this case closes by "
        "itself."
    ),
    Case.Kind.CHARGE_DISPUTED: gettext_lazy(
        "The funding card's bank still has to say how the dispute ends: this case closes with that update."
    ),
    Case.Kind.REFUND_UNKNOWN: gettext_lazy(
        "The processor still has to say what became of the refund: this case closes by itself with the outcome."
    ),
    Case.Kind.REFUND_UNLINKED: gettext_lazy(
        "The refund counts for nothing yet: say which purchase it is of, or that it is of none here, and this case "
        "closes by itself."
    ),
}
NO_OBLIGATION = gettext_lazy("There is no charge behind this case.")
ANOTHER_WAY = gettext_lazy(
    "send the refund again, or give it back another way and have that booked as settled outside."
)


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """A case and the money behind it at one moment. Amounts are minor units of the case's currency."""

    case: Case
    obligation: FundingObligation | None
    charges: list[FundingCharge]
    given_back_minor: int
    # The part of it whose refunds failed.
    failed_back_minor: int
    # The part of that which its owner received outside the product.
    sent_out_minor: int
    # The purchase's clearing balance: above zero, merchants took it and nobody has paid.
    clearing_minor: int
    # What merchants refunded beyond what they took, and is on a card's balance.
    on_card_minor: int
    has_second_charge: bool
    # Whether an unpaid obligation of the purchase exists, for a case without one of its own.
    asks_a_card: bool

    @property
    def under_way(self) -> FundingCharge | None:
        """The charge that may take money now. A scheduled retry that was never sent does not count."""
        alive = (charge for charge in self.charges if charge.status in states.LIVE_CHARGE and not is_scheduled(charge))
        return next(alive, None)

    @property
    def is_paid(self) -> bool:
        return any(charge.status == states.Charge.SUCCEEDED for charge in self.charges)

    @property
    def left_to_give_back(self) -> Money:
        """What was paid for the obligation and is not being refunded."""
        minor = self.obligation.payable.minor - self.given_back_minor if self.obligation and self.is_paid else 0
        return Money(max(0, minor), self.case.currency)

    @property
    def unpaid(self) -> Money:
        """What merchants took and nobody paid, for the obligation if there is one, otherwise for the whole purchase."""
        taken = max(0, self.clearing_minor)
        return Money(min(taken, cascade.owed(self.obligation).minor) if self.obligation else taken, self.case.currency)

    @property
    def not_given_back(self) -> Money:
        """What belongs to the cardholder and is still in clearing, of the case's amount or of failed refunds.

        For an overpayment, the part on a card's balance is excluded: the cardholder has it already.
        """
        theirs_minor = self.on_card_minor if self.case.kind == Case.Kind.CREDIT_LEFT else 0
        stake = max(self.case.amount_minor - theirs_minor, self.failed_back_minor - self.sent_out_minor)
        return Money(max(0, min(stake, -self.clearing_minor)), self.case.currency)


def read_facts(case: Case) -> CaseFacts:
    """Reads the facts of a case."""
    obligation = case.obligation
    charges = FundingCharge.objects.none()
    if obligation is not None:
        charges = obligation.charges.select_related("method__cardholder", "obligation").order_by("sequence")
    second = Case.objects.filter(obligation=obligation, kind=Case.Kind.TWO_CHARGES, status=Case.Status.OPEN)
    failures = Case.objects.filter(obligation=obligation, kind=Case.Kind.REFUND_FAILED)
    name = purchase_of(case)
    return CaseFacts(
        case=case,
        obligation=obligation,
        charges=list(charges),
        given_back_minor=refunds.given_back_minor(obligation) if obligation else 0,
        failed_back_minor=refunds.failed_back_minor(obligation) if obligation else 0,
        sent_out_minor=off_card.sent_out_minor(failures, case.currency) if obligation else 0,
        clearing_minor=ledger.balance(Account.PURCHASES, currency=case.currency, reference=name),
        on_card_minor=max(0, -ledger.balance(Account.CARD_BALANCES, currency=case.currency, reference=name)),
        has_second_charge=obligation is not None and second.exists(),
        asks_a_card=obligation is None
        and FundingObligation.objects.filter(purchase=name, status__in=states.UNPAID).exists(),
    )


def purchase_of(case: Case) -> str:
    """Returns the ledger's reference of the purchase behind a case."""
    if case.obligation is None:
        return case.reference
    return case.obligation.purchase or case.obligation.reference


def is_scheduled(charge: FundingCharge) -> bool:
    """Returns whether the charge is to be sent later and was never sent."""
    due = charge.next_attempt_at
    return charge.status == states.Charge.INTENDED and not charge.attempts and due is not None and due > clock.now()


def why_no_charge(facts: CaseFacts) -> str:
    """Returns why no card can be charged now, or ""."""
    obligation = facts.obligation
    if obligation is None:
        return str(NO_OBLIGATION)
    if obligation.is_top_up:
        return _("Money is put on a card by its holder alone: ask them to do it again.")
    if obligation.status not in (states.Obligation.OPEN, states.Obligation.FAILED):
        return _why_nothing_owed(obligation)
    if facts.has_second_charge:
        return _("The processor may have taken this money already: settle the case about the second charge first.")
    return _why_wait(facts)


def why_no_other_card(facts: CaseFacts) -> str:
    """Returns why no other card of the cardholder can be charged, or ""."""
    return why_no_charge(facts) or ("" if other_methods(facts) else _("The cardholder has no other active card."))


def why_no_refund(facts: CaseFacts) -> str:
    """Returns why nothing can be refunded, or ""."""
    if facts.obligation is None:
        return str(NO_OBLIGATION)
    if facts.case.kind == Case.Kind.REFUND_FAILED:
        return _("That would be a second payment, at our own cost: %(another_way)s") % {"another_way": ANOTHER_WAY}
    if facts.case.kind == Case.Kind.REFUND_UNKNOWN:
        return _("A refund is under way: wait for its outcome.")
    if facts.obligation.is_top_up:
        return _("This money was put on a card: giving it back would leave it in the card's balance.")
    if facts.has_second_charge:
        return _(
            "Refund the charge that is not listed here, in the processor's dashboard: this one is the one that counts."
        )
    if not facts.is_paid:
        return _("Nobody has paid for it, so there is nothing to give back.")
    if not facts.left_to_give_back.minor:
        return _("All of it was given back, or is on its way.")
    return ""


def why_not_send_again(facts: CaseFacts) -> str:
    """Returns why the failed refund cannot be sent to the card again, or ""."""
    if facts.case.kind != Case.Kind.REFUND_FAILED:
        return _("This case is not about a refund that failed.")
    if facts.obligation is None:
        return str(NO_OBLIGATION)
    if facts.case.proposed_by_id:
        return _("Somebody has proposed to book it as settled outside: agree to that or withdraw it first.")
    if facts.sent_out_minor:
        sent_out = Money(facts.sent_out_minor, facts.case.currency)
        return _(
            "%(sent_out)s of it was booked as settled outside: have the rest given back and booked that way too."
        ) % {"sent_out": sent_out}
    return "" if facts.failed_back_minor else _("No refund of it has failed that was not sent again.")


def why_no_write_off(facts: CaseFacts) -> str:
    """Returns why nothing can be written off, or "". Only what a merchant took can be written off."""
    case, obligation = facts.case, facts.obligation
    if case.kind not in NOBODY_PAID:
        return _("This case is not about money that nobody paid.")
    if obligation is not None and obligation.status not in (states.Obligation.OPEN, states.Obligation.FAILED):
        return _why_nothing_owed(obligation)
    if facts.asks_a_card:
        return _("A card was asked for this money: wait for its outcome, or settle the case about that charge.")
    if not facts.unpaid.minor:
        return _("No merchant has taken this money yet. Wait until the purchase is captured.")
    return _why_wait(facts)


def why_not_outside(facts: CaseFacts) -> str:
    """Returns why nothing can be booked as settled outside, or "".

    An unpaid amount may have been paid outside, and a failed refund may have been made outside.
    """
    if facts.case.kind in NOBODY_PAID:
        return why_no_write_off(facts)
    if facts.case.kind not in NOBODY_GOT:
        return _("This case is not about money that has to come or go.")
    return "" if facts.not_given_back.minor else _("Nothing of it is in clearing, so there is nothing to book.")


def given_up(facts: CaseFacts, proposal: str) -> Money:
    """Returns the amount that a proposal is about."""
    is_ours_to_give = proposal == Case.Proposal.OUTSIDE and facts.case.kind in NOBODY_GOT
    return facts.not_given_back if is_ours_to_give else facts.unpaid


def why_not_resolve(facts: CaseFacts) -> str:
    """Returns why a reason cannot close the case, or "". While money is open, only that money closes it."""
    case, obligation = facts.case, facts.obligation
    if case.kind in NOBODY_GOT and facts.not_given_back.minor:
        return _("%(not_given_back)s is in clearing. Once its owner has it, have it booked as settled outside.") % {
            "not_given_back": facts.not_given_back
        }
    if case.kind in SETTLED_OUTSIDE:
        return ""
    if case.kind in CLOSES_BY_ITSELF:
        return str(CLOSES_BY_ITSELF[case.kind])
    if obligation is not None and obligation.status in (states.Obligation.OPEN, states.Obligation.FAILED):
        return _("The money is still owed: have it charged or written off; then this case closes by itself.")
    if obligation is None and facts.clearing_minor:
        return _("The purchase is not paid: %(amount)s is in clearing.") % {
            "amount": display.money(abs(facts.clearing_minor), case.currency)
        }
    return ""


def why_not_paid(case: Case) -> str:
    """Returns why what a receivable's case asked for is not paid, or ""; settled outside counts as paid."""
    if case.kind != Case.Kind.RECEIVABLE:
        return _("This case is not about a purchase that the cardholder owes.")
    if case.status == Case.Status.OPEN:
        return _("The purchase is not paid yet.")
    if case.proposal == Case.Proposal.WRITE_OFF and case.agreed_by_id:
        return _("It was written off and not paid, so the card and the wallet stay as they are.")
    return ""


def last_method(facts: CaseFacts) -> FundingMethod | None:
    """Returns the card that was asked last. A scheduled retry has not asked yet."""
    asked = [charge.method for charge in facts.charges if not is_scheduled(charge)]
    return asked[-1] if asked else None


def other_methods(facts: CaseFacts) -> list[FundingMethod]:
    """Returns the cardholder's other active cards in the cardholder's order."""
    if facts.obligation is None:
        return []
    last = last_method(facts)
    wallet = facts.obligation.cardholder.funding_methods.filter(status=FundingMethod.Status.ACTIVE)
    in_order = wallet.select_related("cardholder").order_by("position", "pk")
    return [method for method in in_order if method != last]


def _why_nothing_owed(obligation: FundingObligation) -> str:
    status = in_a_sentence(obligation.get_status_display())
    return _("Nothing is owed for it any more: it is %(status)s.") % {"status": status}


def _why_wait(facts: CaseFacts) -> str:
    charge = facts.under_way
    if charge is None:
        return ""
    state = in_a_sentence(charge.get_status_display())
    words = _("Charge %(sequence)s to %(method)s is under way (%(state)s): wait for its outcome.")
    return words % {"sequence": charge.sequence, "method": charge.method, "state": state}
