"""After the traffic: until all is quiet by itself, then what the next days bring, in a process whose clock is ahead.

Nothing is written by hand: the beat's own sweeps run, on the days they would run on, and then what a person would
start: the comparison with the issuers and the reconciliation.
"""

import datetime as dt
import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import redis
from celery import current_app
from django.db import connections

from issuing import journal, states
from issuing.authorizations import close_out
from issuing.cards import changes as card_changes
from issuing.handlers import dispatch
from issuing.issuers.base import IssuerError
from issuing.issuers.errors import PausedError
from issuing.models import Authorization, IssuerEvent, JournalEntry, Provider, SyncDifference, SyncRun
from issuing.reconcile.nightly import taking_part
from issuing.reconcile.run import Finding, reconcile
from issuing.reconcile.window import window
from issuing.sync.run import sync_provider
from onecard.celery import SUBSCRIBERS
from onecard.kit import clock
from onecard.outbox.models import Message
from onecard.outbox.relay import BrokerAwayError, relay_once
from tests.proofs.purchases.http import SandboxHttp
from tests.proofs.purchases.traffic import waiting_in
from wallet import receivable_notice
from wallet.charges import cascade
from wallet.charges import charge as charges
from wallet.refunds import send as refund_sending

log = logging.getLogger(__name__)

ACTOR = "system:proof"
QUIET_S, LOOK_EVERY_S = 2.0, 0.25
MOST_ROUNDS = 2_000
MOST_TRIES = 25
# Minutes for what failed and is tried again, then a day for settlements, then the retries of what nobody paid.
SOON = tuple(dt.timedelta(minutes=minutes) for minutes in (2, 5, 12, 30))
LATER = tuple(dt.timedelta(hours=hours) for hours in (2, 8, 26, 75, 76))
AFTER_ALL = dt.timedelta(hours=78)
# The comparisons of what each purchase comes to.
OF_PURCHASES = "purchases_"


@dataclass(slots=True)
class Mending:
    """What the comparisons found and did; the second reconciliation says what is left."""

    healed: Counter[str] = field(default_factory=Counter)
    left_by_sync: int = 0
    found: Counter[str] = field(default_factory=Counter)
    repaired: int = 0
    left: Counter[str] = field(default_factory=Counter)
    task_failures: Counter[str] = field(default_factory=Counter)

    @property
    def is_good(self) -> bool:
        """No task failed, and in the end every purchase adds up or has a case of its own."""
        return not self.task_failures and not any(name.startswith(OF_PURCHASES) for name in self.left)


def wait_until_quiet(http: SandboxHttp, broker: redis.Redis, *, most_s: float) -> bool:
    """Until nothing is on its way, in the queue or in the outbox for a while; False when that did not come."""
    until, quiet_since, before = time.monotonic() + most_s, time.monotonic(), -1
    while time.monotonic() < until:
        http.control("POST", "release")
        sent = http.control("GET", "weather")["deliveries"]
        unsent = Message.objects.filter(published_at=None).exists() or JournalEntry.objects.exists()
        if sent != before or waiting_in(broker) or unsent:
            before, quiet_since = sent, time.monotonic()
        if time.monotonic() - quiet_since >= QUIET_S:
            return True
        time.sleep(LOOK_EVERY_S)
    return False


def live_on(mending: Mending, moments: tuple[dt.timedelta, ...]) -> None:
    """Lives through these moments from now, one after the other, with all that the queue and the beat would do."""
    for ahead in moments:
        with clock.ahead(ahead):
            _work_off(mending)


def compare_with_issuers(mending: Mending) -> None:
    """What `sync_issuer` does, for both issuers at once, begun again as often as an issuer fails."""
    with ThreadPoolExecutor(2) as pool:
        for differences, left in pool.map(_compare, (Provider.STRIPE.value, Provider.MARQETA.value)):
            mending.healed += differences
            mending.left_by_sync += left


def reconcile_twice(mending: Mending) -> None:
    """What `reconcile --fix` does, then the same without repairs, after all the days that were lived through."""
    with clock.ahead(AFTER_ALL):
        first = reconcile(
            taking_part(), window(), fix=True, actor=ACTOR, on_finding=lambda found: _record(mending.found, found)
        )
        mending.repaired = first.repaired
    live_on(mending, (AFTER_ALL + dt.timedelta(hours=1),))
    with clock.ahead(AFTER_ALL + dt.timedelta(hours=2)):
        reconcile(taking_part(), window(), actor=ACTOR, on_finding=lambda found: _record(mending.left, found))


def _record(counter: Counter[str], found: Finding) -> None:
    counter[f"{found.comparison.label} {found.difference.kind}"] += 1


def _compare(provider: str) -> tuple[Counter[str], int]:
    """Of all comparisons with this issuer: the hourly one of the beat may have found something before."""
    try:
        _until_done(provider)
        found = SyncDifference.objects.filter(provider=provider)
        kinds = Counter(
            f"{kind} {theirs}" if kind == SyncDifference.Kind.MISSED_EVENT else kind
            for kind, theirs in found.values_list("kind", "theirs")
        )
        return kinds, found.filter(resolution=SyncDifference.Resolution.OPEN).count()
    finally:
        connections.close_all()


def _until_done(provider: str) -> None:
    """One that the beat began is brought to its end first; it knows nothing of what came after its beginning.

    Raises the issuer's error when one page fails `MOST_TRIES` times in a row; a breaker that is open is waited for.
    """
    begun_at, since = clock.now(), clock.now() - dt.timedelta(days=8)
    failed = 0

    def has_moved(_run: SyncRun, _seen: int) -> None:
        nonlocal failed
        failed = 0

    while True:
        try:
            run = sync_provider(provider, requested_by=ACTOR, since=since, progress=has_moved)
        except IssuerError as error:
            failed += 1
            if failed == MOST_TRIES:
                raise
            log.info("The comparison with %s goes on: %s", provider, error)
            time.sleep(error.retry_after_s if isinstance(error, PausedError) else 0.5)
        else:
            if run.started_at >= begun_at:
                return


def _work_off(mending: Mending) -> None:
    """Until no sweep finds anything that it can move."""

    def do_it_here(task: str, payload: Mapping[str, object]) -> None:
        try:
            current_app.tasks[task](**payload)
        except Exception:
            log.exception("%s failed", task)
            mending.task_failures[task] += 1

    current_app.loader.import_default_modules()
    for _ in range(MOST_ROUNDS):
        if not sum([_relay(do_it_here), *(sweep() for sweep in SWEEPS)]):
            receivable_notice.sweep()
            return
    mending.task_failures["came to no rest"] += 1


def _relay(do_it_here: Callable[[str, Mapping[str, object]], None]) -> int:
    try:
        return journal.write_waiting() + relay_once(do_it_here, SUBSCRIBERS)
    except BrokerAwayError:
        log.exception("A message could not be worked off.")
        return 0


def _moved(sweep: Callable[[], object], left: Callable[[], int]) -> int:
    """A sweep that comes by the same rows again has moved only those that are not left."""
    before = left()
    if before:
        sweep()
    return max(0, before - left()) if before else 0


def _events_left() -> int:
    return IssuerEvent.objects.filter(status=states.Event.RECEIVED).count()


def _unsettled() -> int:
    return Authorization.objects.filter(settle_due_at__lte=clock.now()).count()


SWEEPS: tuple[Callable[[], int], ...] = (
    lambda: _moved(dispatch.sweep, _events_left),
    lambda: _moved(close_out.sweep, _unsettled),
    charges.sweep,
    refund_sending.sweep,
    cascade.sweep,
    card_changes.sweep,
)
