"""The kinds of Marqeta's messages by which money moves, for the webhook and for its list (Marqeta facts, section 8)."""

CLEARINGS = frozenset(
    {
        "authorization.clearing",
        "authorization.clearing.cashback",
        "authorization.clearing.atm.withdrawal",
        "authorization.clearing.quasi.cash",
        "pindebit.authorization.clearing",
    }
)
# First messages that ask and take at once.
TAKES_AT_ONCE = frozenset({"pindebit", "pindebit.cashback", "pindebit.atm.withdrawal", "pindebit.quasi.cash"})
# What it follows is, as a rule, the refund's own authorization, which is nobody's purchase.
REFUND_CLEARING = "refund.authorization.clearing"
REFUNDS = frozenset({"refund", REFUND_CLEARING, "pindebit.refund"})
