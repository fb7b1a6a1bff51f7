"""A whole comparison with an issuer, page by page; each page is committed with the cursor of the next one."""

import datetime as dt
from collections.abc import Callable

from django.conf import settings
from django.db import IntegrityError
from django.db.models import F, Q
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy

from audit import trail
from issuing import states
from issuing.issuers.base import Issuer
from issuing.issuers.registry import issuer_for
from issuing.models import Provider, SyncRun, VirtualCard
from issuing.sync.stages import STAGES, Done
from onecard.kit import clock
from onecard.kit.errors import OneCardError
from onecard.kit.transactions import require_no_transaction, savepoint, transaction
from onecard.outbox import services as outbox

# Issuers keep events for 30 days (docs/issuers/stripe.md, Events).
FIRST_LOOK_BACK = dt.timedelta(days=30)
# A transaction may show in the issuer's list hours after it happened (docs/issuers/marqeta.md, Reading back).
OVERLAP = dt.timedelta(hours=6)
# An event that happened just now may still be on its way to our webhook, so it does not count as missed.
GRACE = dt.timedelta(minutes=2)
# Longer than a page can take. After it another worker takes over a run whose worker died.
CLAIM = dt.timedelta(seconds=300)
EVERY = dt.timedelta(hours=1)
COUNTERS = {
    states.SyncStage.EVENTS: "events_seen",
    states.SyncStage.TRANSACTIONS: "transactions_seen",
    states.SyncStage.THEIR_CARDS: "cards_seen",
    states.SyncStage.OUR_CARDS: "cards_seen",
}
TOPIC = "sync.requested"
Progress = Callable[[SyncRun, int], None]


class SyncBusyError(OneCardError):
    """Another worker is comparing with this issuer now."""

    code = "sync_busy"


def sync_provider(
    provider: str,
    *,
    requested_by: str,
    since: dt.datetime | None = None,
    issuer: Issuer | None = None,
    progress: Progress = lambda _run, _count: None,
    time_is_up: Callable[[], bool] = lambda: False,
) -> SyncRun:
    """Begins a comparison or continues an interrupted one, until its end or until `time_is_up` after a page.

    Raises SyncBusyError while another worker is comparing, the issuer's errors, and TransactionError. After any
    error the next call continues at the page that was not finished.
    """
    require_no_transaction("A comparison with the issuer")
    run = _claim(provider, requested_by=requested_by, since=since)
    asked = issuer or issuer_for(provider)
    try:
        while run.status == states.Sync.RUNNING:
            done = STAGES[run.stage](run, asked)
            _commit(run, done)
            progress(run, done.count)
            if time_is_up():
                break
    finally:
        SyncRun.objects.filter(pk=run.pk, claimed_until=run.claimed_until).update(claimed_until=None)
    return run


def request(provider: str, *, actor: str) -> tuple[SyncRun, bool]:
    """Returns the comparison that is under way, or a new one with its message to a worker; and whether it is new.

    Raises SyncBusyError when another begins in the same moment, and for an issuer that has nothing to compare.
    """
    if provider not in used_providers():
        raise SyncBusyError(
            gettext_lazy("There is nothing to compare with this issuer: it makes no cards and has none of ours.")
        )
    with transaction():
        run = _running(provider)
        if run is not None:
            return run, False
        run = _begin(provider, requested_by=actor, since=None, now=clock.now())
        trail.record(actor=actor, action="sync.requested", subject=run)
        outbox.put(topic=TOPIC, run_id=run.pk)
    return run, True


def used_providers() -> list[str]:
    """Returns the issuers that make new cards or have cards of ours; not mock, since it keeps nothing."""
    used = {settings.ISSUER_PROVIDER, settings.ISSUER_BACKUP_PROVIDER}
    cards = VirtualCard.objects.exclude(issuer_card_id="").order_by()
    used |= set(cards.values_list("issuer_provider", flat=True).distinct())
    return sorted(used - {"", Provider.MOCK})


def due_providers(now: dt.datetime) -> list[str]:
    """Returns issuers whose last comparison is an hour old or was interrupted."""
    recent = SyncRun.objects.filter(status=states.Sync.FINISHED, started_at__gt=now - EVERY)
    done = set(recent.values_list("provider", flat=True))
    running = set(SyncRun.objects.filter(status=states.Sync.RUNNING).values_list("provider", flat=True))
    return [provider for provider in used_providers() if provider not in done or provider in running]


def _claim(provider: str, *, requested_by: str, since: dt.datetime | None) -> SyncRun:
    now = clock.now()
    with transaction():
        run = _running(provider) or _begin(provider, requested_by=requested_by, since=since, now=now)
        free = SyncRun.objects.filter(Q(claimed_until=None) | Q(claimed_until__lt=now), pk=run.pk)
        if not free.update(claimed_until=now + CLAIM, updated_at=now):
            raise SyncBusyError(
                format_lazy(
                    gettext_lazy("A comparison with {provider} is under way; wait until it has ended."),
                    provider=run.get_provider_display(),
                )
            )
        run.refresh_from_db()
    return run


def _running(provider: str) -> SyncRun | None:
    return SyncRun.objects.filter(provider=provider, status=states.Sync.RUNNING).first()


def _begin(provider: str, *, requested_by: str, since: dt.datetime | None, now: dt.datetime) -> SyncRun:
    last = SyncRun.objects.filter(provider=provider, status=states.Sync.FINISHED).first()
    before = last.until - OVERLAP if last else now - FIRST_LOOK_BACK
    try:
        with savepoint():
            return SyncRun.objects.create(
                provider=provider,
                since=since or before,
                until=now - GRACE,
                requested_by=requested_by,
                started_at=now,
                updated_at=now,
            )
    except IntegrityError:
        raise SyncBusyError(
            gettext_lazy("A comparison with this issuer has just begun; wait until it has ended.")
        ) from None


def _commit(run: SyncRun, done: Done) -> None:
    """Stores how far the run came; raises SyncBusyError when another worker has taken it over."""
    stage, cursor, now = run.stage, done.cursor, clock.now()
    is_last = not cursor and stage == states.SyncStage.OUR_CARDS
    changes = {
        "stage": stage if cursor or is_last else _next(stage),
        "cursor": cursor,
        "claimed_until": None if is_last else now + CLAIM,
        "problem": "",
        "updated_at": now,
        "status": states.Sync.FINISHED if is_last else states.Sync.RUNNING,
        "finished_at": now if is_last else None,
    }
    counter = COUNTERS[states.SyncStage(stage)]
    with transaction():
        mine = SyncRun.objects.filter(pk=run.pk, claimed_until=run.claimed_until, status=states.Sync.RUNNING)
        if not mine.update(**changes, **{counter: F(counter) + done.count}):
            raise SyncBusyError(gettext_lazy("Another worker has taken this comparison over."))
        run.refresh_from_db()
        if is_last:
            trail.record(actor=run.requested_by, action="sync.finished", subject=run, differences=_counts(run))


def _next(stage: str) -> str:
    order = list(STAGES)
    return order[order.index(stage) + 1]


def _counts(run: SyncRun) -> dict[str, int]:
    counts: dict[str, int] = {}
    for resolution in run.differences.values_list("resolution", flat=True):
        counts[resolution] = counts.get(resolution, 0) + 1
    return counts
