"""What fraud hooks are asked about a purchase, and what a decision's trace keeps of their answers."""

from typing import Any

from django.conf import settings

from issuing.authorizations.facts import CardFacts, Facts
from issuing.fraud import asking
from issuing.fraud.verdicts import FrozenFacts
from issuing.issuers.messages import AuthorizationRequest
from onecard.kit import clock


def ask(asked: AuthorizationRequest, facts: Facts, *, remaining_ms: float) -> asking.Answers:
    """Asks the hooks in a thread; nobody without hooks, or about a card that we do not know."""
    if facts.card is None or not settings.FRAUD_HOOKS:
        return asking.NOBODY
    return asking.ask(_frozen(asked, facts.card), remaining_ms=remaining_ms)


async def ask_soon(asked: AuthorizationRequest, card: CardFacts, *, remaining_ms: float) -> asking.Answers:
    """Asks the hooks in the event loop."""
    if not settings.FRAUD_HOOKS:
        return asking.NOBODY
    return await asking.ask_soon(_frozen(asked, card), remaining_ms=remaining_ms)


def for_trace(answers: asking.Answers) -> dict[str, Any]:
    """Returns the trace's part about the hooks, by their names (issuing/sql/keep_verdicts.sql)."""
    return {"fraud": {name: each.for_trace() for name, each in answers.items()}} if answers else {}


def _frozen(asked: AuthorizationRequest, card: CardFacts) -> FrozenFacts:
    # In the order of the fields, since every decision comes here and names cost a multiple.
    return FrozenFacts(
        asked.provider,
        clock.now(),
        asked.amount_minor,
        asked.currency,
        card.currency,
        asked.merchant,
        not asked.follows,
        card.id,
        card.cardholder_id,
        card.created_at,
        card.kyc_status,
        card.kyc_due_at,
        card.compliance_flags,
        asked.beside.cash_minor,
        asked.beside.merchant_amount_minor,
        asked.beside.merchant_currency,
        asked.signals,
        card.history,
    )
