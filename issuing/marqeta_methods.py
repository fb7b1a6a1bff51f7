"""Marqeta's `jit_funding.method`: which of them ask us, which only tell, and which this product never grants."""

# What we may approve; everything else that asks is refused (an allow-list, so that a new method is no open door).
INCREMENT = "pgfs.authorization.incremental"
APPROVABLE = frozenset(
    {"pgfs.authorization", INCREMENT, "pgfs.authorization.account_verification", "pgfs.auth_plus_capture"}
)
# Turning a funding card's purchase into cash is a question of licence, so it is refused whatever the MCC says.
CASH = frozenset(
    {
        "pgfs.authorization.cashback",
        "pgfs.authorization.quasi.cash",
        "pgfs.pindebit.cashback",
        "pgfs.pindebit.atm.withdrawal",
        "pgfs.pindebit.quasi.cash",
        "pgfs.atm.withdrawal",
    }
)
# The network has decided already: an answer changes nothing, and the webhook brings the same again.
INFORMATIVE = frozenset(
    {
        "pgfs.authorization.capture",
        "pgfs.authorization.clearing",
        "pgfs.authorization.clearing.quasi.cash",
        "pgfs.atm.clearing.withdrawal",
        "pgfs.pindebit.authorization.clearing",
        "pgfs.billpayment.capture",
        "pgfs.original.credit.authorization.clearing",
        "pgfs.force_capture",
        "pgfs.authorization.reversal",
        "pgfs.authorization.advice",
        "pgfs.pindebit.authorization.reversal",
        "pgfs.billpayment.reversal",
        "pgfs.original.credit.authorization.reversal",
        "pgfs.refund",
        "pgfs.refund.authorization",
        "pgfs.refund.authorization.clearing",
        "pgfs.refund.authorization.reversal",
        "pgfs.pindebit.refund",
        "pgfs.authorization.standin",
        "pgfs.auth_plus_capture.standin",
        "pgfs.dispute.credit",
        "pgfs.dispute.debit",
        "pgfs.authorization.capture.chargeback",
        "pgfs.authorization.capture.chargeback.reversal",
        "pgfs.pindebit.chargeback",
        "pgfs.pindebit.chargeback.reversal",
        "pgfs.directdeposit.credit",
        "pgfs.directdeposit.debit",
        "pgfs.directdeposit.credit.reversal",
        "pgfs.directdeposit.debit.reversal",
        "pgfs.adjustment.credit",
        "pgfs.adjustment.debit",
    }
)
