"""Judges stored purchases by one control, in order, as if it had been active: pure but for what it is given.

A purchase that the control stops counts in nothing. One that was declined for another reason stays declined. One that
this control itself declined then is judged again.
"""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass, replace

from issuing.backtest.controls.counters import Counters, name_of
from issuing.backtest.controls.pasts import Pasts
from issuing.backtest.controls.purchases import StoredPurchase
from issuing.controls.definition import ADJUST_HOLD, AMOUNT, APPROVE_IN_PART, FLAG
from issuing.controls.evaluation import ControlInForce, Demand, Outcome, evaluate
from issuing.controls.velocity import window_of
from issuing.models import ControlPreviewHit

Effect = ControlPreviewHit.Effect


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the control does to a purchase; `becomes_minor` is what is approved, or what is held in all."""

    effect: str
    becomes_minor: int


class Replay:
    """One control over purchases in order.

    `own_reasons` are the reason codes of this control's versions; `pasts` are given where it looks at a card's past.
    """

    def __init__(
        self,
        control: ControlInForce,
        counters: Counters | None,
        *,
        own_reasons: Collection[str] = (),
        pasts: Pasts | None = None,
    ) -> None:
        self.control, self.counters, self.own_reasons = control, counters, frozenset(own_reasons)
        self.pasts = pasts

    def check(self, purchase: StoredPurchase) -> Verdict | None:
        """Returns what the control does to the next purchase; None where it does nothing."""
        whole = replace(purchase, attributes=self.pasts.with_past(purchase)) if self.pasts else purchase
        found = self._check(whole)
        if self.pasts:
            is_declined = found is not None and found.effect in (Effect.DECLINED, Effect.STILL_DECLINED)
            is_let_through = found is not None and found.effect == Effect.APPROVED
            self.pasts.add(purchase, is_approved=(purchase.approved or is_let_through) and not is_declined)
        return found

    def _check(self, purchase: StoredPurchase) -> Verdict | None:
        was_ours = not purchase.approved and purchase.decline_reason in self.own_reasons
        if not purchase.approved and not was_ours:
            return None
        outcome = evaluate([self.control], purchase.attributes)
        found = self._found(outcome, purchase)
        if outcome.demands:
            found = self._count(outcome.demands[0], purchase)
        return self._against_history(found, purchase)

    def _found(self, outcome: Outcome, purchase: StoredPurchase) -> Verdict | None:
        """Returns the verdict of a control without a counter."""
        declined, hits = outcome.declined, outcome.hits
        asked_minor = purchase.attributes.purchase_minor
        if declined is not None:
            return Verdict(Effect.DECLINED, 0)
        if not hits:
            return None
        kind = self.control.rule.action.kind
        if kind == FLAG:
            return Verdict(Effect.FLAGGED, asked_minor)
        if kind == ADJUST_HOLD:
            return Verdict(Effect.HELD_MORE, asked_minor + outcome.headroom_minor)
        return Verdict(Effect.IN_PART, outcome.part_minor or 0)

    def _count(self, demand: Demand, purchase: StoredPurchase) -> Verdict | None:
        """Counts the purchase as the committing statement does (issuing/sql/record_decision.sql)."""
        assert self.counters is not None  # noqa: S101  (made for every control with a counter)
        velocity, asked_minor = demand.velocity, purchase.attributes.purchase_minor
        if asked_minor <= 0:
            return None
        name = self._name(demand, purchase)
        used, count = self.counters.used(name, purchase.decided_at), 0 if purchase.follows else 1
        more = asked_minor if velocity.measure == AMOUNT else count
        if used + more <= velocity.most or not more:
            self._add(name, purchase, asked_minor, count)
            return None
        if self.control.rule.action.kind == FLAG:
            self._add(name, purchase, asked_minor, count)
            return Verdict(Effect.FLAGGED, asked_minor)
        part_minor = velocity.most - used
        is_part = self.control.rule.action.kind == APPROVE_IN_PART and purchase.attributes.is_amount_controllable
        if not is_part or part_minor <= 0:
            return Verdict(Effect.DECLINED, 0)
        self._add(name, purchase, part_minor, count)
        return Verdict(Effect.IN_PART, part_minor)

    def _name(self, demand: Demand, purchase: StoredPurchase) -> str:
        window = window_of(demand.velocity, now=purchase.decided_at, time_zone=purchase.time_zone)
        return name_of(demand.subject_id, window)

    def _add(self, name: str, purchase: StoredPurchase, amount_minor: int, count: int) -> None:
        assert self.counters is not None  # noqa: S101  (as above)
        key = purchase.decision_id
        self.counters.add(name, purchase.decided_at, purchase=key, amount_minor=amount_minor, count=count)
        left_minor = amount_minor
        for at, given_minor, given_count in purchase.gave_back:
            part_minor = min(left_minor, given_minor)
            left_minor -= part_minor
            self.counters.give_back(at, name, purchase=key, amount_minor=part_minor, count=given_count)

    def _against_history(self, found: Verdict | None, purchase: StoredPurchase) -> Verdict | None:
        """Returns the verdict beside what became of the purchase then."""
        if purchase.approved:
            return found
        if found is None:
            return Verdict(Effect.APPROVED, purchase.attributes.purchase_minor)
        return Verdict(Effect.STILL_DECLINED, 0) if found.effect == Effect.DECLINED else found


def is_hit(effect: str) -> bool:
    """Returns whether the control took its action: it is not one that it lets through now."""
    return effect != Effect.APPROVED


def day_of(at: dt.datetime) -> str:
    return at.astimezone(dt.UTC).date().isoformat()
