"""What the controls say of a request, and what follows from that for its proposal."""

import datetime as dt
from typing import Any

from issuing.authorizations import contradictions, past
from issuing.authorizations.answers import for_each_result
from issuing.authorizations.facts import CardFacts, Facts
from issuing.controls import card_limits, compiled, evaluation, velocity
from issuing.controls.attributes import UNKNOWN, attributes_of
from issuing.controls.definition import APPROVE_IN_PART
from issuing.controls.evaluation import Outcome
from issuing.issuers.messages import AuthorizationRequest


def evaluate_for(
    asked: AuthorizationRequest, facts: Facts, card: CardFacts, *, now: dt.datetime, limit_ms: float
) -> Outcome:
    """Evaluates the controls of the programme, the cardholder and the card, and the card's own limit, in this order."""
    approved_minor = contradictions.approved_minor(asked, facts)
    programme = compiled.of_programme(version=facts.controls_version, limit_ms=limit_ms)
    is_over = approved_minor + asked.amount_minor > card.per_transaction_limit_minor
    if not programme and not card.controls and not is_over:
        # There is nothing to look at, and most cards have no more than their own limit.
        return evaluation.NOTHING
    names = programme.history + card.controls.history
    before = past.for_controls(asked, card, names, now=now) if names else UNKNOWN
    attributes = attributes_of(asked, card.holder(), now=now, approved_before_minor=approved_minor, history=before)
    covering = programme.covering(attributes) + card.controls.covering(attributes)
    if is_over and asked.currency == card.currency:
        covering.append(card_limits.purchase_limit(card.per_transaction_limit_minor, card.currency))
    return evaluation.of_covering(covering, attributes, passes=compiled.passes_of(card.passes, now=now))


def parts_of(
    asked: AuthorizationRequest, facts: Facts, outcome: Outcome, reason: str, *, now: dt.datetime
) -> dict[str, Any]:
    """Returns the parts of a proposal that say what it counts in, and what the controls change of it."""
    if facts.card is None:
        return {}
    parts: dict[str, Any] = {}
    if outcome.demands:
        parts["velocity"] = velocity.as_json(outcome.demands, now=now, time_zone=facts.card.time_zone)
        if contradictions.approved_minor(asked, facts):
            parts["purchase_count"] = 0
        if asked.signals.is_amount_controllable:
            parts["is_controllable"] = True
    if outcome.part_minor is not None:
        parts["asked_minor"] = asked.amount_minor
    if not reason and outcome.headroom_minor and asked.amount_minor:
        parts["headroom_minor"] = outcome.headroom_minor
    if not reason and outcome.pass_ids:
        parts["passes"] = list(outcome.pass_ids)
    return parts


def trace_of(asked: AuthorizationRequest, facts: Facts, outcome: Outcome, reason: str) -> dict[str, Any]:
    """Returns what the decision's trace keeps of the controls: the hits, and what the cardholder's sentence needs."""
    declined = outcome.declined
    is_reason = declined is not None and declined.reason == reason
    hits = [
        [each.version_id, each.action, each.in_shadow, each.amount_minor]
        for each in outcome.hits
        if each.version_id != card_limits.OF_CARD and (each.in_shadow or is_reason or not reason)
    ]
    trace: dict[str, Any] = {"control_hits": hits} if hits else {}
    if outcome.part_minor is not None and not reason:
        trace["asked_minor"] = asked.amount_minor
    if declined is None or not is_reason:
        return trace
    if declined.version_id == card_limits.OF_CARD:
        return trace | _purchase_limit(asked, facts)
    return trace | {"control": {"version": declined.version_id}}


def responses(asked: AuthorizationRequest, decision_id: str, reason: str, outcome: Outcome) -> dict[str, str]:
    """Returns the answer for each outcome that the committing statement may come to."""
    active = [each.control for each in outcome.demands if not each.control.is_shadow]
    is_cut = outcome.part_minor is not None and outcome.part_minor < asked.amount_minor
    found = for_each_result(
        asked.answers,
        decision_id,
        reason,
        counted={each.reason for each in active},
        part_minor=outcome.part_minor if is_cut else None,
    )
    if not reason and any(each.rule.action.kind == APPROVE_IN_PART for each in active):
        found["part"] = asked.answers.approve_part(decision_id, "@part")
    return found


def _purchase_limit(asked: AuthorizationRequest, facts: Facts) -> dict[str, Any]:
    """Returns the numbers of the limit for one purchase, for the sentence that the cardholder reads."""
    limit_minor = facts.card.per_transaction_limit_minor if facts.card else 0
    spent_minor = contradictions.approved_minor(asked, facts)
    return {"limit": {"kind": "purchase", "limit_minor": limit_minor, "spent_minor": spent_minor, "until": None}}
