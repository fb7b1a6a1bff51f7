"""Books fees, exchanges, top-ups and payouts from the processor's list of balance transactions (decisions 0021, 0054).

The list is read hour by hour, oldest first, and an hour is booked when it was read to its end, so a list that breaks
off loses nothing. The newest fee in the ledger says how far the booking is. A transaction that cannot be read or booked
gets a case, and its hour is read again every night (wallet/fees/unbooked.py).
"""

import datetime as dt
import logging
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from celery.exceptions import SoftTimeLimitExceeded
from django.db.models import Max, Q

from onecard.kit import clock
from onecard.kit.errors import OneCardError
from onecard.kit.transactions import require_no_transaction, transaction
from onecard.outbox import services as outbox
from wallet.disputes import lifecycle as funding_disputes
from wallet.fees import unbooked as unbooked_fees
from wallet.fees.due import Due, postings_of, reference_of
from wallet.ledger import postings as ledger
from wallet.models import FundingCharge, Posting
from wallet.processors.stripe.balance import BalanceMovement, BalancePage, Kind, StripeBalance, UnreadableMovement
from wallet.references import Subject

log = logging.getLogger(__name__)

# A movement is listed seconds after its charge, or days after it on a bad night.
OVERLAP = dt.timedelta(days=3)
SLICE = dt.timedelta(hours=1)
# How long one task works before it leaves the rest to the next one.
TIME_BUDGET_S = 30.0
BATCH = 500
FEES = (ledger.Kind.FEE, ledger.Kind.ISSUER_FEE)


class BalanceList(Protocol):
    """The processor's list of balance transactions (wallet/processors/stripe/balance.py)."""

    def list_movements(self, *, since: dt.datetime, until: dt.datetime, cursor: str = "") -> BalancePage: ...

    def list_about(self, source_id: str) -> BalancePage: ...


@dataclass(slots=True)
class Tally:
    """The result of a run: movements, fees (minor units by currency, less what was returned), exchanges and problems.

    `skipped` counts unreadable rows, and `failed` rows that could not be posted. `ignored` counts, by the processor's
    category, rows that are booked elsewhere or not at all. `read_to` is where the run stopped.
    """

    read_to: dt.datetime
    read: int = 0
    booked: int = 0
    exchanged: int = 0
    skipped: int = 0
    failed: int = 0
    fees: Counter[str] = field(default_factory=Counter)
    ignored: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Tally") -> None:
        """Adds another run's counts; `read_to` stays."""
        for name in ("read", "booked", "exchanged", "skipped", "failed"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.fees.update(other.fees)
        self.ignored.update(other.ignored)


Progress = Callable[[int], object]


def book(
    *,
    since: dt.datetime,
    until: dt.datetime,
    dry_run: bool = False,
    lists: BalanceList | None = None,
    budget_s: float = float("inf"),
    progress: Progress = lambda _rows: None,
) -> Tally:
    """Posts the fees and exchanges of movements from `since` up to `until`, each once, even when runs overlap.

    A movement that cannot be posted gets a case. The run stops between two hours once `budget_s` has passed. With
    `dry_run` it counts and writes nothing. Raises the list's error, after which the hours before it are booked, and
    TransactionError inside a transaction.
    """
    require_no_transaction("A call to the processor")
    asked, end, tally = lists or StripeBalance(), time.monotonic() + budget_s, Tally(read_to=since)
    while tally.read_to < until:
        upto = min(tally.read_to + SLICE, until)
        pages = list(_pages(asked, tally.read_to, upto, progress))
        _open_cases([each for page in pages for each in page.unreadable], tally, dry_run=dry_run)
        movements = [each for page in pages for each in page.rows][::-1]
        for start in range(0, len(movements), BATCH):
            _book(movements[start : start + BATCH], tally, dry_run=dry_run)
        tally.read_to = upto
        if time.monotonic() > end:
            break
    return tally


def book_and_go_on(*, since: str = "", until: str = "") -> None:
    """Books one stretch and writes the message for the next; the next night makes up for a lost message.

    The first stretch of a night also reads the earlier hours that have an open case.
    """
    start = dt.datetime.fromisoformat(since) if since else unbooked_since()
    end = dt.datetime.fromisoformat(until) if until else clock.now()
    try:
        tally = book(since=start, until=end, budget_s=TIME_BUDGET_S)
    except OneCardError as error:
        log.warning("Fees are not booked from %s on: %s", start, error.message)
        return
    log.info("Fees to %s: %s; not booked here: %s", tally.read_to, dict(tally.fees), dict(tally.ignored))
    with transaction():
        if tally.read_to < end:
            rest = {"since": tally.read_to.isoformat()} | ({"until": until} if until else {})
            outbox.put(topic="fees.booking_requested", **rest)
        for hour in [] if since else earlier_hours(before=start):
            outbox.put(topic="fees.booking_requested", since=hour.isoformat(), until=(hour + SLICE).isoformat())


def unbooked_since() -> dt.datetime:
    """Returns three days before the newest fee in the ledger, or three days before now without one."""
    now = clock.now()
    newest = Posting.objects.filter(key__startswith="fee:").aggregate(at=Max("occurred_at"))["at"]
    return min(newest or now, now) - OVERLAP


def earlier_hours(*, before: dt.datetime) -> list[dt.datetime]:
    """Returns the hours before `before` that have an open case, each once."""
    return [hour for hour in unbooked_fees.hours() if hour < before]


def book_about(source_id: str, *, lists: BalanceList | None = None) -> Tally:
    """Posts what the list has of one top-up or payout, each movement once. Raises as `book`."""
    require_no_transaction("A call to the processor")
    tally = Tally(read_to=clock.now())
    page = (lists or StripeBalance()).list_about(source_id)
    _open_cases(page.unreadable, tally, dry_run=False)
    _book(page.rows[::-1], tally, dry_run=False)
    return tally


def _pages(asked: BalanceList, since: dt.datetime, until: dt.datetime, progress: Progress) -> Iterator[BalancePage]:
    cursor = ""
    while True:
        page = asked.list_movements(since=since, until=until, cursor=cursor)
        progress(len(page.rows) + len(page.unreadable))
        yield page
        if not page.cursor:
            return
        if page.cursor == cursor:
            raise OneCardError("The processor's list names the same page as the next one.")
        cursor = page.cursor


def _open_cases(unreadable: Iterable[UnreadableMovement], tally: Tally, *, dry_run: bool) -> None:
    """Opens a case for each unreadable row, once when a row is on two pages."""
    for each in {one.id: one for one in unreadable}.values():
        log.warning("%s could not be read: %s", each.id, each.why)
        tally.skipped += 1
        if not dry_run:
            _open_case(each, tally)


def _open_case(left: UnreadableMovement, tally: Tally) -> None:
    # The last hour is not over yet, so `read_to` stands for it.
    with transaction():
        unbooked_fees.open_case(left, hour=tally.read_to)


def _book(movements: Sequence[BalanceMovement], tally: Tally, *, dry_run: bool) -> None:
    due = {movement: postings_of(movement) for movement in movements}
    keys = [posting.key for postings in due.values() for posting in postings]
    known = set(Posting.objects.filter(key__in=keys).values_list("key", flat=True))
    references, have_case = _references(movements), unbooked_fees.with_open_case(movement.id for movement in movements)
    for movement, postings in due.items():
        tally.read += 1
        tally.ignored[movement.word] += movement.kind == Kind.OTHER
        if not dry_run:
            _follow_dispute(movement, known)
        missing = [posting for posting in postings if posting.key not in known]
        is_booked = not missing or _post_safely(movement, missing, references[movement.id], tally, dry_run=dry_run)
        if is_booked and movement.id in have_case and not dry_run:
            unbooked_fees.resolve(movement.id)


def _follow_dispute(movement: BalanceMovement, known: set[str]) -> None:
    """Applies a dispute whose events never came: the list brings it, and its movement is booked with it."""
    if movement.dispute is None:
        return
    try:
        if not Posting.objects.filter(key=Subject.CHARGE_DISPUTE.reference(movement.id)).exists():
            funding_disputes.apply_update(movement.dispute, reported_at=movement.created_at)
    except SoftTimeLimitExceeded:
        raise
    except Exception:
        log.exception("the dispute of %s could not be followed", movement.id)
    known.update(Posting.objects.filter(key=f"fee:{movement.id}").values_list("key", flat=True))


def _post_safely(
    movement: BalanceMovement, missing: Sequence[Due], reference: str, tally: Tally, *, dry_run: bool
) -> bool:
    """Posts one movement; its failure opens a case and does not stop the others."""
    try:
        new = missing if dry_run else _post(movement, missing, reference)
    except SoftTimeLimitExceeded:
        raise
    except Exception as error:
        log.exception("%s could not be booked", movement.id)
        tally.failed += 1
        why = error.message if isinstance(error, OneCardError) else type(error).__name__
        _open_case(UnreadableMovement(movement.id, why, abs(movement.amount_minor), movement.currency), tally)
        return False
    tally.booked += len(new)
    for posting in new:
        if posting.kind in FEES:
            tally.fees[posting.money.currency] += -posting.money.minor if posting.back else posting.money.minor
        tally.exchanged += posting.kind == ledger.Kind.PAYOUT_EXCHANGE and not posting.back
    return True


def _post(movement: BalanceMovement, missing: Iterable[Due], reference: str) -> list[Due]:
    """Posts everything of a movement in one commit and skips what another run has posted."""
    with transaction():
        return [
            posting
            for posting in missing
            if ledger.post(
                kind=posting.kind,
                key=posting.key,
                money=posting.money,
                reference=reference,
                occurred_at=movement.created_at,
                back=posting.back,
            )
        ]


def _references(movements: Sequence[BalanceMovement]) -> dict[str, str]:
    """Returns the purchase of each movement's charge, found by the processor's id or by ours."""
    theirs = {movement.processor_charge_id for movement in movements} - {""}
    ours = {key for movement in movements if (key := _uuid(movement.charge_public_id))}
    charges = FundingCharge.objects.filter(Q(processor_charge_id__in=theirs) | Q(public_id__in=ours))
    found: dict[uuid.UUID | str, str] = {}
    for charge in charges.select_related("obligation"):
        found[charge.processor_charge_id or ""] = found[charge.public_id] = ledger.reference_of(charge)
    found.pop("", None)
    return {
        each.id: found.get(each.processor_charge_id)
        or found.get(_uuid(each.charge_public_id) or "", reference_of(each))
        for each in movements
    }


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
