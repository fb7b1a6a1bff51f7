"""Whom a processor's refusal is about, in one table. Only a refusal about this card may cool or disable a card.

The codes are Stripe's error and decline codes (docs/issuers/stripe.md, Error codes, Decline codes). An unknown code
blames nobody when the request was refused, and the card when its bank declined.
"""

import re
from enum import StrEnum

from wallet.states import Charge


class Blame(StrEnum):
    """Whom a refusal is about."""

    CARD = "card"  # This card: its bank said no, or the saved card is gone. Another card may pay.
    PERSON = "person"  # This person's record at the processor: none of their cards can be charged.
    AMOUNT = "amount"  # This one charge: too small, too large, already done. The next one may work.
    ACCOUNT = "account"  # Our own account or key: no card can be charged until staff fix it.
    REQUEST = "request"  # Our own mistake in the request: staff and developers have to look.
    UNKNOWN = "unknown"  # An unknown code: nobody is blamed.


CODES: dict[Blame, frozenset[str]] = {
    Blame.CARD: frozenset(
        {
            "payment_method_not_available",
            "payment_method_provider_decline",
            "payment_method_provider_timeout",
            "payment_method_unactivated",
            "payment_method_unexpected_state",
            "payment_method_unsupported_type",
            "payment_method_customer_decline",
            "payment_intent_payment_attempt_failed",
            "payment_intent_payment_attempt_expired",
            "payment_intent_incompatible_payment_method",
            "card_decline_rate_limit_exceeded",
            "card_declined",
            "expired_card",
            "incorrect_address",
            "incorrect_cvc",
            "incorrect_number",
            "incorrect_zip",
            "invalid_card_type",
            "invalid_characters",
            "invalid_cvc",
            "invalid_expiry_month",
            "invalid_expiry_year",
            "invalid_number",
            "method_not_active",
        }
    ),
    Blame.PERSON: frozenset({"customer_max_payment_methods", "missing"}),
    Blame.AMOUNT: frozenset(
        {
            "amount_too_large",
            "amount_too_small",
            "charge_already_captured",
            "charge_already_refunded",
            "charge_disputed",
            "charge_exceeds_source_limit",
            "charge_exceeds_transaction_limit",
            "charge_exceeds_weekly_limit",
            "charge_expired_for_capture",
            "capture_charge_authorization_expired",
            "capture_unauthorized_payment",
            "duplicate_transaction",
            "invalid_amount",
            "never_arrived",
            "refund_disputed_payment",
            "released",
        }
    ),
    Blame.ACCOUNT: frozenset(
        {
            "account_closed",
            "account_invalid",
            "api_key_expired",
            "balance_insufficient",
            "country_unsupported",
            "insufficient_balance",
            "payouts_not_allowed",
            "platform_api_key_expired",
            "rate_limit",
            "secret_key_required",
            "testmode_charges_only",
            "not_allowed_on_standard_account",
            "tls_version_unsupported",
            "transfers_not_allowed",
        }
    ),
    Blame.REQUEST: frozenset(
        {
            "idempotency_error",
            "idempotency_key_in_use",
            "invalid_currency",
            "parameter_invalid_empty",
            "parameter_invalid_integer",
            "parameter_invalid_string_blank",
            "parameter_invalid_string_empty",
            "parameter_missing",
            "parameter_unknown",
            "parameters_exclusive",
            "payment_intent_invalid_parameter",
            "payment_intent_mandate_invalid",
            "payment_intent_unexpected_state",
            "payment_method_currency_mismatch",
            "payment_method_invalid_parameter",
            "setup_intent_unexpected_state",
            "url_invalid",
        }
    ),
}
BLAME: dict[str, Blame] = {code: blame for blame, codes in CODES.items() for code in codes}
# Codes about an account or its keys, including unknown ones.
_ACCOUNT_CODE = re.compile(r"(account|platform|api_key|secret_key|capabilit|charges_(disabled|not_enabled)|livemode)_?")
# Stripe often answers an account that may not charge with a sentence and no code.
_OUR_ACCOUNT = re.compile(
    r"\b(this|your|the|our) (stripe |connected |platform |merchant )*"
    r"(platform|account|application|business|merchant)\b(?! holder)"
    r"|\bcapabilit|charges_enabled|not (yet )?(been )?(enabled|activated) (for|on|in)\b"
    r"|\b(cannot|unable to) (accept|process) (live )?(charges|payments)|activate your account|live charges"
    r"|live mode, but a|test mode, but a|\bapi key\b|\bapi version\b"
    r"|available balance|insufficient funds in your|not have (sufficient|enough) (available )?funds",
    re.IGNORECASE,
)
_GONE = "resource_missing"
_METHOD = ("payment_method", "source", "card")


def of_refusal(code: str, *, param: str = "", message: str = "") -> Blame:
    """Returns whom a refused request is about, by its code, parameter and, without a code, its message."""
    if code == _GONE:
        return _of_missing(param, message)
    if code in BLAME:
        return BLAME[code]
    if not code and param.startswith(_METHOD):
        return Blame.CARD
    if _ACCOUNT_CODE.match(code) or (_OUR_ACCOUNT.search(message) and not param):
        return Blame.ACCOUNT
    return Blame.REQUEST if param else Blame.UNKNOWN


def of_outcome(status: str, code: str) -> Blame:
    """Returns whom a failed charge is about, by its state and code: an unknown decline is about the card."""
    if status == Charge.REFUSED:
        return BLAME.get(code, Blame.UNKNOWN)
    if status not in (Charge.DECLINED, Charge.REQUIRES_ACTION):
        return Blame.UNKNOWN
    blame = BLAME.get(code, Blame.CARD)
    # Its bank looked at the card, so the failure is about the card or this one charge.
    return blame if blame in (Blame.AMOUNT, Blame.CARD) else Blame.CARD


def _of_missing(param: str, message: str) -> Blame:
    """Returns whom a missing object is about: an object of the other mode means that our key is wrong."""
    if "mode, but a" in message:
        return Blame.ACCOUNT
    if param.startswith(_METHOD):
        return Blame.CARD
    return Blame.PERSON if param.startswith("customer") else Blame.UNKNOWN
