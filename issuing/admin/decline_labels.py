"""The short name of each reason of a decline, for charts and tables; `decline_words` has the sentences."""

from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from issuing.authorizations import issuer_reasons
from issuing.operations.hourly_sums import UNKNOWN_REASON
from onecard.kit.words import Words
from routing.words import DECLINES

ISSUERS: Final[dict[str, Words]] = {
    "spending_controls": gettext_lazy("Spending control at the issuer"),
    "card_inactive": gettext_lazy("Card inactive at the issuer"),
    "card_active": gettext_lazy("Declined although the card is active"),
    "card_canceled": gettext_lazy("Card closed at the issuer"),
    "card_expired": gettext_lazy("Card expired"),
    "cardholder_inactive": gettext_lazy("Cardholder inactive at the issuer"),
    "cardholder_blocked": gettext_lazy("Cardholder blocked by the issuer"),
    "account_disabled": gettext_lazy("Our account at the issuer is disabled"),
    "cardholder_verification_required": gettext_lazy("The issuer wants the identity verified"),
    "insufficient_funds": gettext_lazy("Our balance at the issuer was too low"),
    "insecure_authorization_method": gettext_lazy("Card read in a way that the issuer does not take"),
    "verification_failed": gettext_lazy("Expiry date, code or address did not match"),
    "pin_blocked": gettext_lazy("PIN wrong too often"),
    "not_allowed": gettext_lazy("Not allowed with this card"),
    "suspected_fraud": gettext_lazy("Suspected fraud"),
    "network_fallback": gettext_lazy("The network decided in the issuer's place"),
    "stripe_internal_error": gettext_lazy("Error of the issuer"),
    "webhook_declined": gettext_lazy("Declined by us without a record"),
    "webhook_error": gettext_lazy("Our answer could not be used"),
    "webhook_timeout": gettext_lazy("No answer of ours in time"),
}


def label(reason: str) -> str:
    """Returns the name of a reason of ours or of the issuer's; of a new one it returns the word itself."""
    if reason == UNKNOWN_REASON:
        return _("The issuer says no reason.")
    if reason.startswith(issuer_reasons.CODE):
        return _("Response code %(code)s") % {"code": reason.removeprefix(issuer_reasons.CODE)}
    known = DECLINES.get(reason) or ISSUERS.get(reason)
    return str(known) if known else reason.replace("_", " ").capitalize()
