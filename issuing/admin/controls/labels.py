"""What staff read instead of the names in a control's definition."""

from typing import Final

from django.utils.translation import gettext_lazy as _

from issuing.controls.conditions import NUMBER, TYPES, YES_NO
from onecard.kit.words import Words
from routing.merchant_groups import GROUPS
from wallet.models import KycStatus
from wallet.states import ComplianceFlag

ATTRIBUTES: Final[dict[str, Words]] = {
    "amount": _("Amount of the purchase"),
    "cash": _("Cash, or as good as cash"),
    "mcc": _("Merchant category code (MCC)"),
    "mcc_group": _("Group of merchant categories"),
    "country": _("Country of the merchant"),
    "currency": _("Currency that the merchant charges in"),
    "foreign_currency": _("In another currency than the card's"),
    "merchant_id": _("Merchant's id in the network"),
    "merchant_name": _("Merchant's name"),
    "entry_mode": _("How the card was read"),
    "channel": _("Card present or not"),
    "new_merchant": _("First purchase at this merchant"),
    "new_country": _("First purchase in this country"),
    "new_mcc": _("First purchase in this category"),
    "declines_15_min": _("Declines in the last 15 minutes"),
    "declines_1_h": _("Declines in the last hour"),
    "declines_24_h": _("Declines in the last 24 hours"),
    "consecutive_declines": _("Declines in a row"),
    "z_score": _("Amount against the card's own (standard deviations)"),
    "impossible_travel": _("Too far from the last purchase for the time between"),
    "card_age_days": _("Age of the card in days"),
    "cvc": _("Security code"),
    "expiry": _("Expiry date"),
    "address": _("Address"),
    "three_d_secure": _("3-D Secure"),
    "wallet": _("Phone's wallet"),
    "network_risk": _("Risk score of the network"),
    "issuer_risk": _("Risk score of the issuer"),
    "kyc_state": _("Identity check"),
    "kyc_days_left": _("Days until the identity is checked again"),
    "compliance_flags": _("Compliance flag"),
}
_CHECKED: Final[dict[str, Words]] = {
    "match": _("matches"),
    "mismatch": _("does not match"),
    "not_provided": _("not given"),
}
YES_OR_NO: Final[dict[str, Words]] = {"yes": _("yes"), "no": _("no")}
# The values of the attributes that have few, by what they are called in a definition.
CHOICES: Final[dict[str, dict[str, Words]]] = {
    **{name: YES_OR_NO for name, kind in TYPES.items() if kind == YES_NO},
    "mcc_group": {key: group.name for key, group in GROUPS.items()},
    "entry_mode": {
        "chip": _("chip"),
        "contactless": _("contactless"),
        "swipe": _("magnetic stripe"),
        "keyed": _("typed by the merchant"),
        "online": _("online"),
    },
    "channel": {"present": _("present"), "not_present": _("not present")},
    "cvc": _CHECKED,
    "expiry": _CHECKED,
    "address": _CHECKED,
    "three_d_secure": {
        "authenticated": _("authenticated"),
        "attempted": _("attempted"),
        "failed": _("failed"),
        "required": _("required"),
    },
    "wallet": {
        "apple_pay": "Apple Pay",
        "google_pay": "Google Pay",
        "samsung_pay": "Samsung Pay",
        "other": _("another one"),
    },
    "kyc_state": dict(KycStatus.choices),
    "compliance_flags": dict(ComplianceFlag.choices),
}
# An operator of the editor: the operator of the definition, and whether its answer is turned around.
OPERATORS: Final[dict[str, tuple[str, bool]]] = {
    "is": ("is", False),
    "is_not": ("is", True),
    "in": ("in", False),
    "not_in": ("in", True),
    "between": ("between", False),
    "not_between": ("between", True),
    "matches": ("matches", False),
    "not_matches": ("matches", True),
}
OPERATOR_WORDS: Final[dict[str, Words]] = {
    "is": _("is"),
    "is_not": _("is not"),
    "in": _("is one of"),
    "not_in": _("is none of"),
    "between": _("is between"),
    "not_between": _("is not between"),
    "matches": _("matches"),
    "not_matches": _("does not match"),
}
MEASURES: Final[dict[str, Words]] = {"amount": _("the amount"), "count": _("the number of purchases")}
WINDOWS: Final[dict[str, Words]] = {
    "purchase": _("of one purchase"),
    "trailing": _("within the time before each purchase"),
    "day": _("of a day"),
    "week": _("of a week, from Monday"),
    "month": _("of a month"),
    "year": _("of a year"),
    "lifetime": _("for ever"),
}
SUBJECTS: Final[dict[str, Words]] = {
    "card": _("each card"),
    "cardholder": _("each cardholder, over all of their cards"),
    "programme": _("all cards together"),
}
ACTIONS: Final[dict[str, Words]] = {
    "decline": _("Decline"),
    "flag": _("Approve, and open a case"),
    "adjust_hold": _("Hold more than the amount"),
    "approve_in_part": _("Approve a part"),
}


def is_amount(attribute: str) -> bool:
    """Returns whether values of an attribute are amounts, which people write in whole units."""
    return attribute == "amount"


def is_number(attribute: str) -> bool:
    return TYPES.get(attribute) == NUMBER
