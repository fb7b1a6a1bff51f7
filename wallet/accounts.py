"""The chart of accounts: what each account means, and which must return to zero.

Balances are debits less credits. What we have is positive (processor, issuer), what we owe is negative (card balances).
"""

from django.db import models
from django.utils.translation import gettext_lazy

from onecard.kit.words import Words


class Account(models.TextChoices):
    """The places where money can be."""

    PROCESSOR = "processor", gettext_lazy("At the processor")
    ISSUER = "issuer", gettext_lazy("At the issuers")
    BANK = "bank", gettext_lazy("At our bank")
    IN_TRANSIT = "in_transit", gettext_lazy("On the way")
    PURCHASES = "purchases", gettext_lazy("Purchases in clearing")
    CARD_BALANCES = "card_balances", gettext_lazy("Card balances")
    WRITE_OFFS = "write_offs", gettext_lazy("Written off")
    GOODWILL = "goodwill", gettext_lazy("Given back at our cost")
    OUTSIDE = "outside", gettext_lazy("Settled outside")
    DISPUTES = "disputes", gettext_lazy("Provisional credits")
    CARRIED = "carried", gettext_lazy("Carried to the next charge")
    FUNDING_DISPUTES = "funding_disputes", gettext_lazy("Disputed charges")
    FEES = "fees", gettext_lazy("Fees")
    EXCHANGE = "exchange", gettext_lazy("Exchange differences")


MEANING: dict[str, Words] = {
    Account.PROCESSOR: gettext_lazy(
        "What funding cards have paid and the processor holds for us, less what we gave back and what it keeps."
    ),
    Account.ISSUER: gettext_lazy(
        "What we put into our balances at the issuers, less what captures took from them and merchants did not give "
        "back. Before each purchase the issuer must have it."
    ),
    Account.BANK: gettext_lazy(
        "What the processor and the issuers paid out to our bank account, less what we sent them from there (negative "
        "as long as that is more)."
    ),
    Account.IN_TRANSIT: gettext_lazy(
        "Payouts that left the processor and have not arrived at our bank, and transfers between our balances of which "
        "one side is listed. Zero for each of them within days."
    ),
    Account.PURCHASES: gettext_lazy(
        "Between merchant and funding card: a charge puts money in, a capture takes it out. Zero for each purchase "
        "that is over; until then it holds what is paid ahead (negative) or not paid yet (positive)."
    ),
    Account.CARD_BALANCES: gettext_lazy(
        "What cardholders have put on their cards and not spent: we owe it (negative)."
    ),
    Account.WRITE_OFFS: gettext_lazy(
        "Captured purchases that nobody will pay, given up by two people or too small to be charged, less what "
        "merchants gave back of them later."
    ),
    Account.GOODWILL: gettext_lazy(
        "What staff gave back to cardholders although the merchant kept it: a loss of our own."
    ),
    Account.OUTSIDE: gettext_lazy(
        "What cardholders paid us by other ways, such as a transfer (positive), less what we paid them so. Two people "
        "have seen each on a bank statement."
    ),
    Account.DISPUTES: gettext_lazy(
        "What issuers credited while a dispute is open (negative): nobody has it yet. Zero once the dispute is over."
    ),
    Account.CARRIED: gettext_lazy(
        "Amounts too small for the processor to charge alone (positive), or overpaid by so little (negative), until "
        "the next charge of the cardholder takes them along or they are written off."
    ),
    Account.FUNDING_DISPUTES: gettext_lazy(
        "What banks of funding cards have taken back of our charges while the dispute is open (positive). It comes "
        "back when we win; when we lose it, the cardholder owes it for the purchase."
    ),
    Account.FEES: gettext_lazy("What the processor keeps for its service, booked each night from its own list."),
    Account.EXCHANGE: gettext_lazy(
        "Where money changes its currency: given in one (positive), got in another (negative). At one rate for both, "
        "the sum is what that cost (positive) or gained."
    ),
}
# These must net to zero for a purchase that is closed and has no charge or refund under way.
RETURNS_TO_ZERO = (Account.PURCHASES, Account.DISPUTES)
