"""What charges, captures and refunds have in common when they ask the processor (onecard/kit/attempts.py).

An attempt whose answer was lost may have been accepted. It is sent again under the same key, looked up too, and gets a
new key only when the key's stored answer is an error and the processor lists nothing (docs/decisions/0022).
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db.models import Q

from audit import trail
from onecard.kit import clock
from onecard.kit.attempts import ALL, Attempts
from onecard.kit.transactions import transaction
from wallet import locking as wallet_locking
from wallet import states
from wallet.models import FundingCharge, FundingObligation, FundingRefund
from wallet.processors import account_refusals
from wallet.processors.base import AccountRefusedError, NotProcessedError, OutcomeUnknownError
from wallet.retry_policy import ATTEMPTS_BEFORE_CASE, is_long_ago

Request = FundingCharge | FundingRefund
Answer = TypeVar("Answer")
# While it is asked for, a request has one of these states; the words are the same for charges and refunds.
ASKING = (states.Charge.INTENDED, states.Charge.SENDING, states.Charge.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Requests(Attempts):
    """Requests to the processor. `actor` stands in the trail; `operation` is what waits while our account is refused.

    `open_case` tells a person, in the caller's transaction, about a request that has failed many times.
    """

    actor: str
    operation: account_refusals.Operation
    open_case: Callable[[Any, FundingObligation, str], object]

    def sweep(self, attempt: Callable[[int], object], *, now: dt.datetime | None = None, only: Q = ALL) -> int:
        """As of all attempts; a pause of calls that no request waits for any more ends, with its case."""
        tried = Attempts.sweep(self, attempt, now=now, only=only)
        if not self._rows(Q(status__in=self.statuses)).exists():
            account_refusals.nothing_waits(self.operation)
        return tried

    def waits_for_account(self, row: Request) -> bool:
        """Whether the row has to wait because our account is refused; makes it due when that may be over."""
        paused_until = account_refusals.wait_until(self.operation)
        if paused_until is not None:
            self.wait(row, paused_until)
        return paused_until is not None

    def try_later(
        self, row: Request, error: NotProcessedError | OutcomeUnknownError, *, delay_s: float | None = None
    ) -> None:
        """Puts the request back, and has one case open from a certain number of attempts on; trying goes on.

        A refusal of our account opens no case here: one case stands for all requests.
        """
        status = _waiting_status(row, error)
        # A key that nobody has read does not age.
        changes = {"first_sent_at": None} if status == states.Charge.INTENDED else {}
        delay_s = delay_s or error.retry_after_s
        with transaction():
            obligation = wallet_locking.lock(row.obligation_id)
            if not self.put_back(row, message=error.message, delay_s=delay_s, status=status, **changes):
                return
            if status != row.status:
                trail.record(actor=self.actor, action=f"{self.what}.{status}", subject=row, was=row.status)
            if row.attempts >= ATTEMPTS_BEFORE_CASE and not isinstance(error, AccountRefusedError):
                self.open_case(row, obligation, f"{row.attempts} tries: {error.message}")

    def send_or_find(self, row: Request, *, send: Callable[[], Answer], find: Callable[[], Answer | None]) -> Answer:
        """Sends the request; one that may have been accepted before is looked up when it is told nothing once more.

        Raises OutcomeUnknownError, NotProcessedError and AccountRefusedError.
        """
        try:
            return send()
        except (AccountRefusedError, OutcomeUnknownError) as error:
            # A refusal says that this attempt did nothing; an answer that is unknown may have, but is not listed yet.
            is_first = is_unread(row) if isinstance(error, AccountRefusedError) else row.attempts == 1
            if is_first:
                raise
            found = _look_up(find, untold=error)
            if found is not None:
                return found
            if error.is_stored and is_long_ago(row.first_sent_at):
                self.take_new_key(row)
            if error.replayed and isinstance(error, AccountRefusedError):
                raise OutcomeUnknownError(error.message) from error
            raise

    def take_new_key(self, row: Request) -> None:
        """Replaces a key whose only answer is an error for ever, when the processor has no trace of the request."""
        key = f"{self.what}-{row.public_id}-{row.attempts}"
        with transaction():
            mine = self.held(row).filter(status=states.Charge.SENDING)
            if mine.update(idempotency_key=key, first_sent_at=None, updated_at=clock.now()):
                trail.record(actor=self.actor, action=f"{self.what}.rekeyed", subject=row, was=row.idempotency_key)


def is_unread(row: Request) -> bool:
    """Whether no attempt before this one can have reached the processor; a claimed row keeps the status it had."""
    return row.status == states.Charge.INTENDED


def _waiting_status(row: Request, error: NotProcessedError | OutcomeUnknownError) -> str:
    """The state in which a request waits: it stays an intention only while nobody can have read it."""
    if row.status not in ASKING:
        return row.status
    unread = is_unread(row) and isinstance(error, NotProcessedError)
    return states.Charge.INTENDED if unread else states.Charge.UNKNOWN


def _look_up(find: Callable[[], Answer | None], *, untold: OutcomeUnknownError | AccountRefusedError) -> Answer | None:
    """A look-up that is turned away says nothing of the request, which may have been accepted just before."""
    try:
        return find()
    except NotProcessedError:
        raise untold from None
