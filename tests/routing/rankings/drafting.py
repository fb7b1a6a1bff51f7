"""Drafts of rankings for tests: what staff put in, and the way to a publication."""

from decimal import Decimal
from typing import Any

from onecard.kit import clock
from onecard.users.models import User
from routing.models import RankingDraft, RankingPreview, RankingRow
from routing.rankings import drafts, publishing
from routing.rankings.entry import RankingEntry
from tests.support.back_office import superuser


def entry(row: RankingRow | None = None, **changes: Any) -> RankingEntry:
    """A ranking of any Visa at restaurants; of an existing row it has the same key."""
    key: dict[str, Any] = {"mcc": "5812", "product_id": None, "network": "visa", "card_name": "New", "valid_from": None}
    if row is not None:
        key = {name: getattr(row, name) for name in key}
    values = {"reward_rate": Decimal(3), "reward_type": "cash", "annual_fee_minor": 0}
    return RankingEntry(**{"line": 0, **key, **values, **changes})


def draft_with(*entries: RankingEntry, author: User | None = None) -> RankingDraft:
    author = author or superuser()
    draft = drafts.begin(title="Better rates", user=author)
    for each in entries:
        drafts.put(draft=draft, entry=each, user=author)
    draft.refresh_from_db()
    return draft


def previewed(draft: RankingDraft) -> RankingDraft:
    """The draft with a finished preview of it as it is now, whatever it found."""
    draft.refresh_from_db()
    now = clock.now()
    RankingPreview.objects.create(
        draft=draft, draft_version=draft.version, days=1, status="finished", asked_by=draft.author,
        since=now, until=now, created_at=now, worked_at=now, finished_at=now,
    )  # fmt: skip
    return draft


def publish(draft: RankingDraft, user: User | None = None) -> RankingDraft:
    previewed(draft)
    version = draft.version
    return publishing.publish(draft=draft, user=user or superuser(), reason="Agreed.", shown_version=version)
