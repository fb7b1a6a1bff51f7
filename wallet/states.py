"""The states of obligations, charges, refunds and identity checks, and the legal moves (money-safety I10).

Only tables: the function that knows why makes the move, with a conditional update.
"""

from django.db import models
from django.utils.translation import gettext_lazy


class OwnTransfer(models.TextChoices):
    """The state of a top-up or payout between our bank and a balance of ours."""

    PENDING = "pending", gettext_lazy("Pending")  # Asked for, and not on its way yet.
    IN_TRANSIT = "in_transit", gettext_lazy("On the way")
    ARRIVED = "arrived", gettext_lazy("Arrived")  # A payout may still fail afterwards, a top-up may be taken back.
    FAILED = "failed", gettext_lazy("Failed")
    CANCELED = "canceled", gettext_lazy("Canceled")
    REVERSED = "reversed", gettext_lazy("Taken back")


OWN_TRANSFER_MOVES: dict[str, frozenset[str]] = {
    OwnTransfer.PENDING: frozenset(
        {
            OwnTransfer.IN_TRANSIT,
            OwnTransfer.ARRIVED,
            OwnTransfer.FAILED,
            OwnTransfer.CANCELED,
            OwnTransfer.REVERSED,
        }
    ),
    OwnTransfer.IN_TRANSIT: frozenset(
        {OwnTransfer.ARRIVED, OwnTransfer.FAILED, OwnTransfer.CANCELED, OwnTransfer.REVERSED}
    ),
    OwnTransfer.ARRIVED: frozenset({OwnTransfer.FAILED, OwnTransfer.REVERSED}),
    OwnTransfer.FAILED: frozenset(),
    OwnTransfer.CANCELED: frozenset(),
    OwnTransfer.REVERSED: frozenset(),
}
# Staff hear of these.
OWN_TRANSFER_LOST = (OwnTransfer.FAILED, OwnTransfer.REVERSED)


class Obligation(models.TextChoices):
    """The state of the money for one approval."""

    OPEN = "open", gettext_lazy("Open")  # A charge is intended, under way, held, or its outcome is unknown.
    FUNDED = "funded", gettext_lazy("Funded")  # One charge succeeded.
    FAILED = "failed", gettext_lazy("Failed")  # No charge is alive and none succeeded; a case is open.
    RELEASED = "released", gettext_lazy("Released")  # The purchase did not happen, so nothing is owed.


class Policy(models.TextChoices):
    """How an obligation's charges take money (the deployment's FUNDING_POLICY at the time of the approval)."""

    CHARGE_NOW = "charge_now", gettext_lazy("Charge at approval")
    HOLD_THEN_CAPTURE = "hold_then_capture", gettext_lazy("Hold at approval, capture at settlement")


class Charge(models.TextChoices):
    """The state of one attempt to charge a card."""

    INTENDED = (
        "intended",
        gettext_lazy("Intended"),
    )  # Committed; the processor has not processed it (it may have answered 429).
    SENDING = "sending", gettext_lazy("Being sent")  # A worker holds it; if that worker dies, the outcome is unknown.
    SUCCEEDED = "succeeded", gettext_lazy("Succeeded")
    PROCESSING = "processing", gettext_lazy("Processing")  # The processor accepted it and will report by an event.
    HELD = "held", gettext_lazy("Held")  # The card's bank holds the amount; nothing is taken yet (hold_then_capture).
    CAPTURING = (
        "capturing",
        gettext_lazy("Being captured"),
    )  # The hold is being captured; the amount is fixed from here on.
    REQUIRES_ACTION = (
        "requires_action",
        gettext_lazy("Needs the cardholder"),
    )  # The card's bank wants the person on session.
    DECLINED = "declined", gettext_lazy("Declined")
    UNKNOWN = (
        "unknown",
        gettext_lazy("Outcome unknown"),
    )  # The answer was lost: ask again with the same key, or look it up.
    REFUSED = "refused", gettext_lazy("Request refused")  # Invalid for the processor: sending it again cannot help.
    CANCELED = "canceled", gettext_lazy("Canceled")


# Every legal move. Any other is a late or repeated update and changes nothing.
CHARGE_MOVES: dict[str, frozenset[str]] = {
    Charge.INTENDED: frozenset({Charge.SENDING, Charge.CANCELED}),
    Charge.SENDING: frozenset(
        {
            Charge.INTENDED,
            Charge.SUCCEEDED,
            Charge.HELD,
            Charge.PROCESSING,
            Charge.REQUIRES_ACTION,
            Charge.DECLINED,
            Charge.UNKNOWN,
            Charge.REFUSED,
            Charge.CANCELED,
        }
    ),
    Charge.UNKNOWN: frozenset(
        {
            Charge.SENDING,
            Charge.SUCCEEDED,
            Charge.HELD,
            Charge.PROCESSING,
            Charge.REQUIRES_ACTION,
            Charge.DECLINED,
            Charge.REFUSED,
            Charge.CANCELED,
        }
    ),
    Charge.PROCESSING: frozenset(
        {Charge.SUCCEEDED, Charge.HELD, Charge.REQUIRES_ACTION, Charge.DECLINED, Charge.CANCELED}
    ),
    Charge.REQUIRES_ACTION: frozenset(
        {Charge.SUCCEEDED, Charge.HELD, Charge.PROCESSING, Charge.DECLINED, Charge.CANCELED}
    ),
    # A hold lapses at its bank after some days, is given up when nothing is owed, or is captured by hand.
    Charge.HELD: frozenset({Charge.CAPTURING, Charge.SUCCEEDED, Charge.CANCELED}),
    Charge.CAPTURING: frozenset({Charge.SUCCEEDED, Charge.CANCELED}),
    # A payment intent can be confirmed again after a decline, by hand in the processor's dashboard for instance.
    Charge.DECLINED: frozenset({Charge.SUCCEEDED, Charge.HELD}),
    Charge.REFUSED: frozenset(),
    Charge.CANCELED: frozenset(),
    Charge.SUCCEEDED: frozenset(),
}

OBLIGATION_MOVES: dict[str, frozenset[str]] = {
    Obligation.OPEN: frozenset({Obligation.FUNDED, Obligation.FAILED, Obligation.RELEASED}),
    Obligation.FAILED: frozenset({Obligation.OPEN, Obligation.FUNDED, Obligation.RELEASED}),
    Obligation.FUNDED: frozenset({Obligation.RELEASED}),
    Obligation.RELEASED: frozenset(),
}


class Refund(models.TextChoices):
    """The state of one attempt to refund money to a funding card."""

    INTENDED = (
        "intended",
        gettext_lazy("Intended"),
    )  # Committed; the processor does not know of it, or the charge has no outcome yet.
    SENDING = "sending", gettext_lazy("Being sent")  # A worker holds it; if that worker dies, the outcome is unknown.
    UNKNOWN = (
        "unknown",
        gettext_lazy("Outcome unknown"),
    )  # The answer was lost: ask again with the same key, or look it up.
    SUCCEEDED = (
        "succeeded",
        gettext_lazy("Given back"),
    )  # The processor accepted it; the card's bank may take days to show it.
    FAILED = "failed", gettext_lazy("Failed")  # The processor cannot give it back; a case is open.
    CANCELED = (
        "canceled",
        gettext_lazy("Canceled"),
    )  # The money was never paid, or the refund failed and was sent again as another one.


REFUND_MOVES: dict[str, frozenset[str]] = {
    Refund.INTENDED: frozenset({Refund.SENDING, Refund.CANCELED}),
    Refund.SENDING: frozenset({Refund.INTENDED, Refund.UNKNOWN, Refund.SUCCEEDED, Refund.FAILED}),
    Refund.UNKNOWN: frozenset({Refund.SENDING, Refund.SUCCEEDED, Refund.FAILED}),
    # The bank of a closed card may return the money days later.
    Refund.SUCCEEDED: frozenset({Refund.FAILED}),
    # A person sends it again as another refund, so that nothing is counted twice.
    Refund.FAILED: frozenset({Refund.CANCELED}),
    Refund.CANCELED: frozenset(),
}


class CardSetup(models.TextChoices):
    """The state of a request to save a card."""

    OPEN = "open", gettext_lazy("Open")  # The person has not given a card yet, or we have not heard of it.
    COMPLETED = "completed", gettext_lazy("Card saved")
    REFUSED = "refused", gettext_lazy("Card refused")  # The processor saved it, and it cannot come into the wallet.


CARD_SETUP_MOVES: dict[str, frozenset[str]] = {
    CardSetup.OPEN: frozenset({CardSetup.COMPLETED, CardSetup.REFUSED}),
    CardSetup.COMPLETED: frozenset(),
    CardSetup.REFUSED: frozenset(),
}


class Detachment(models.TextChoices):
    """The state of a saved card's removal at the processor."""

    INTENDED = "intended", gettext_lazy("Intended")
    SENDING = "sending", gettext_lazy("Being sent")
    DONE = "done", gettext_lazy("Detached")


DETACHMENT_MOVES: dict[str, frozenset[str]] = {
    Detachment.INTENDED: frozenset({Detachment.SENDING, Detachment.DONE}),
    Detachment.SENDING: frozenset({Detachment.INTENDED, Detachment.DONE}),
    Detachment.DONE: frozenset(),
}
DUE_DETACHMENT = (Detachment.INTENDED, Detachment.SENDING)
UNPAID = (Obligation.OPEN, Obligation.FAILED)
# A card's bank holds the money for us.
HOLDING = (Charge.HELD, Charge.CAPTURING)
DUE_REFUND = (Refund.INTENDED, Refund.SENDING, Refund.UNKNOWN)

# A charge that may still take money, or took it: at most one per obligation.
LIVE_CHARGE = (
    Charge.INTENDED,
    Charge.SENDING,
    Charge.SUCCEEDED,
    Charge.PROCESSING,
    Charge.HELD,
    Charge.CAPTURING,
    Charge.REQUIRES_ACTION,
    Charge.UNKNOWN,
)
# The states in which a charge may be due; a hold is due when it is to be captured or given up.
DUE_CHARGE = (
    Charge.INTENDED,
    Charge.SENDING,
    Charge.UNKNOWN,
    Charge.PROCESSING,
    Charge.HELD,
    Charge.CAPTURING,
)


class FundingDispute(models.TextChoices):
    """The state of a dispute of our charge, in the processor's words (docs/issuers/stripe.md, Dispute statuses)."""

    WARNING_NEEDS_RESPONSE = "warning_needs_response", gettext_lazy("Inquiry: needs an answer")
    WARNING_UNDER_REVIEW = "warning_under_review", gettext_lazy("Inquiry: under review")
    WARNING_CLOSED = "warning_closed", gettext_lazy("Inquiry closed")
    NEEDS_RESPONSE = "needs_response", gettext_lazy("Needs evidence")
    UNDER_REVIEW = "under_review", gettext_lazy("Under review")
    WON = "won", gettext_lazy("Won")
    LOST = "lost", gettext_lazy("Lost")
    PREVENTED = "prevented", gettext_lazy("Prevented")


INQUIRY = (
    FundingDispute.WARNING_NEEDS_RESPONSE,
    FundingDispute.WARNING_UNDER_REVIEW,
    FundingDispute.WARNING_CLOSED,
)
DISPUTE_ENDS = (
    FundingDispute.WARNING_CLOSED,
    FundingDispute.WON,
    FundingDispute.LOST,
    FundingDispute.PREVENTED,
)
_DISPUTED = frozenset(
    {FundingDispute.NEEDS_RESPONSE, FundingDispute.UNDER_REVIEW, FundingDispute.WON, FundingDispute.LOST}
)
_REVIEWED = frozenset({FundingDispute.UNDER_REVIEW, FundingDispute.WON, FundingDispute.LOST, FundingDispute.PREVENTED})
# An inquiry may become a dispute. A bank may reverse an end, which only a newer report may say.
FUNDING_DISPUTE_MOVES: dict[str, frozenset[str]] = {
    FundingDispute.WARNING_NEEDS_RESPONSE: frozenset(
        {FundingDispute.WARNING_UNDER_REVIEW, FundingDispute.WARNING_CLOSED, FundingDispute.PREVENTED} | _DISPUTED
    ),
    FundingDispute.WARNING_UNDER_REVIEW: frozenset({FundingDispute.WARNING_CLOSED} | _DISPUTED),
    FundingDispute.WARNING_CLOSED: _DISPUTED,
    FundingDispute.NEEDS_RESPONSE: _REVIEWED,
    FundingDispute.UNDER_REVIEW: _REVIEWED - {FundingDispute.UNDER_REVIEW},
    FundingDispute.WON: frozenset({FundingDispute.LOST}),
    FundingDispute.LOST: frozenset({FundingDispute.WON}),
    FundingDispute.PREVENTED: frozenset(),
}


class KycStatus(models.TextChoices):
    """How far the person's identity was checked. Only `verified` may spend."""

    NOT_STARTED = "not_started", gettext_lazy("Not started")  # The person has not asked for the check yet.
    PENDING = "pending", gettext_lazy("Pending")  # Staff or the issuer look at it.
    NEEDS_MORE = "needs_more", gettext_lazy("Needs more")  # The person has to give or correct something.
    VERIFIED = "verified", gettext_lazy("Verified")
    REJECTED = "rejected", gettext_lazy("Rejected")
    EXPIRED = "expired", gettext_lazy("Expired")  # It was verified too long ago.


KYC_MOVES: dict[str, frozenset[str]] = {
    KycStatus.NOT_STARTED: frozenset({KycStatus.PENDING, KycStatus.REJECTED}),
    KycStatus.PENDING: frozenset({KycStatus.VERIFIED, KycStatus.REJECTED, KycStatus.NEEDS_MORE}),
    KycStatus.NEEDS_MORE: frozenset({KycStatus.PENDING, KycStatus.VERIFIED, KycStatus.REJECTED}),
    # Verified again is a renewal before the end. An issuer, or a new name, may put a verified person in doubt.
    KycStatus.VERIFIED: frozenset(
        {KycStatus.VERIFIED, KycStatus.PENDING, KycStatus.NEEDS_MORE, KycStatus.REJECTED, KycStatus.EXPIRED}
    ),
    KycStatus.EXPIRED: frozenset({KycStatus.PENDING, KycStatus.VERIFIED, KycStatus.NEEDS_MORE, KycStatus.REJECTED}),
    # Only staff or the issuer look at a rejected person again.
    KycStatus.REJECTED: frozenset({KycStatus.PENDING}),
}
OPEN_REVIEW = (KycStatus.PENDING, KycStatus.NEEDS_MORE)
# One submission for a check, on its way through the queue of staff.
REVIEW_MOVES: dict[str, frozenset[str]] = {
    KycStatus.PENDING: frozenset({KycStatus.VERIFIED, KycStatus.REJECTED, KycStatus.NEEDS_MORE}),
    KycStatus.NEEDS_MORE: frozenset({KycStatus.PENDING, KycStatus.VERIFIED, KycStatus.REJECTED}),
    KycStatus.VERIFIED: frozenset(),
    KycStatus.REJECTED: frozenset(),
}


class ComplianceFlag(models.TextChoices):
    """A mark that staff or an issuer set on a person or a card."""

    SANCTIONS = "sanctions", gettext_lazy("On a sanctions list")
    FRAUD = "fraud", gettext_lazy("Suspected of fraud")
    LEGAL_HOLD = "legal_hold", gettext_lazy("Held by order of a court or authority")
    MANUAL_REVIEW = "manual_review", gettext_lazy("To be looked at")
    WATCHED = "watched", gettext_lazy("Watched")


# While one of these stands, every purchase is declined and no card is made. The others only remind staff.
BLOCKING_FLAGS = (ComplianceFlag.SANCTIONS, ComplianceFlag.FRAUD, ComplianceFlag.LEGAL_HOLD)
