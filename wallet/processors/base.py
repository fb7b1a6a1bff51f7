"""What we ask of any processor, in our own words; nothing processor-shaped passes inward from its module."""

from dataclasses import dataclass
from typing import Protocol

from onecard.kit.errors import OneCardError
from wallet import states
from wallet.processors import blame
from wallet.processors.blame import Blame

# Once, since a million outcomes are made when the processor's list is read.
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
    # Only hold the amount: it is captured, whole or in part, or given up later.
    holds: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a charge: a state of `wallet.states.Charge`, the processor's id, and why it failed.

    `charge_public_id` is our own id as the processor carries it, "" when it does not. `blames` says whose trouble a
    refusal is where the processor said more than its code.
    """

    status: str
    processor_charge_id: str = ""
    failure_code: str = ""
    failure_message: str = ""
    charge_public_id: str = ""
    blames: Blame | None = None

    @property
    def blame(self) -> Blame:
        """Whose trouble a failure is (wallet/processors/blame.py)."""
        return self.blames or blame.of_outcome(self.status, self.failure_code)

    def __post_init__(self) -> None:
        assert self.status in CHARGE_STATES, f"{self.status} is no state of a charge"  # noqa: S101


@dataclass(frozen=True, slots=True)
class CaptureOrder:
    """Money to take of what is held, in minor units of its currency, once; the rest is given up."""

    idempotency_key: str
    processor_charge_id: str
    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class RefundOrder:
    """Money to give back of one charge, in minor units of its currency, once per idempotency key."""

    public_id: str
    idempotency_key: str
    processor_charge_id: str
    amount_minor: int
    currency: str
    reason: str


@dataclass(frozen=True, slots=True)
class RefundOutcome:
    """What became of a refund: succeeded (taken on) or failed, as states of `wallet.states.Refund`.

    `refund_public_id` is our own id as the processor carries it, "" when it does not.
    """

    status: str
    processor_refund_id: str = ""
    failure_code: str = ""
    failure_message: str = ""
    refund_public_id: str = ""


class OutcomeUnknownError(OneCardError):
    """The call may or may not have done its work: ask again with the same key, never with another.

    `replayed` when the processor keeps this answer for the key: it is done with it, and will never say anything else.
    `retry_after_s` when asking sooner can tell nothing new.
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
    """The processor said that it did not look at the request; it may be sent again, after `retry_after_s` if given."""

    code = "not_processed"

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class AccountRefusedError(NotProcessedError):
    """The processor refuses our own account or key: nobody is charged until staff mend it (account_refusals.py).

    `refusal_code` is the processor's word for it, "" for none. `is_stored` when the processor may keep this answer for
    the idempotency key, so that the next try needs a new key; `replayed` when it is such an old answer.
    """

    code = "account_refused"

    def __init__(self, message: str, *, refusal_code: str = "", is_stored: bool = True, replayed: bool = False) -> None:
        super().__init__(message)
        self.refusal_code = refusal_code
        self.is_stored = is_stored
        self.replayed = replayed


class RequestRefusedError(AccountRefusedError):
    """The processor refuses a request for a reason that is no card's, no person's and no amount's, or is new to us.

    Our own mistake, most likely: the charge stays due and is tried again, and other charges go on meanwhile.
    """

    code = "request_refused"


class Processor(Protocol):
    """A payment processor. All calls go over the network and must not be made inside a transaction."""

    def charge(self, order: ChargeOrder) -> Outcome:
        """Charges the method; the same key twice is one charge. Raises OutcomeUnknownError or NotProcessedError."""

    def find(self, order: ChargeOrder) -> Outcome | None:
        """Looks the charge up by our own id, None if the processor has none. Raises as `charge` does."""

    def capture(self, order: CaptureOrder) -> Outcome:
        """Takes what is held, once whatever is repeated; says how the charge stands then, canceled if it had lapsed.

        Raises as `charge` does.
        """

    def give_up(self, processor_charge_id: str) -> Outcome:
        """Lets go what is held; says how the charge stands then: canceled, or succeeded if it was taken before.

        Raises as `charge` does.
        """

    def refund(self, order: RefundOrder) -> RefundOutcome:
        """Gives money back; the same key twice is one refund. Raises as `charge` does."""

    def find_refund(self, order: RefundOrder) -> RefundOutcome | None:
        """Looks the refund up by our own id, None if the processor has none. Raises as `charge` does."""
