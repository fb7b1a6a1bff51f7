"""Works on the preview of a draft of rankings: decides stored purchases again without and with it.

It only reads decisions, and writes nothing but the preview. Each batch is one commit with its place (`cursor`), so a
worker that dies loses one batch, and two workers never count a decision twice. A run looks at MOST_DECISIONS at most.
"""

import datetime as dt
import logging
import time
from dataclasses import dataclass, field
from typing import Final

from issuing.backtest.stored import Batch, StoredDecision, product_ids, read_batch
from onecard.kit import clock
from onecard.kit.transactions import transaction
from onecard.outbox import services as outbox
from routing import replay, rulebook
from routing.engine import Choice, Row, Rules
from routing.models import PreviewedPurchase, RankingDraft, RankingPreview
from routing.rankings.effective import changed_mccs, rows_without_and_with
from routing.rewards import RewardTooLargeError

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
    """What both decisions of a purchase need, read once for each MCC."""

    draft: RankingDraft
    mccs: frozenset[str]
    rules: Rules
    as_on: dt.date | None
    rows: dict[str, tuple[tuple[Row, ...], tuple[Row, ...]]] = field(default_factory=dict)

    def rows_of(self, mcc: str) -> tuple[tuple[Row, ...], tuple[Row, ...]]:
        if mcc not in self.rows:
            self.rows[mcc] = rows_without_and_with(self.draft, mcc)
        return self.rows[mcc]

    def decide_twice(self, decision: StoredDecision, products: dict[int, int | None]) -> tuple[Choice, Choice] | None:
        """Returns the choice without and with the draft, or None for a trace that does not say enough."""
        found = replay.circumstances(decision.trace, products)
        if found is None or (found.preference, True) not in self.rules.multipliers:
            return None
        found = found.on(self.as_on) if self.as_on else found
        without, with_draft = self.rows_of(decision.mcc)
        return replay.decide(found, without, self.rules), replay.decide(found, with_draft, self.rules)


def go_on(*, preview_id: int, work_s: float = WORK_S) -> None:
    """Works on a preview for a while, and leaves the rest to the next message."""
    preview = RankingPreview.objects.select_related("draft").filter(pk=preview_id).first()
    if preview is None:
        return
    engine = _Engine(preview.draft, changed_mccs(preview.draft), rulebook.current_rules(), preview.as_on)
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
        batch = read_batch(below=preview.cursor, since=preview.since, until=preview.until, mccs=engine.mccs, size=BATCH)
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
        choices = engine.decide_twice(decision, products)
        found = _difference(preview, decision, choices) if choices else None
        preview.unreadable += choices is None
        preview.decided_again += choices is not None
        if choices is not None and found is not None:
            changed.append(found)
            _add(preview, found, another_card=_payer(choices[0]) != _payer(choices[1]))
    listed = preview.changed + preview.earn_otherwise - len(changed)
    PreviewedPurchase.objects.bulk_create(changed[: max(0, MOST_LISTED - listed)])
    preview.looked_at += batch.looked_at


def _difference(
    preview: RankingPreview, decision: StoredDecision, choices: tuple[Choice, Choice]
) -> PreviewedPurchase | None:
    """Returns the purchase when another card pays it, or the same card earns otherwise; None when all is the same."""
    try:
        now_micro, draft_micro = (replay.reward_micro(choice, decision.paid) for choice in choices)
    except RewardTooLargeError:
        log.warning("decision %s earns more than can be counted and is left out of the preview", decision.id)
        return None
    card_now, card_with_draft = map(_card, choices)
    if _payer(choices[0]) == _payer(choices[1]) and now_micro == draft_micro:
        return None
    return PreviewedPurchase(
        preview=preview,
        decision_id=decision.id,
        reference=decision.reference,
        merchant_name=decision.merchant_name,
        mcc=decision.mcc,
        decided_at=decision.decided_at,
        amount_minor=decision.paid.minor,
        currency=decision.paid.currency,
        card_now=card_now,
        card_with_draft=card_with_draft,
        reward_now_micro=now_micro,
        reward_with_draft_micro=draft_micro,
    )


def _add(preview: RankingPreview, found: PreviewedPurchase, *, another_card: bool) -> None:
    preview.changed += another_card
    preview.earn_otherwise += not another_card
    preview.newly_paid += not found.card_now
    preview.newly_declined += not found.card_with_draft
    sums = preview.sums.setdefault(found.currency, {"now_micro": 0, "draft_micro": 0})
    sums["now_micro"] += found.reward_now_micro
    sums["draft_micro"] += found.reward_with_draft_micro


def _payer(choice: Choice) -> int | None:
    return choice.method.id if choice.method else None


def _card(choice: Choice) -> str:
    return f"{choice.method.name} •••• {choice.method.last_four}" if choice.method else ""


def _end(preview: RankingPreview, status: str) -> None:
    preview.status, preview.finished_at = status, clock.now()
    preview.worked_at = preview.finished_at
    preview.save()
