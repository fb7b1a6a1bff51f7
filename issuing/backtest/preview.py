"""Works on the preview of a draft of rankings and reward terms: decides stored purchases again without and with it.

It only reads decisions, and writes nothing but the preview. Each batch is one commit with its place (`cursor`), so a
worker that dies loses one batch, and two workers never count a decision twice. A run looks at MOST_DECISIONS at most.
"""

import datetime as dt
import logging
import time
from dataclasses import dataclass
from typing import Final

from issuing.backtest.stored import Batch, StoredDecision, product_ids, read_batch
from onecard.kit import clock
from onecard.kit.transactions import transaction
from onecard.outbox import services as outbox
from routing import replay, worlds
from routing.catalogue.entries import CatalogueError
from routing.models import PreviewedPurchase, RankingDraft, RankingPreview
from routing.rankings.effective import changed_mccs
from routing.replay import Outcome
from routing.rewards import RewardTooLargeError
from routing.worlds import World
from wallet.models import Preference

log = logging.getLogger(__name__)

Status = RankingPreview.Status
BATCH: Final = 2000
MOST_DECISIONS: Final = 200_000
# Purchases that are listed one by one; those beyond are counted and summed all the same.
MOST_LISTED: Final = 10_000
WORK_S: Final = 20.0
LOST_AFTER: Final = dt.timedelta(seconds=60)


@dataclass(slots=True)
class _Engine:
    """What both decisions of a purchase need. A draft of terms may change any purchase by value, at whichever MCC."""

    mccs: frozenset[str]
    changes_terms: bool
    without: World
    with_draft: World
    as_on: dt.date | None

    @classmethod
    def of(cls, preview: RankingPreview) -> "_Engine":
        draft, now = preview.draft, worlds.published()
        has_entries = draft.entries.exists()
        return cls(changed_mccs(draft), has_entries, now, worlds.with_draft(draft, now), preview.as_on)

    def decide_twice(self, decision: StoredDecision, products: dict[int, int | None]) -> tuple[Outcome, Outcome] | None:
        """Returns the choice without and with the draft, or None for a trace that does not say enough."""
        found = replay.circumstances(decision.trace, products)
        if found is None or not self._knows(found.preference):
            return None
        found = found.on(self.as_on) if self.as_on else found
        without, with_draft = (replay.decide_in(each, found, decision.paid) for each in (self.without, self.with_draft))
        return without, with_draft

    def _knows(self, preference: str) -> bool:
        return preference == Preference.VALUE or (preference, True) in self.without.rules.multipliers


def go_on(*, preview_id: int, work_s: float = WORK_S) -> None:
    """Works on a preview for a while, and leaves the rest to the next message."""
    preview = RankingPreview.objects.select_related("draft").filter(pk=preview_id).first()
    if preview is None:
        return
    try:
        engine = _Engine.of(preview)
    except CatalogueError:
        # Other terms were published meanwhile, which its own do not fit: “Compare anew” changes the draft.
        RankingPreview.objects.filter(pk=preview_id, status=Status.RUNNING).update(
            status=Status.OUTDATED, finished_at=clock.now()
        )
        return
    end = time.monotonic() + work_s
    while _next_batch(preview_id, engine):
        if time.monotonic() > end:
            with transaction():
                outbox.put(topic="rankings.preview_requested", preview_id=preview_id)
            return


def sweep() -> None:
    """Goes on with the previews that nobody has worked on for a minute."""
    lost = RankingPreview.objects.filter(status=Status.RUNNING, worked_at__lt=clock.now() - LOST_AFTER)
    for preview_id in lost.order_by("pk").values_list("pk", flat=True):
        go_on(preview_id=preview_id)


def _next_batch(preview_id: int, engine: _Engine) -> bool:
    """Does the next batch; returns whether there is more to do, here and now."""
    with transaction():
        locked = RankingPreview.objects.select_for_update(no_key=True, skip_locked=True, of=("self",))
        preview = locked.filter(pk=preview_id, status=Status.RUNNING).first()
        if preview is None:
            return False
        now = RankingDraft.objects.get(pk=preview.draft_id)
        if now.version != preview.draft_version or now.status != RankingDraft.Status.DRAFT:
            _end(preview, Status.OUTDATED)
            return False
        batch = read_batch(
            below=preview.cursor,
            since=preview.since,
            until=preview.until,
            mccs=engine.mccs,
            all_by_value=engine.changes_terms,
            size=BATCH,
        )
        _count(preview, batch, engine)
        preview.is_cut = batch.oldest_id is not None and preview.looked_at >= MOST_DECISIONS
        if batch.oldest_id is None or preview.is_cut:
            _end(preview, Status.FINISHED)
            return False
        preview.cursor, preview.reached_at, preview.worked_at = batch.oldest_id, batch.oldest_at, clock.now()
        preview.save()
    return True


def _count(preview: RankingPreview, batch: Batch, engine: _Engine) -> None:
    products = product_ids(batch.decisions)
    changed = []
    for decision in batch.decisions:
        try:
            pair = engine.decide_twice(decision, products)
        except RewardTooLargeError:
            log.warning("decision %s earns more than can be counted and is left out of the preview", decision.id)
            preview.decided_again += 1
            continue
        preview.unreadable += pair is None
        preview.decided_again += pair is not None
        if pair is not None and pair[0] != pair[1]:
            changed.append(_difference(preview, decision, *pair))
            _add(preview, changed[-1], another_card=pair[0].payer != pair[1].payer)
    listed = preview.changed + preview.earn_otherwise - len(changed)
    PreviewedPurchase.objects.bulk_create(changed[: max(0, MOST_LISTED - listed)])
    preview.looked_at += batch.looked_at


def _difference(
    preview: RankingPreview, decision: StoredDecision, now: Outcome, with_draft: Outcome
) -> PreviewedPurchase:
    """Returns a purchase that another card pays, or for which the same card earns otherwise."""
    return PreviewedPurchase(
        preview=preview,
        decision_id=decision.id,
        reference=decision.reference,
        merchant_name=decision.merchant_name,
        mcc=decision.mcc,
        decided_at=decision.decided_at,
        amount_minor=decision.paid.minor,
        currency=decision.paid.currency,
        card_now=now.card,
        card_with_draft=with_draft.card,
        reward_now_micro=now.reward_micro,
        reward_with_draft_micro=with_draft.reward_micro,
    )


def _add(preview: RankingPreview, found: PreviewedPurchase, *, another_card: bool) -> None:
    preview.changed += another_card
    preview.earn_otherwise += not another_card
    preview.newly_paid += not found.card_now
    preview.newly_declined += not found.card_with_draft
    sums = preview.sums.setdefault(found.currency, {"now_micro": 0, "draft_micro": 0})
    sums["now_micro"] += found.reward_now_micro
    sums["draft_micro"] += found.reward_with_draft_micro


def _end(preview: RankingPreview, status: str) -> None:
    preview.status, preview.finished_at = status, clock.now()
    preview.worked_at = preview.finished_at
    preview.save()
