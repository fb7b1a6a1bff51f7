"""Proposes an answer from what was read: the card's own rules first, then the choice of the funding card."""

import datetime as dt
import uuid
from typing import Any

import msgspec
from django.conf import settings

from issuing import states
from issuing.authorizations import contradictions, fraud, under_control
from issuing.authorizations.answers import for_each_result
from issuing.authorizations.facts import CardFacts, Facts
from issuing.controls import evaluation
from issuing.fraud import asking as hooks_asking
from issuing.history import card_history
from issuing.issuers.messages import AuthorizationRequest
from issuing.limits.windows import windows_as_json
from onecard.kit import clock, fresh_ids
from onecard.kit.clock import Stopwatch, local_day
from routing import strategy
from routing.engine import Choice
from wallet.models import KycStatus


class Draft(msgspec.Struct, frozen=True):
    """What the card, its controls and the choice of a funding card say, before the fraud hooks are asked.

    `reason` is why it is declined, or "". `from_balance_minor` is what the card's balance pays of `amount_minor`.
    """

    asked: AuthorizationRequest
    facts: Facts
    now: dt.datetime
    reason: str
    contradiction: str
    outcome: evaluation.Outcome
    choice: Choice | None
    amount_minor: int
    from_balance_minor: int
    trace: dict[str, Any]


def draft(asked: AuthorizationRequest, facts: Facts, *, watch: Stopwatch) -> Draft:
    """Returns what follows from what was read: the decline's reason, or the funding card."""
    now, remaining_ms = clock.now(), settings.DECISION_DEADLINE_MS - watch.elapsed_ms
    reason, choice, from_balance = "unknown_card", None, 0
    trace: dict[str, Any] = {}
    outcome, amount = evaluation.NOTHING, asked.amount_minor
    if facts.card is not None:
        outcome = under_control.evaluate_for(asked, facts, facts.card, now=now, limit_ms=remaining_ms)
        amount = asked.amount_minor if outcome.part_minor is None else outcome.part_minor
        choice, trace = _route(asked, facts, facts.card, now, remaining_ms)
        from_balance = _from_balance(asked, facts.card, amount)
        reason = _decline_reason(asked, facts, facts.card, choice, outcome, amount - from_balance)
        trace |= card_history.place_of(asked, is_new=not facts.status_before)
    contradiction = contradictions.found(asked, facts)
    reason, from_balance = (contradiction, 0) if contradiction else (reason, from_balance)
    watch.lap("choose")
    return Draft(asked, facts, now, reason, contradiction, outcome, choice, amount, from_balance, trace)


def propose(
    made: Draft,
    *,
    decision_id: uuid.UUID,
    watch: Stopwatch,
    counted_at: dt.datetime | None = None,
    hooks: hooks_asking.Answers = hooks_asking.NOBODY,
) -> dict[str, Any]:
    """Returns the proposal that the committing statement checks and writes; amounts in minor units, times in ISO 8601.

    It names the versions and amounts that it is based on, so that the statement detects when they have changed. The
    counters are those of `counted_at`, or else of now. `hooks` is what the fraud hooks said.
    """
    asked, facts, outcome, public_id = made.asked, made.facts, made.outcome, str(decision_id)
    reason = made.reason or (hooks_asking.DECLINE_REASON if hooks_asking.declines(hooks) else "")
    amount = asked.amount_minor if reason else made.amount_minor
    trace = made.trace | fraud.for_trace(hooks) | under_control.trace_of(asked, facts, outcome, reason)
    return {
        **_facts(asked, made.now),
        "amount_minor": amount,
        **_ground(facts, made.now),
        **under_control.parts_of(asked, facts, outcome, reason, now=counted_at or made.now),
        **contradictions.for_the_record(made.contradiction, asked, facts),
        "remaining_ms": settings.DECISION_DEADLINE_MS - watch.elapsed_ms,
        **_money(made.choice, public_id, amount, 0 if reason else made.from_balance_minor),
        "public_id": public_id,
        "decline_reason": reason,
        "rule": _rule(made.choice, amount, made.from_balance_minor),
        "trace": trace,
        "timings_ms": dict(watch.steps_ms),
        "responses": under_control.responses(asked, public_id, reason, outcome),
    }


def propose_late_decline(asked: AuthorizationRequest, *, decision_id: uuid.UUID, watch: Stopwatch) -> dict[str, Any]:
    """Returns a decline because time is up.

    It is based on nothing that was read and names no card, so it waits for no lock.
    """
    public_id = str(decision_id)
    return {
        **_facts(asked, clock.now()),
        "public_id": public_id,
        "decline_reason": "deadline_exceeded",
        "trace": {"issuer_card_id": asked.issuer_card_id},
        "timings_ms": dict(watch.steps_ms),
        "responses": for_each_result(asked.answers, public_id, "deadline_exceeded"),
    }


def _route(
    asked: AuthorizationRequest, facts: Facts, card: CardFacts, now: dt.datetime, remaining_ms: float
) -> tuple[Choice, dict[str, Any]]:
    choice, trace = strategy.route(
        _asked_of(asked, card, now),
        card.wallet,
        preference=card.preference,
        version=facts.rulebook_version,
        person=card.person,
        limit_ms=remaining_ms,
    )
    balance = {"has_minor": card.balance_minor, "pays_minor": _from_balance(asked, card, asked.amount_minor)}
    known = {"wallet_version": card.wallet_version, "card_version": card.version}
    return choice, trace | known | ({"balance": balance} if card.spends_balance else {})


def _asked_of(asked: AuthorizationRequest, card: CardFacts, now: dt.datetime) -> strategy.Asked:
    """Returns what the choice of a card asks of the purchase."""
    channel = asked.signals.channel
    return strategy.Asked(
        mcc=asked.merchant.mcc,
        currency=asked.currency,
        at=now,
        time_zone=card.time_zone,
        merchant=asked.merchant.name,
        amount_minor=asked.amount_minor - _from_balance(asked, card, asked.amount_minor),
        country=asked.merchant.country,
        is_online=None if channel is None else channel == "not_present",
    )


def _from_balance(asked: AuthorizationRequest, card: CardFacts, amount_minor: int) -> int:
    """Returns the amount that the card's balance pays, in minor units. A balance pays only in the card's currency."""
    pays = card.spends_balance and asked.currency == card.currency
    return min(card.balance_minor, amount_minor) if pays else 0


def _rule(choice: Choice | None, amount_minor: int, from_balance_minor: int) -> str:
    """Returns why this method pays: the engine's rule, unless no funding card has anything to pay."""
    if choice is None or not amount_minor:
        return "account_verification"
    return choice.rule if amount_minor > from_balance_minor else "card_balance"


def _decline_reason(
    asked: AuthorizationRequest,
    facts: Facts,
    card: CardFacts,
    choice: Choice,
    outcome: evaluation.Outcome,
    for_cards_minor: int,
) -> str:
    """Returns the reason to decline, or "". What counters decline is checked under the lock, not here.

    First comes what the books cannot do, then the controls, of which the card's own limit is the last.
    """
    declined = outcome.declined
    checks = (
        (asked.refused_because, bool(asked.refused_because)),
        ("card_not_active", card.status != states.Card.ACTIVE),
        ("card_stop_reported", card.stop_is_reported),
        ("compliance_hold", card.is_on_compliance_hold),
        ("kyc_not_verified", card.kyc_status != KycStatus.VERIFIED),
        ("authorization_not_open", facts.status_before not in contradictions.OPEN_STATES),
        # The limits, the balance and the counters are amounts of the card's currency.
        ("currency_mismatch", asked.currency != card.currency),
        (declined.reason if declined else "", declined is not None),
        ("no_funding_card", for_cards_minor > 0 and choice.method is None),
    )
    return next((reason for reason, holds in checks if holds), "")


def _facts(asked: AuthorizationRequest, now: dt.datetime) -> dict[str, Any]:
    return {
        "now": now.isoformat(),
        "provider": asked.provider,
        "event_id": asked.event_id,
        "event_type": asked.event_type,
        "authorization_id": asked.authorization_id,
        "fingerprint": asked.fingerprint,
        "round_key": asked.round_key,
        "amount_minor": asked.amount_minor,
        "currency": asked.currency,
        "mcc": asked.merchant.mcc,
        "merchant_name": asked.merchant.name,
        "merchant_category": asked.merchant.category,
        "merchant_city": asked.merchant.city,
        "merchant_country": asked.merchant.country,
        "merchant_network_id": asked.merchant.network_id,
        **asked.beside.columns(),
    }


def _ground(facts: Facts, now: dt.datetime) -> dict[str, Any]:
    """Returns the facts that the proposal is based on.

    If one of them has changed at the lock, the proposal is stale.
    """
    ground: dict[str, Any] = {
        "controls_version": facts.controls_version,
        "approved_before_minor": facts.approved_before_minor,
        "status_before": facts.status_before,
        "card_before": facts.card_before,
    }
    if facts.card is None:
        return ground
    return {
        **ground,
        "card_id": facts.card.id,
        "card_version": facts.card.version,
        "wallet_version": facts.card.wallet_version,
        **windows_as_json(local_day(now, facts.card.time_zone), facts.card.time_zone),
    }


def _money(choice: Choice | None, decision_id: str, amount_minor: int, from_balance_minor: int) -> dict[str, Any]:
    """Returns what an approval takes from the balance, and the charge that it intends for the rest.

    The charge's key is committed before anyone can call the processor (money-safety I9).
    """
    from_balance = {"from_balance_minor": from_balance_minor}
    if choice is None or choice.method is None or 0 < amount_minor == from_balance_minor:
        return from_balance
    obligation, charge = fresh_ids.uuids(2)
    return {
        **from_balance,
        "method_id": choice.method.id,
        "policy": settings.FUNDING_POLICY,
        "obligation_public_id": obligation,
        "charge_public_id": charge,
        "idempotency_key": f"charge:{decision_id}:1",
    }
