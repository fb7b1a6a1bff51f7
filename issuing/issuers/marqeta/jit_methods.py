"""Marqeta's `jit_funding.method`: which ask for a decision, which only report, and which are always declined."""

from typing import Any

from issuing.issuers.marqeta.message_types import FIRST_MESSAGES

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
# Types of messages that are cash whatever method asks for them: money into an account (AFT), and cash in any form.
CASH_TYPES = tuple(
    kind
    for kind in FIRST_MESSAGES
    if kind.startswith("account.funding.") or kind.endswith(("cash", "withdrawal", "cashback"))
)
# Words of `pos.special_condition_indicator` for what is as good as cash.
CASH_CONDITIONS = frozenset(
    {
        "QUASI_CASH",
        "CRYPTOCURRENCY_PURCHASE",
        "CENTRAL_BANK_DIGITAL_CURRENCY_PURCHASE",
        "STABLECOIN_PURCHASE",
        "BLOCKCHAIN_NATIVE_TOKEN_PURCHASE",
    }
)
# Where a purchase says of what kind it is, beside its type.
PURCHASE_KIND_FIELDS = ("transaction_metadata", "transaction_attributes")
FUNDING_WORDS = frozenset({"ACCOUNT_FUNDING", "ACCOUNT_FUNDING_TRANSACTION", "AFT", "FUNDING_TRANSACTION"})
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


def is_cash(method: str, content: dict[str, Any]) -> bool:
    """Returns whether a request is for cash or something as good as cash.

    Its method, its type or the purchase itself says so. An account funding (AFT) turns a funding card's purchase
    into money on an account, so it is cash (docs/issuers/marqeta.md, Account funding; docs/decisions/0031).
    """
    if method in CASH or content.get("type") in CASH_TYPES or content.get("account_funding"):
        return True
    pos = content.get("pos")
    condition = _words({"": pos.get("special_condition_indicator")}) if isinstance(pos, dict) else set()
    words = condition.union(*(_words(content.get(name)) for name in PURCHASE_KIND_FIELDS))
    return bool(words & FUNDING_WORDS or condition & CASH_CONDITIONS)


def _words(value: object) -> set[str]:
    """Returns the words of an object, one level deep, in one spelling."""
    members = value.values() if isinstance(value, dict) else ()
    return {each.strip().upper().replace(" ", "_").replace("-", "_") for each in members if isinstance(each, str)}
