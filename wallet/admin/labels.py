"""Labels for states of money, each with a colour, and the next step for each kind of case."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from onecard.kit import clock, display
from onecard.kit.words import Words
from wallet.models import Case, FundingCharge
from wallet.states import DUE_CHARGE, Charge, Obligation

CHARGE_TONE: dict[str, str] = {
    Charge.SUCCEEDED: "good",
    Charge.DECLINED: "bad",
    Charge.REFUSED: "bad",
    Charge.UNKNOWN: "warn",
    Charge.REQUIRES_ACTION: "warn",
    Charge.INTENDED: "info",
    Charge.SENDING: "info",
    Charge.PROCESSING: "info",
    Charge.HELD: "info",
    Charge.CAPTURING: "info",
}
CHARGE_MEANING: dict[str, Words] = {
    Charge.INTENDED: gettext_lazy("Written down; the processor has not taken it yet."),
    Charge.SENDING: gettext_lazy("A worker is asking the processor now. If that worker died, the sweeper asks again."),
    Charge.SUCCEEDED: gettext_lazy("The card was charged."),
    Charge.PROCESSING: gettext_lazy("The processor accepted it and will report the outcome."),
    Charge.HELD: gettext_lazy(
        "The card's bank keeps the amount for us. It is captured when the purchase is settled, or given up."
    ),
    Charge.CAPTURING: gettext_lazy("What was held is being taken now. If that worker died, the sweeper asks again."),
    Charge.REQUIRES_ACTION: gettext_lazy("The card's bank wants the cardholder to confirm."),
    Charge.DECLINED: gettext_lazy("The card's bank said no; nothing was charged."),
    Charge.UNKNOWN: gettext_lazy(
        "The processor's answer was lost: it may or may not have charged the card. We keep asking."
    ),
    Charge.REFUSED: gettext_lazy("The processor does not accept this request, so sending it again cannot help."),
    Charge.CANCELED: gettext_lazy("Called off before anything was charged."),
}
OBLIGATION_TONE: dict[str, str] = {
    Obligation.OPEN: "info",
    Obligation.FUNDED: "good",
    Obligation.FAILED: "bad",
    Obligation.RELEASED: "neutral",
}
OBLIGATION_MEANING: dict[str, Words] = {
    Obligation.OPEN: gettext_lazy("A charge is on its way or held, or its outcome is not known yet."),
    Obligation.FUNDED: gettext_lazy("One charge succeeded: the purchase is paid for."),
    Obligation.FAILED: gettext_lazy(
        "No charge succeeded and none is under way: another card follows, or a case says what to do."
    ),
    Obligation.RELEASED: gettext_lazy("The purchase did not happen, so nothing is owed."),
}
NEXT_STEP: dict[str, Words] = {
    Case.Kind.FUNDING_DECLINED: gettext_lazy(
        "Ask the cardholder to settle it with this card's bank or with another card. A payment that then succeeds at "
        "the processor under the same payment intent closes this case by itself."
    ),
    Case.Kind.FUNDING_NEEDS_CARDHOLDER: gettext_lazy(
        "Ask the cardholder to confirm the payment with their bank; a success closes this case by itself."
    ),
    Case.Kind.RECEIVABLE: gettext_lazy(
        "The cardholder was notified. Agree with them how it is paid; once it is, this page offers to unfreeze the "
        "card and to end the pauses of the cards that declined. Soft declines are "
        "tried again by the clock (see the obligation's charges); a payment that succeeds closes this case by itself. "
        "What they paid another way is booked as settled outside."
    ),
    Case.Kind.REFUND_FAILED: gettext_lazy(
        "Ask the cardholder about the card that paid. If its bank takes the money now, send the refund again; if not, "
        "give the money back another way, such as a transfer to their bank, and have it booked as settled outside."
    ),
    Case.Kind.REFUND_UNKNOWN: gettext_lazy(
        "Do not give the money back another way. We keep asking under the same key, so there cannot be a second "
        "refund, and this case closes by itself with the outcome. If it stays open, look the refund up in the "
        "processor's dashboard."
    ),
    Case.Kind.REFUND_UNLINKED: gettext_lazy(
        "The merchant gave money back and did not say of which purchase, and more than one can be it, or none. Ask the "
        "cardholder, open the transaction and press “Say which purchase it is of”: what they get back follows. "
        "If it is of none that we have, press “It is of no purchase here” there: a new case asks you to pay it out."
    ),
    Case.Kind.RECONCILIATION: gettext_lazy(
        "Compare both sides of the row that the case names. Ours is never overwritten: what is missing is recorded by "
        "`manage.py reconcile --fix`, and a balance transaction is read again every night. What is wrong needs the "
        "developers: write down here what you found."
    ),
    Case.Kind.DISPUTE: gettext_lazy(
        "Give the issuer its evidence in time (its dashboard says until when). A dispute that is won brings the money "
        "back by itself, and this case closes when the dispute does."
    ),
    Case.Kind.DISPUTE_REQUESTED: gettext_lazy(
        "Open the dispute request, read what the cardholder writes and their evidence, then submit it to the issuer, "
        "or refuse it with a reason that the cardholder reads. This case closes by itself."
    ),
    Case.Kind.DISPUTE_DUE: gettext_lazy(
        "The time in which the card network takes this dispute is nearly over. Submit it to the issuer or refuse it "
        "now: this case closes by itself."
    ),
    Case.Kind.DISPUTE_NOT_SENT: gettext_lazy(
        "Open the dispute request and read why the issuer did not take it. While it is being sent, we keep asking "
        "under the same key, so there cannot be a second dispute. What the issuer refused for good is completed in its "
        "dashboard, or explained to the cardholder. Then close this case with a sentence that says so."
    ),
    Case.Kind.CURRENCY_DIFFERS: gettext_lazy(
        "The issuer settled this purchase in another currency and did not say at which rate, so it counts for nothing "
        "yet. Find the amount in the issuer's dashboard, open the transaction and press “Enter the converted amount”: "
        "what the cardholder pays follows, and this case closes by itself."
    ),
    Case.Kind.CREDIT_LEFT: gettext_lazy(
        "The merchant gave back more than it took. Where the overpayment is on the card's balance, agree with the "
        "cardholder how it is used; where it is on no card, pay it out and have it booked as settled outside."
    ),
    Case.Kind.FUNDING_REFUSED: gettext_lazy(
        "Compare the wallet's customer and payment method ids with the processor's dashboard, and mend the wallet."
    ),
    Case.Kind.FUNDING_UNKNOWN: gettext_lazy(
        "Do not charge by hand. We keep asking under the same key, so there cannot be a second charge; if it stays "
        "unknown, look the payment up in the processor's dashboard."
    ),
    Case.Kind.CHARGED_WITHOUT_PURCHASE: gettext_lazy("Refund the charge in the processor's dashboard."),
    Case.Kind.TWO_CHARGES: gettext_lazy(
        "Compare both charges in the processor's dashboard and refund or cancel the one that we do not list. No other "
        "card is charged while this case is open; if the charge under way fails, the other one counts and this is over."
    ),
    Case.Kind.APPROVED_WITHOUT_US: gettext_lazy(
        "The merchant will be paid although no card was charged. Charge the card that would have been chosen, or agree "
        "with the cardholder how it is paid: what comes by a transfer is booked as settled outside, and what never "
        "comes is written off."
    ),
    Case.Kind.CARD_DIFFERS: gettext_lazy(
        "Look at the card in the issuer's dashboard and mend the side that is wrong. The next comparison closes this "
        "case by itself when both agree."
    ),
    Case.Kind.CARD_CHANGE_FAILING: gettext_lazy(
        "We keep asking under the same key, so it cannot be done twice, and this case closes by itself with the "
        "issuer's answer. What stops purchases holds here already. Open the change and read why it fails; Issuers "
        "shows whether that issuer is down. Once it is mended, press “Ask the issuer again” there. If it was settled "
        "in the issuer's dashboard instead, close this case with a sentence that says so."
    ),
    Case.Kind.PROFILE_NOT_TAKEN: gettext_lazy(
        "The person's profile was corrected here, and the issuer still has the earlier one. We keep asking while it "
        "does not answer, and this case closes by itself once it takes the profile. If it refuses, correct the profile "
        "on the person's page so that the issuer can take it: it is sent again by itself. If it was corrected in the "
        "issuer's dashboard instead, close this case with a sentence that says so."
    ),
    Case.Kind.CARD_REMOVAL_FAILING: gettext_lazy(
        "The person removed this card, and it pays nothing any more. The processor does not confirm that it forgot the "
        "card; we keep asking, and this case closes by itself with its answer. The summary says why it fails. If it "
        "was removed in the processor's dashboard instead, close this case with a sentence that says so."
    ),
    Case.Kind.TRANSACTION_DIFFERS: gettext_lazy(
        "Compare the transaction with the issuer's dashboard: ours is kept as it was reported first, and neither side "
        "is overwritten."
    ),
    Case.Kind.EVENT_CONTRADICTION: gettext_lazy(
        "The issuer's event names things that do not belong together, so nothing was charged, booked or paid back. "
        "Compare the event with the issuer's dashboard. If it was a transaction, open it and say which purchase it is "
        "of; else close this case with what you found."
    ),
    Case.Kind.UNHANDLED_MONEY: gettext_lazy(
        "The message says that money moved in a way that nothing here books. Look it up in the issuer's or the "
        "processor's dashboard, have the books follow, and close this case with what you found."
    ),
    Case.Kind.EVENT_UNAPPLIED: gettext_lazy(
        "The message is stored, and applying it failed again and again. Open the event in the inbox, mend what its "
        "reason names and send it through again; this case closes by itself when that succeeds."
    ),
    Case.Kind.ACCOUNT_REFUSED: gettext_lazy(
        "The processor refuses our own account, so no card is charged and none is blamed. Mend what the message names "
        "in the processor's dashboard. Charges go on by themselves as soon as one is accepted, and this case closes."
    ),
    Case.Kind.ANSWERS_FAILING: gettext_lazy(
        "Purchases are declined, or approved without us, because the issuer gets no answer of ours that it can use. "
        "Open the purchases that this case is about: each says what failed. Look at the health page, at the log of the "
        "web server and at the database at that time. A case is opened once for an incident: close this one when "
        "purchases get their answers again, with what you found."
    ),
    Case.Kind.TRANSFER_FAILED: gettext_lazy(
        "A payout to our bank or a top-up from there failed or was taken back. The books follow by themselves. See "
        "under Balances in the processor's dashboard why, mend the bank account there and send the money again: "
        "purchases are declined when the issuer's balance runs out. Then close this case with what you did."
    ),
    Case.Kind.CHARGE_DISPUTED: gettext_lazy(
        "The bank of the funding card takes our charge back. Send the evidence in the processor's dashboard before the "
        "due date. This case closes by itself when the dispute ends."
    ),
    Case.Kind.SUSPECTED_FRAUD: gettext_lazy(
        "Fraud hooks flagged purchases with this card; each was approved, unless a verdict says that it declined. Read "
        "the verdicts, and ask the cardholder whether the purchases are theirs. If they are not, freeze or replace the "
        "card first. Then press “It was fraud” or “It was no fraud”: that closes this case, and shows how often each "
        "hook is right."
    ),
    Case.Kind.BY_HAND: gettext_lazy(
        "A colleague opened it: its first note says what happened and what is to be done. Take it, do that by its due "
        "date, and resolve it with a sentence that says how it ended."
    ),
    Case.Kind.CHARGE_WARNING: gettext_lazy(
        "The bank of the funding card suspects fraud. Ask the cardholder whether they know the charge; refund it if "
        "they do not, before it becomes a dispute. Then close this case with what you found."
    ),
}


def next_try(charge: FundingCharge) -> str:
    """Returns when we call the processor next, or why we do not."""
    if charge.status not in DUE_CHARGE:
        if charge.status == Charge.SUCCEEDED:
            return display.NOTHING
        return _("None: nothing is left to try") if charge.finished_at else _("None: waiting for an update")
    if charge.next_attempt_at is None:
        return display.NOTHING
    seconds = (charge.next_attempt_at - clock.now()).total_seconds()
    if seconds <= 0:
        return _("Due now")
    when = _("In %(seconds)s") % {"seconds": display.span(seconds)}
    return _("%(when)s, or once the purchase is settled") % {"when": when} if charge.status == Charge.HELD else when


def failure(charge: FundingCharge) -> str:
    """Returns what went wrong as a sentence with the processor's code, or a dash."""
    sentence = charge.failure_message or charge.failure_code.replace("_", " ").capitalize()
    code = f" ({charge.failure_code})" if charge.failure_code and charge.failure_message else ""
    return sentence + code if sentence else display.NOTHING
