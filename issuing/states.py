"""The states of a card, an authorization, a hold and an inbox event, and their legal moves (money-safety I10)."""

from django.db import models
from django.utils.translation import gettext_lazy


class Card(models.TextChoices):
    """A virtual card's life."""

    PENDING = "pending", gettext_lazy("Pending")
    ACTIVE = "active", gettext_lazy("Active")
    FROZEN = "frozen", gettext_lazy("Frozen")
    SUSPENDED = "suspended", gettext_lazy("Suspended")
    CLOSED = "closed", gettext_lazy("Closed")


STOPPED_CARD = (Card.FROZEN, Card.SUSPENDED)
CARD_MOVES: dict[str, frozenset[str]] = {
    Card.PENDING: frozenset({Card.ACTIVE, Card.CLOSED}),
    Card.ACTIVE: frozenset({Card.FROZEN, Card.SUSPENDED, Card.CLOSED}),
    Card.FROZEN: frozenset({Card.ACTIVE, Card.SUSPENDED, Card.CLOSED}),
    # Suspension is the program's or the issuer's word, and only they take it back.
    Card.SUSPENDED: frozenset({Card.ACTIVE, Card.FROZEN, Card.CLOSED}),
    Card.CLOSED: frozenset(),
}


class ControlState(models.TextChoices):
    """The life of a control's version."""

    DRAFT = "draft", gettext_lazy("Draft")  # Can be changed; no purchase meets it.
    SHADOW = "shadow", gettext_lazy("Shadow")  # Counts and records what it would have done, and does nothing.
    ACTIVE = "active", gettext_lazy("Active")
    OFF = "off", gettext_lazy("Off")


CONTROL_MOVES: dict[str, frozenset[str]] = {
    ControlState.DRAFT: frozenset({ControlState.SHADOW, ControlState.OFF}),
    ControlState.SHADOW: frozenset({ControlState.ACTIVE, ControlState.OFF}),
    ControlState.ACTIVE: frozenset({ControlState.OFF}),
    ControlState.OFF: frozenset(),
}


class AnswerFailure(models.TextChoices):
    """Why a purchase did not get the answer that it should have had from us."""

    TIMEOUT = "timeout", gettext_lazy("The issuer got no answer of ours in time")
    ERROR = "error", gettext_lazy("The issuer could not use our answer")
    LATE = "late", gettext_lazy("We could not decide in time")
    UNRECORDED = "unrecorded", gettext_lazy("We declined, and no decision is on record")
    OVERLOAD = "overload", gettext_lazy("More purchases came than we could decide")


class StoodIn(models.TextChoices):
    """Who answered a purchase in the place of an ordinary decision of ours."""

    ONE_CARD = "one_card", gettext_lazy("One Card, without its database")
    ISSUER = "issuer", gettext_lazy("The issuer, in our place")
    NETWORK = "network", gettext_lazy("The card network, in the issuer's place")


class Stopper(models.TextChoices):
    """Who froze or suspended a card. Its holder may undo only what they did themselves."""

    HOLDER = "holder", gettext_lazy("Its holder")
    ONE_CARD = "one_card", gettext_lazy("One Card")
    ISSUER = "issuer", gettext_lazy("The issuer")


class Replacement(models.TextChoices):
    """Why a holder has a card replaced."""

    LOST = "lost", gettext_lazy("Lost")
    STOLEN = "stolen", gettext_lazy("Stolen")
    DAMAGED = "damaged", gettext_lazy("Damaged")
    EXPIRED = "expired", gettext_lazy("Expired")


# Somebody else may hold the card: it ends with the request, and not when the new one is ready.
REPLACED_AT_ONCE = (Replacement.LOST, Replacement.STOLEN)


class Change(models.TextChoices):
    """Where something asked of an issuer stands."""

    INTENDED = (
        "intended",
        gettext_lazy("Intended"),
    )  # Committed here; the issuer may not know of it, or did not answer yet.
    SENDING = (
        "sending",
        gettext_lazy("Being sent"),
    )  # A worker holds it; if that worker dies, it is sent again under its key.
    DONE = "done", gettext_lazy("Done")
    REFUSED = "refused", gettext_lazy("Refused by the issuer")
    SUPERSEDED = "superseded", gettext_lazy("Superseded")  # A later change made it pointless before it was sent.


CHANGE_MOVES: dict[str, frozenset[str]] = {
    Change.INTENDED: frozenset({Change.SENDING, Change.SUPERSEDED}),
    Change.SENDING: frozenset({Change.INTENDED, Change.DONE, Change.REFUSED}),
    Change.DONE: frozenset(),
    Change.REFUSED: frozenset(),
    Change.SUPERSEDED: frozenset(),
}
OPEN_CHANGE = (Change.INTENDED, Change.SENDING)


class ProfileUpdate(models.TextChoices):
    """Where a corrected profile stands on its way to an issuer. A further correction begins it anew."""

    INTENDED = "intended", gettext_lazy("To be sent")
    SENDING = "sending", gettext_lazy("Being sent")
    DONE = "done", gettext_lazy("Known to the issuer")
    REFUSED = "refused", gettext_lazy("Refused by the issuer")


PROFILE_UPDATE_MOVES: dict[str, frozenset[str]] = {
    ProfileUpdate.INTENDED: frozenset({ProfileUpdate.SENDING}),
    ProfileUpdate.SENDING: frozenset({ProfileUpdate.INTENDED, ProfileUpdate.DONE, ProfileUpdate.REFUSED}),
    ProfileUpdate.DONE: frozenset({ProfileUpdate.INTENDED}),
    ProfileUpdate.REFUSED: frozenset({ProfileUpdate.INTENDED}),
}
OPEN_PROFILE_UPDATE = (ProfileUpdate.INTENDED, ProfileUpdate.SENDING)


class Funding(models.TextChoices):
    """Where a request to put money on a card stands."""

    REQUESTED = "requested", gettext_lazy("Requested")  # The source is being charged.
    CREDITED = "credited", gettext_lazy("On the card")
    FAILED = "failed", gettext_lazy("Failed")  # The source did not pay; nothing is on the card.


FUNDING_MOVES: dict[str, frozenset[str]] = {
    Funding.REQUESTED: frozenset({Funding.CREDITED, Funding.FAILED}),
    # Its obligation is released with it: should the source pay after all, a case asks for the money to be given back.
    Funding.FAILED: frozenset(),
    Funding.CREDITED: frozenset(),
}


class Sync(models.TextChoices):
    """Where a comparison with an issuer stands; one that died is running and goes on where it was."""

    RUNNING = "running", gettext_lazy("Running")
    FINISHED = "finished", gettext_lazy("Finished")


class Reconciliation(models.TextChoices):
    """Where a reconciliation stands. One whose worker died is running, and a sweeper has it begun anew."""

    RUNNING = "running", gettext_lazy("Running")
    FINISHED = "finished", gettext_lazy("Finished")
    FAILED = "failed", gettext_lazy("Failed")  # Nothing is concluded from it; the next one begins anew.


RECONCILIATION_MOVES: dict[str, frozenset[str]] = {
    Reconciliation.RUNNING: frozenset({Reconciliation.FINISHED, Reconciliation.FAILED}),
    Reconciliation.FINISHED: frozenset(),
    Reconciliation.FAILED: frozenset(),
}


class SyncStage(models.TextChoices):
    """What a sync compares, in this order. Missed events come first, so that the later stages see them applied."""

    EVENTS = "events", gettext_lazy("Missed events")
    TRANSACTIONS = "transactions", gettext_lazy("Transactions")
    THEIR_CARDS = "their_cards", gettext_lazy("The issuer's cards")
    OUR_CARDS = "our_cards", gettext_lazy("Cards that the issuer did not list")


class Authorization(models.TextChoices):
    """Where a purchase stands at the issuer."""

    DECLINED = "declined", gettext_lazy("Declined")
    APPROVED = "approved", gettext_lazy("Approved")  # Held at the issuer, not yet captured.
    SETTLED = "settled", gettext_lazy("Settled")  # Closed at the issuer: captured, nothing more is held.
    REVERSED = "reversed", gettext_lazy("Reversed")
    EXPIRED = "expired", gettext_lazy("Expired")


AUTHORIZATION_MOVES: dict[str, frozenset[str]] = {
    # The issuer may approve what we declined or never saw (stand-in), and decline what we approved too late.
    Authorization.DECLINED: frozenset({Authorization.APPROVED, Authorization.SETTLED}),
    Authorization.APPROVED: frozenset(
        {Authorization.DECLINED, Authorization.SETTLED, Authorization.REVERSED, Authorization.EXPIRED}
    ),
    # A capture can follow an expiry (Stripe: late captures).
    Authorization.EXPIRED: frozenset({Authorization.SETTLED}),
    Authorization.REVERSED: frozenset({Authorization.SETTLED}),
    Authorization.SETTLED: frozenset(),
}


class Dispute(models.TextChoices):
    """Where a dispute stands: Stripe's words (docs/issuers/stripe.md, Disputes), also for Marqeta's states."""

    UNSUBMITTED = "unsubmitted", gettext_lazy("Not submitted")  # Begun at the issuer; its evidence is not complete.
    SUBMITTED = "submitted", gettext_lazy("Submitted")  # The merchant's side may answer.
    WON = "won", gettext_lazy("Won")
    LOST = "lost", gettext_lazy("Lost")
    EXPIRED = "expired", gettext_lazy("Expired")  # Never submitted in time.


DISPUTE_MOVES: dict[str, frozenset[str]] = {
    Dispute.UNSUBMITTED: frozenset({Dispute.SUBMITTED, Dispute.WON, Dispute.LOST, Dispute.EXPIRED}),
    Dispute.SUBMITTED: frozenset({Dispute.WON, Dispute.LOST, Dispute.EXPIRED}),
    # A merchant may contest a dispute that was won (pre-arbitration), and the network's last word stands.
    Dispute.WON: frozenset({Dispute.LOST}),
    Dispute.LOST: frozenset({Dispute.WON}),
    Dispute.EXPIRED: frozenset(),
}
OPEN_DISPUTE = (Dispute.UNSUBMITTED, Dispute.SUBMITTED)


class DisputeRequest(models.TextChoices):
    """The state of a cardholder's request to dispute a purchase; once submitted, its Dispute has the further states."""

    REQUESTED = "requested", gettext_lazy("Waits for review")
    ACCEPTED = "accepted", gettext_lazy("Accepted, to be sent")  # Staff said yes; the issuer may not know of it yet.
    SENDING = "sending", gettext_lazy("Being sent")
    SUBMITTED = "submitted", gettext_lazy("Submitted to the issuer")
    REFUSED = "refused", gettext_lazy("Refused by us")
    REJECTED = "rejected", gettext_lazy("Refused by the issuer")
    WITHDRAWN = "withdrawn", gettext_lazy("Withdrawn")


DISPUTE_REQUEST_MOVES: dict[str, frozenset[str]] = {
    DisputeRequest.REQUESTED: frozenset({DisputeRequest.ACCEPTED, DisputeRequest.REFUSED, DisputeRequest.WITHDRAWN}),
    DisputeRequest.ACCEPTED: frozenset({DisputeRequest.SENDING}),
    DisputeRequest.SENDING: frozenset({DisputeRequest.ACCEPTED, DisputeRequest.SUBMITTED, DisputeRequest.REJECTED}),
    DisputeRequest.SUBMITTED: frozenset(),
    DisputeRequest.REFUSED: frozenset(),
    DisputeRequest.REJECTED: frozenset(),
    DisputeRequest.WITHDRAWN: frozenset(),
}
DUE_DISPUTE_REQUEST = (DisputeRequest.ACCEPTED, DisputeRequest.SENDING)
OPEN_DISPUTE_REQUEST = (DisputeRequest.REQUESTED, *DUE_DISPUTE_REQUEST)


class Hold(models.TextChoices):
    """A hold on the card's limits; it ends once."""

    PLACED = "placed", gettext_lazy("Placed")
    RELEASED = "released", gettext_lazy("Released")


class Event(models.TextChoices):
    """What became of a delivery in the inbox."""

    RECEIVED = "received", gettext_lazy("Received")  # Stored; a worker will handle it.
    HANDLED = "handled", gettext_lazy("Handled")
    KEPT = "kept", gettext_lazy("Kept")  # Understood as not ours to act on, or of an unknown kind.
    REJECTED = "rejected", gettext_lazy("Rejected")  # Genuine but malformed; the reason says how.


EVENT_MOVES: dict[str, frozenset[str]] = {
    Event.RECEIVED: frozenset({Event.HANDLED, Event.KEPT, Event.REJECTED}),
    # Operations staff may send an event through again: after a repair, or to see that all of it was applied. What was
    # applied before changes nothing.
    Event.KEPT: frozenset({Event.RECEIVED}),
    Event.REJECTED: frozenset({Event.RECEIVED}),
    Event.HANDLED: frozenset({Event.RECEIVED}),
}


class HookOutcome(models.TextChoices):
    """What came of asking a fraud hook about a purchase. All from `late` on is skipped: it decides nothing."""

    ALLOW = "allow", gettext_lazy("Allowed")
    FLAG = "flag", gettext_lazy("Flagged")
    WOULD_DECLINE = "would_decline", gettext_lazy("Would have declined; flagged")
    DECLINE = "decline", gettext_lazy("Declined")
    LATE = "late", gettext_lazy("Late")
    RAISED = "raised", gettext_lazy("Failed")
    INVALID = "invalid", gettext_lazy("No verdict")
    OPEN = "open", gettext_lazy("Not asked: it was late too often")
    BUSY = "busy", gettext_lazy("Not asked: its earlier calls still run")


# These open a case for staff.
FLAGGED = (HookOutcome.FLAG, HookOutcome.WOULD_DECLINE, HookOutcome.DECLINE)
SKIPPED = (HookOutcome.LATE, HookOutcome.RAISED, HookOutcome.INVALID, HookOutcome.OPEN, HookOutcome.BUSY)
