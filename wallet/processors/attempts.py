"""What charges, captures and refunds share when they ask the processor (onecard/kit/attempts.py).

An attempt whose answer was lost may have been accepted. It is sent again under the same key and looked up. It gets a
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
from wallet.retry_policy import is_long_ago

Request = FundingCharge | FundingRefund
Answer = TypeVar("Answer")
# A request that is under way has one of these states, the same for charges and refunds.
ASKING = (states.Charge.INTENDED, states.Charge.SENDING, states.Charge.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Requests(Attempts):
    """Requests to the processor. `actor` is the trail's actor; `operation` is what waits while our account is refused.

    `open_case` opens a case about a request that failed many times, in the caller's transaction. `proves_account` gives
    the rows whose next attempt shows whether our account is accepted again; a look-up does not.
    """

    actor: str
    operation: account_refusals.Operation
    open_case: Callable[[Any, FundingObligation, str], object]
    proves_account: Callable[[], Q] = lambda: ALL

    def sweep(self, attempt: Callable[[int], object], *, now: dt.datetime | None = None, only: Q = ALL) -> int:
        """As of all attempts; a pause that no request would ever probe ends, with its case."""
        tried = Attempts.sweep(self, attempt, now=now, only=only)
        if not self._rows(Q(status__in=self.statuses) & self.proves_account()).exists():
            account_refusals.nothing_waits(self.operation)
        return tried

    def waits_for_account(self, row: Request) -> bool:
        """Returns whether the row waits because our account is refused; makes it due when that may be over."""
        paused_until = account_refusals.wait_until(self.operation)
        if paused_until is not None:
            self.wait(row, paused_until)
        return paused_until is not None

    def try_later(
        self, row: Request, error: NotProcessedError | OutcomeUnknownError, *, delay_s: float | None = None
    ) -> None:
        """Puts the request back with a later due time; after many attempts it keeps one case open.

        A refusal of our account opens no case here: one case covers all requests.
        """
        status = _waiting_status(row, error)
        # A key that the processor has not read does not age.
        changes: dict[str, Any] = {"first_sent_at": None} if status == states.Charge.INTENDED else {}
        delay_s = delay_s or error.retry_after_s
        with transaction():
            obligation = wallet_locking.lock(row.obligation_id)
            if not self.put_back(row, message=error.message, delay_s=delay_s, status=status, **changes):
                return
            if status != row.status:
                trail.record(actor=self.actor, action=f"{self.what}.{status}", subject=row, was=row.status)
            complaint = self.complaint(row, error.message)
            if complaint and not isinstance(error, AccountRefusedError):
                self.open_case(row, obligation, complaint)

    def send_or_find(self, row: Request, *, send: Callable[[], Answer], find: Callable[[], Answer | None]) -> Answer:
        """Sends the request; after an error, looks up one that an earlier attempt may have made.

        Raises OutcomeUnknownError, NotProcessedError and AccountRefusedError.
        """
        try:
            return send()
        except (AccountRefusedError, OutcomeUnknownError) as error:
            # A refusal means that this attempt did nothing. After an unknown answer it may have, but is not listed yet.
            is_first = is_unread(row) if isinstance(error, AccountRefusedError) else row.attempts == 1
            if is_first:
                raise
            found = _look_up(find, original=error)
            if found is not None:
                return found
            if error.is_stored and is_long_ago(row.first_sent_at):
                self.take_new_key(row)
            if error.replayed and isinstance(error, AccountRefusedError):
                raise OutcomeUnknownError(error.message) from error
            raise

    def take_new_key(self, row: Request) -> None:
        """Replaces a key whose only answer is a stored error, when the processor has no trace of the request."""
        key = f"{self.what}-{row.public_id}-{row.attempts}"
        with transaction():
            mine = self.held(row).filter(status=states.Charge.SENDING)
            if mine.update(idempotency_key=key, first_sent_at=None, updated_at=clock.now()):
                trail.record(actor=self.actor, action=f"{self.what}.rekeyed", subject=row, was=row.idempotency_key)


def is_unread(row: Request) -> bool:
    """Returns whether no earlier attempt can have reached the processor; a claimed row keeps its earlier status."""
    return row.status == states.Charge.INTENDED


def _waiting_status(row: Request, error: NotProcessedError | OutcomeUnknownError) -> str:
    """Returns the state of a waiting request: an intention only while the processor cannot have read it."""
    if row.status not in ASKING:
        return row.status
    unread = is_unread(row) and isinstance(error, NotProcessedError)
    return states.Charge.INTENDED if unread else states.Charge.UNKNOWN


def _look_up(
    find: Callable[[], Answer | None], *, original: OutcomeUnknownError | AccountRefusedError
) -> Answer | None:
    """Looks the request up; a refused look-up says nothing of the request, which may have been accepted."""
    try:
        return find()
    except NotProcessedError:
        raise original from None
