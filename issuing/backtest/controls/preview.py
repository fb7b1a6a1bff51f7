"""Works on the preview of a control: judges stored purchases in order, its counters kept between two batches.

It only reads decisions, and writes nothing but the preview. Each batch is one commit with its place (`cursor`) and the
counters, so a worker that dies loses one batch, and two workers never count a decision twice. A run looks at
MOST_DECISIONS at most.
"""

import datetime as dt
import time
from typing import Any, Final

from issuing.authorizations import past
from issuing.backtest.controls import asking
from issuing.backtest.controls.counters import Counters
from issuing.backtest.controls.pasts import Pasts
from issuing.backtest.controls.purchases import Batch, StoredPurchase, read_batch
from issuing.backtest.controls.replay import Replay, Verdict, day_of, is_hit
from issuing.controls.definition import PURCHASE, Rule, compile_definition
from issuing.controls.evaluation import ControlInForce
from issuing.models import Control, ControlPreview, ControlPreviewHit, ControlVersion
from onecard.kit import clock
from onecard.kit.transactions import transaction
from onecard.outbox import services as outbox

Status, Effect = ControlPreview.Status, ControlPreviewHit.Effect
BATCH: Final = 1000
MOST_DECISIONS: Final = 200_000
# Purchases that are listed one by one; those beyond are counted and summed all the same.
MOST_LISTED: Final = 10_000
WORK_S: Final = 20.0
LOST_AFTER: Final = dt.timedelta(seconds=60)


def go_on(*, preview_id: int, work_s: float = WORK_S) -> None:
    """Works on a preview for a while, and leaves the rest to the next message."""
    end, pasts = time.monotonic() + work_s, Pasts(declined=_declined(preview_id))
    while _next_batch(preview_id, pasts):
        if time.monotonic() > end:
            with transaction():
                outbox.put(topic=asking.TOPIC, preview_id=preview_id)
            return


def sweep() -> None:
    """Goes on with the previews that nobody has worked on for a minute."""
    lost = clock.now() - LOST_AFTER
    rows = ControlPreview.objects.filter(status=Status.RUNNING, worked_at__lt=lost).order_by("pk")
    for preview_id in rows.values_list("pk", flat=True):
        go_on(preview_id=preview_id)


def control_of(version: ControlVersion) -> ControlInForce:
    """Returns a version as if it were active, whatever its state is."""
    control = version.control
    return ControlInForce(
        version_id=version.pk,
        control_id=control.pk,
        name=control.name,
        reason=version.reason_code,
        sentence=version.sentence,
        is_shadow=False,
        rule=compile_definition(version.definition, scope=control.scope),
        excluded_cards=frozenset(control.excluded_card_ids),
        excluded_cardholders=frozenset(control.excluded_cardholder_ids),
    )


def _next_batch(preview_id: int, pasts: Pasts) -> bool:
    """Does the next batch; returns whether there is more to do, here and now."""
    with transaction():
        locked = ControlPreview.objects.select_for_update(no_key=True, skip_locked=True, of=("self",))
        preview = locked.select_related("version__control").filter(pk=preview_id, status=Status.RUNNING).first()
        if preview is None:
            return False
        if asking.tried_of(preview.version) != preview.tried:
            _end(preview, Status.OUTDATED)
            return False
        batch = read_batch(above=preview.cursor or 0, until=preview.until, size=BATCH, **_only(preview.version.control))
        _count(preview, batch, pasts)
        preview.is_cut = batch.newest_id is not None and preview.looked_at >= MOST_DECISIONS
        if batch.newest_id is None or preview.is_cut:
            _end(preview, Status.FINISHED)
            return False
        preview.cursor, preview.reached_at, preview.worked_at = batch.newest_id, batch.newest_at, clock.now()
        preview.save()
    return True


def _declined(preview_id: int) -> frozenset[int]:
    """Returns the decisions that an earlier run of this preview has declined, so far as they are listed."""
    rows = ControlPreviewHit.objects.filter(preview=preview_id, effect=Effect.DECLINED)
    return frozenset(rows.values_list("decision_id", flat=True))


def _only(control: Control) -> dict[str, Any]:
    """Returns the purchases that a control is for."""
    if control.scope == Control.Scope.CARD:
        return {"authorization__card_id": control.card_id}
    if control.scope == Control.Scope.CARDHOLDER:
        return {"authorization__card__cardholder_id": control.cardholder_id}
    return {}


def _count(preview: ControlPreview, batch: Batch, pasts: Pasts) -> None:
    control = control_of(preview.version)
    counters = _counters(control.rule, preview)
    own = ControlVersion.objects.filter(control=preview.version.control_id).values_list("reason_code", flat=True)
    replay = Replay(control, counters, own_reasons=set(own), pasts=pasts if past.look_back([control]) else None)
    found = []
    for purchase in batch.purchases:
        verdict = replay.check(purchase)
        if verdict is not None:
            found.append(_row(preview, purchase, verdict))
            _add(preview, found[-1])
    listed = preview.hits + preview.newly_approved - len(found)
    ControlPreviewHit.objects.bulk_create(found[: max(0, MOST_LISTED - listed)])
    preview.looked_at += batch.looked_at
    preview.unreadable += batch.unreadable
    if counters is not None:
        counters.forget(batch.newest_at or preview.until)
        preview.counters = counters.as_json()


def _counters(rule: Rule, preview: ControlPreview) -> Counters | None:
    velocity = rule.velocity
    if velocity is None or velocity.window == PURCHASE:
        return None
    return Counters.of_json(velocity, preview.counters)


def _row(preview: ControlPreview, purchase: StoredPurchase, verdict: Verdict) -> ControlPreviewHit:
    return ControlPreviewHit(
        preview=preview,
        decision_id=purchase.decision_id,
        reference=purchase.reference,
        merchant_name=purchase.merchant_name,
        mcc=purchase.mcc,
        decided_at=purchase.decided_at,
        effect=verdict.effect,
        amount_minor=purchase.attributes.purchase_minor,
        becomes_minor=verdict.becomes_minor,
        currency=purchase.attributes.billing_currency,
    )


def _add(preview: ControlPreview, row: ControlPreviewHit) -> None:
    preview.hits += is_hit(row.effect)
    preview.newly_declined += row.effect == Effect.DECLINED
    preview.newly_approved += row.effect == Effect.APPROVED
    of_day = preview.days_found.setdefault(day_of(row.decided_at), {}).setdefault(row.currency, [0, 0, 0])
    of_day[0] += is_hit(row.effect)
    of_day[1] += row.amount_minor if is_hit(row.effect) else 0
    of_day[2] += row.effect in (Effect.DECLINED, Effect.APPROVED)


def _end(preview: ControlPreview, status: str) -> None:
    preview.status, preview.finished_at, preview.counters = status, clock.now(), {}
    preview.worked_at = preview.finished_at
    preview.save()
