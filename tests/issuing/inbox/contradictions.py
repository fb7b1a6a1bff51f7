"""Requests for tests of contradictions, and what they left in the database."""

from typing import Any

import pytest

from issuing.models import Hold, SpendWindow, VirtualCard
from tests.support import marqeta_events, stripe_events
from tests.support.factories import VirtualCardFactory
from tests.support.wallets import copy_wallet, walkthrough_card
from wallet.models import Case, FundingObligation

EventBody = dict[str, Any]


@pytest.fixture
def card() -> VirtualCard:
    return walkthrough_card()


@pytest.fixture
def roomy() -> VirtualCard:
    return walkthrough_card(per_transaction_limit_minor=60_000, daily_limit_minor=60_000)


def other_card(**values: Any) -> VirtualCard:
    """Another person's card, with a wallet that could pay."""
    first = VirtualCard.objects.first()
    other = VirtualCardFactory(**values)
    if first is not None:
        copy_wallet(first.cardholder, other.cardholder)
    return other


def reason(response: Any) -> str:
    return str(response.json()["metadata"].get("onecard_reason", ""))


def moved() -> tuple[list[int], list[int], list[int]]:
    """What is held, what was asked of cards, and what the limits count."""
    held = Hold.objects.filter(status="placed").values_list("amount_minor", flat=True)
    asked = FundingObligation.objects.values_list("amount_minor", flat=True)
    return sorted(held), sorted(asked), sorted(set(SpendWindow.objects.values_list("spent_minor", flat=True)))


ONE = ([4500], [4500], [4500])


def contradictions() -> list[Case]:
    return list(Case.objects.filter(kind="event_contradiction", status="open"))


def later_round(asked: EventBody, *, card: str, amount: int = 900, **changes: Any) -> EventBody:
    return stripe_events.authorization_request(
        card=card,
        authorization=asked["data"]["object"]["id"],
        amount=amount,
        approved_before=4500,
        history=[{"approved": True, "amount": 4500}],
        **changes,
    )


def unseen_increment(card: VirtualCard, *, stands: int = 42_000, amount: int = 15_500, **changes: Any) -> EventBody:
    history = [{"approved": True, "amount": stands, "reason": "webhook_timeout"}]
    return stripe_events.authorization_request(
        card=card.issuer_card_id, amount=amount, approved_before=stands, **({"history": history} | changes)
    )


def with_jit(question: EventBody, **changes: Any) -> EventBody:
    order = question["gpa_order"]
    return question | {"gpa_order": order | {"jit_funding": order["jit_funding"] | changes}}


def under_new_jit_token(asked: EventBody, **changes: Any) -> EventBody:
    return with_jit(asked, token=marqeta_events.token(), **changes)
