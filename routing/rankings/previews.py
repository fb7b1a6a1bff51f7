"""Asking for the preview of a draft: a worker decides stored purchases again (issuing/backtest/preview.py)."""

import datetime as dt
from typing import Final

from django.utils.translation import gettext as _

from onecard.kit import clock
from onecard.kit.transactions import transaction
from onecard.outbox import services as outbox
from onecard.users.models import User
from routing.models import RankingDraft, RankingPreview
from routing.rankings.drafts import DraftRefusedError, opened

MOST_DAYS: Final = 90


def ask(*, draft: RankingDraft, user: User, days: int, as_on: dt.date | None = None) -> RankingPreview:
    """Begins a preview of the draft as it is now over the last days; asked again while one runs, gives that one.

    `as_on` decides every purchase as if it were made on that day, for changes that begin later. Raises
    DraftRefusedError for an empty or ended draft.
    """
    if not 1 <= days <= MOST_DAYS:
        raise DraftRefusedError(_("Choose 1 to %(most)s days.") % {"most": MOST_DAYS})
    now = clock.now()
    with transaction():
        fresh = opened(draft)
        if not (fresh.changes.exists() or fresh.entries.exists()):
            raise DraftRefusedError(_("The draft changes nothing yet: put a change in first."))
        same = {"draft_version": fresh.version, "days": days, "as_on": as_on, "status": RankingPreview.Status.RUNNING}
        running = fresh.previews.filter(**same).first()
        if running:
            return running
        preview = RankingPreview.objects.create(
            draft=fresh, **same, asked_by=user, since=now - dt.timedelta(days=days), until=now,
            created_at=now, worked_at=now,
        )  # fmt: skip
        outbox.put(topic="rankings.preview_requested", preview_id=preview.pk)
    return preview


def progress_percent(preview: RankingPreview) -> int:
    """Returns how much of the period was looked at, in percent."""
    if preview.status != RankingPreview.Status.RUNNING:
        return 100
    if preview.reached_at is None:
        return 0
    done = (preview.until - preview.reached_at) / (preview.until - preview.since)
    return max(0, min(99, int(done * 100)))
