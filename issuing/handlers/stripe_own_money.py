"""What a Stripe event says of our own money: top-ups and payouts. The books follow Stripe's list (decision 0054)."""

from issuing import states
from issuing.inbox.unhandled_money import UnhandledMoneyError
from issuing.issuers.messages import Envelope
from wallet.own_money import records
from wallet.processors.stripe.balance import SENSELESS
from wallet.processors.stripe.own_transfers import FoundTransfer, read_transfer

EVENTS = ("payout.", "topup.")
Result = tuple[str, str]


def apply(provider: str, envelope: Envelope) -> Result | None:
    """Records a top-up or payout; None for an event about anything else.

    Raises UnhandledMoneyError when it makes no sense.
    """
    if not envelope.type.startswith(EVENTS):
        return None
    found = _read(envelope)
    if not records.record(found, provider=provider):
        return states.Event.KEPT, "It says nothing new of the top-up or payout."
    return states.Event.HANDLED, ""


def _read(envelope: Envelope) -> FoundTransfer:
    try:
        return read_transfer(envelope.content)
    except SENSELESS as error:
        raise UnhandledMoneyError("The top-up or payout cannot be read, so nobody follows it.") from error
