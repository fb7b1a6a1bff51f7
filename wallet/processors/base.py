"""What we ask of any processor, in our own types. Nothing shaped by one processor leaves its own package."""

from dataclasses import dataclass
from typing import Protocol

from onecard.kit.errors import OneCardError
from wallet import states
from wallet.processors import blame
from wallet.processors.blame import Blame

# Built once, because reading the processor's list makes up to a million outcomes.
CHARGE_STATES = frozenset(states.Charge.values)


@dataclass(frozen=True, slots=True)
class ChargeOrder:
    """One charge to make: `amount_minor` of `currency` (upper case) to a saved method, once per idempotency key."""

    public_id: str
    idempotency_key: str
    customer_id: str
    method_id: str
    amount_minor: int
    currency: str
    description: str
    first_sent_at_s: int
    # Only hold the amount; a later call captures it in whole or in part, or gives it up.
    holds: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a processor says became of a charge: a state of `wallet.states.Charge`, its id, and why it failed.

    `charge_public_id` is our own id in the processor's metadata, "" without one. `blames` says whom a refusal is about
    when the processor said more than its code.
    """

    status: str
    processor_charge_id: str = ""
    failure_code: str = ""
    failure_message: str = ""
    charge_public_id: str = ""
    blames: Blame | None = None

    @property
    def blame(self) -> Blame:
        """Whom a failure is about (wallet/processors/blame.py)."""
        return self.blames or blame.of_outcome(self.status, self.failure_code)

    def __post_init__(self) -> None:
        assert self.status in CHARGE_STATES, f"{self.status} is no state of a charge"  # noqa: S101


@dataclass(frozen=True, slots=True)
class CaptureOrder:
    """Money to take from a hold, once, in minor units of its currency. The rest is given up."""

    idempotency_key: str
    processor_charge_id: str
    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class RefundOrder:
    """Money to refund from one charge, in minor units of its currency, once per idempotency key."""

    public_id: str
    idempotency_key: str
    processor_charge_id: str
    amount_minor: int
    currency: str
    reason: str


@dataclass(frozen=True, slots=True)
class RefundOutcome:
    """What a processor says became of a refund: succeeded (accepted) or failed, as in `wallet.states.Refund`.

    `refund_public_id` is our own id in the processor's metadata, "" without one.
    """

    status: str
    processor_refund_id: str = ""
    failure_code: str = ""
    failure_message: str = ""
    refund_public_id: str = ""


class OutcomeUnknownError(OneCardError):
    """The call may have done its work: repeat it with the same key, never with another.

    `replayed` means that the processor stored this answer for the key and will never give another. `retry_after_s` is
    set when an earlier repeat cannot say more.
    """

    code = "outcome_unknown"

    def __init__(self, message: str, *, replayed: bool = False, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.replayed = replayed
        self.retry_after_s = retry_after_s

    @property
    def is_stored(self) -> bool:
        """Whether the key will never get another answer."""
        return self.replayed


class NotProcessedError(OneCardError):
    """The processor did not look at the request; it may be sent again, after `retry_after_s` if given."""

    code = "not_processed"

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class ProcessorAwayError(OneCardError):
    """The processor gave no answer that can be used; the message is fit for the cardholder's eyes."""

    code = "processor_unavailable"
    retry_after_s = 5

    def __init__(self) -> None:
        super().__init__("The card processor does not answer. Nothing was changed: try again in a moment.")


class AccountRefusedError(NotProcessedError):
    """The processor refuses our own account or key: nobody is charged until staff fix it.

    See account_refusals.py. `refusal_code` is the processor's code, "" for none. `is_stored` means that the processor
    may keep this answer for the idempotency key, so the next attempt needs a new key; `replayed` means that this is
    such an old answer.
    """

    code = "account_refused"

    def __init__(self, message: str, *, refusal_code: str = "", is_stored: bool = True, replayed: bool = False) -> None:
        super().__init__(message)
        self.refusal_code = refusal_code
        self.is_stored = is_stored
        self.replayed = replayed


class RequestRefusedError(AccountRefusedError):
    """The processor refuses a request for no reason of the card, person or amount, or with a new code.

    It is most likely our own mistake: the charge stays due and is tried again, and other charges go on.
    """

    code = "request_refused"


class Processor(Protocol):
    """A payment processor. Its calls use the network and must not be made inside a transaction."""

    def charge(self, order: ChargeOrder) -> Outcome:
        """Charges the method; the same key twice is one charge. Raises OutcomeUnknownError or NotProcessedError."""

    def find(self, order: ChargeOrder) -> Outcome | None:
        """Looks the charge up by our own id; None if the processor has none. Raises as `charge` does."""

    def capture(self, order: CaptureOrder) -> Outcome:
        """Takes from a hold, once however often called; returns the charge's state, canceled if the hold had lapsed.

        Raises as `charge` does.
        """

    def give_up(self, processor_charge_id: str) -> Outcome:
        """Releases a hold; returns the charge's state: canceled, or succeeded if it was taken before.

        Raises as `charge` does.
        """

    def refund(self, order: RefundOrder) -> RefundOutcome:
        """Refunds money; the same key twice is one refund. Raises as `charge` does."""

    def find_refund(self, order: RefundOrder) -> RefundOutcome | None:
        """Looks the refund up by our own id; None if the processor has none. Raises as `charge` does."""
