"""What each type of Marqeta's transactions means for us, for the webhook, the gateway and its list.

The types are those of Marqeta's Core API 3.0.40 (`transaction_model.type`), with a few that its guides name beside it.
A type that is not in the table and carries an amount is money that nothing here books, so a person is asked.
"""

from enum import Enum


class Meaning(Enum):
    """What becomes of a message."""

    FIRST = "begins a purchase"
    INCREMENT = "asks for more on a purchase"
    RELEASE = "gives a part or all of a hold back"
    EXPIRY = "ends a hold that nobody captured"
    CLEARING = "takes money for a purchase"
    REFUND = "gives money back"
    DISPUTE = "is about a dispute"
    TWIN = "is the account's own entry about another message"
    NO_MONEY = "moves no money"
    UNHANDLED = "moves money that nothing here books"


# What begins a purchase. A first message that is complete has asked and taken at once, as PIN debit does.
_FIRST = (
    "authorization",
    "authorization.standin",
    "authorization.cashback",
    "authorization.atm.withdrawal",
    "authorization.quasi.cash",
    "pindebit",
    "pindebit.authorization",
    "pindebit.atm.withdrawal",
    "pindebit.cashback",
    "pindebit.quasi.cash",
    "account.funding.authorization",
    "account.funding.auth_plus_capture",
)
_RELEASES = (
    "authorization.reversal",
    "authorization.advice",
    "pindebit.authorization.reversal",
    "account.funding.authorization.reversal",
)
_EXPIRIES = ("authorization.reversal.issuerexpiration", "pindebit.authorization.reversal.issuerexpiration")
_CLEARINGS = (
    "authorization.clearing",
    "authorization.clearing.cashback",
    "authorization.clearing.atm.withdrawal",
    "authorization.clearing.quasi.cash",
    "pindebit.authorization.clearing",
    "account.funding.authorization.clearing",
)
# What it follows is, as a rule, the refund's own authorization, which is nobody's purchase.
REFUND_CLEARING = "refund.authorization.clearing"
# The reversal of a message that took at once gives its money back, as a refund does.
_REFUNDS = (
    "refund",
    REFUND_CLEARING,
    "pindebit.refund",
    "pindebit.reversal",
    "account.funding.auth_plus_capture.reversal",
)
DISPUTE_BEGINNINGS = ("authorization.clearing.chargeback", "pindebit.chargeback")
_DISPUTES = tuple(
    f"{begins}{ends}"
    for begins in DISPUTE_BEGINNINGS
    for ends in (
        "",
        ".completed",
        ".reversal",
        ".provisional.credit",
        ".provisional.debit",
        ".representment",
        ".writeoff",
    )
)
# Questions about the card or the account, changes of a PIN, wallets, and refunds that are only announced.
_NO_MONEY = (
    "balanceinquiry",
    "pindebit.balanceinquiry",
    "pindebit.checkavs",
    "address.verification",
    "product.inquiry",
    "authorization.pin.change",
    "authorization.pin.unblock",
    "pindebit.pin.change",
    "pindebit.pin.unblock",
    "pin.change.reversal",
    "pin.change.reversal.advice",
    "pin.change.via.api",
    "token.activation-request",
    "token.advice",
    "transit.offer",
    "authorization.clearing.l2l3",
    "refund.authorization",
    "refund.authorization.advice",
    "refund.authorization.reversal",
    "directdeposit.credit.pending",
    "directdeposit.credit.pending.reversal",
    "directdeposit.credit.reject",
    "directdeposit.debit.pending",
    "directdeposit.debit.pending.reversal",
    "directdeposit.debit.reject",
    "fee.charge.pending",
    "fee.charge.waived",
)
# Money onto a card, between accounts, and the program's own fees and adjustments: this product offers none of them.
_UNHANDLED = (
    "original.credit.authorization",
    "original.credit.authorization.clearing",
    "original.credit.authorization.reversal",
    "original.credit.auth_plus_capture",
    "original.credit.auth_plus_capture.reversal",
    "authorization.clearing.network.fee",
    "authorization.clearing.representment",
    "pindebit.representment",
    "pindebit.refund.reversal",
    "pindebit.credit.adjustment",
    "pindebit.debit.adjustment",
    "pindebit.financial.deposit",
    "pindebit.transfer",
    "dispute.credit",
    "dispute.debit",
    "directdeposit.credit",
    "directdeposit.credit.reversal",
    "directdeposit.debit",
    "directdeposit.debit.reversal",
    "account.credit",
    "account.debit",
    "fee.charge",
    "fee.charge.refund",
    "fee.charge.reversal",
    "fee.collection.credit",
    "fee.collection.debit",
    "funds.expire",
    "programreserve.credit",
    "programreserve.debit",
    "reward.earn",
    "transfer.fee",
    "transfer.peer",
    "transfer.program",
    *(
        f"transfer.{way}.{account}.{step}"
        for way, steps in (("from", ("hold", "clear")), ("to", ("open", "clear")))
        for account in ("checking", "savings")
        for step in steps
    ),
    *(
        f"{network}{step}{back}"
        for network, steps in (
            ("fps.", ("debit.hold", "debit.clear", "credit.open", "credit.clear")),
            ("open.banking.fps.", ("debit.hold", "debit.clear")),
        )
        for step in steps
        for back in ("", ".reverse")
    ),
    "interest.posting.clear",
    "interest.posting.clear.reverse",
    "interest.posting.adjustment",
)
# The account's entries that follow no merchant's message: loads, grants and what Marqeta's people enter by hand.
_LOADS = (
    "gpa.credit.issueroperator",
    "gpa.credit.networkload",
    "gpa.credit.networkload.reversal",
    "gpa.credit.pushtocard",
    "gpa.credit.pushtocard.reversal",
    "gpa.debit.issueroperator",
    "gpa.debit.networkload",
    "gpa.grant",
)
MESSAGES: dict[str, Meaning] = {
    **dict.fromkeys(_FIRST, Meaning.FIRST),
    "authorization.incremental": Meaning.INCREMENT,
    **dict.fromkeys(_RELEASES, Meaning.RELEASE),
    **dict.fromkeys(_EXPIRIES, Meaning.EXPIRY),
    **dict.fromkeys(_CLEARINGS, Meaning.CLEARING),
    **dict.fromkeys(_REFUNDS, Meaning.REFUND),
    **dict.fromkeys(_DISPUTES, Meaning.DISPUTE),
    **dict.fromkeys(_NO_MONEY, Meaning.NO_MONEY),
    **dict.fromkeys((*_UNHANDLED, *_LOADS), Meaning.UNHANDLED),
}
# Root keys of batches, beside transactions, whose rows may name an amount and never move one.
NO_MONEY_ROOTS = frozenset(
    {
        "businesstransitions",
        "cardactions",
        "digitalwallettokentransitions",
        "threedstransitions",
    }
)
# The account's entries about a merchant's message have its amount as well: counting both would double the money.
TWIN_BEGINNINGS = ("gpa.", "msa.")


def _of(meaning: Meaning) -> frozenset[str]:
    return frozenset(kind for kind, means in MESSAGES.items() if means is meaning)


FIRST_MESSAGES, CLEARINGS, REFUNDS = _of(Meaning.FIRST), _of(Meaning.CLEARING), _of(Meaning.REFUND)
INCREMENTS, RELEASES, EXPIRIES = _of(Meaning.INCREMENT), _of(Meaning.RELEASE), _of(Meaning.EXPIRY)
# First messages that ask and take at once, and never only hold.
TAKES_AT_ONCE = frozenset(
    {
        "pindebit",
        "pindebit.cashback",
        "pindebit.atm.withdrawal",
        "pindebit.quasi.cash",
        "account.funding.auth_plus_capture",
    }
)


def meaning_of(kind: str, *, carries_amount: bool) -> Meaning:
    """Returns what a message of this type means; an unknown one is money as soon as it carries an amount."""
    if kind.startswith(TWIN_BEGINNINGS) and kind not in MESSAGES:
        return Meaning.TWIN
    return MESSAGES.get(kind, Meaning.UNHANDLED if carries_amount else Meaning.NO_MONEY)
