"""Decisions that race, with real threads on real PostgreSQL (money-safety I5, I6, F1, F11)."""

import random
from typing import Any

import pytest
import time_machine

from issuing.models import Authorization, Decision, Hold, IssuerEvent, SpendWindow
from onecard.outbox.models import Message
from tests.support import stripe_events
from tests.support.factories import VirtualCardFactory
from tests.support.threads import at_once
from tests.support.wallets import copy_wallet, walkthrough_card
from wallet.models import Case, FundingCharge, FundingMethod, FundingObligation

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _patient(settings: Any) -> None:
    """Dozens of threads on two cores queue for longer than a real issuer would wait."""
    settings.DECISION_DEADLINE_MS = 30_000


def answers(events: list[dict[str, Any]]) -> list[Any]:
    return at_once([lambda event=event: stripe_events.post(event) for event in events])


def test_twenty_concurrent_deliveries_make_one_decision_with_one_answer() -> None:
    asked = stripe_events.authorization_request(card=walkthrough_card().issuer_card_id)

    responses = answers([asked] * 20)

    assert len({response.content for response in responses}) == 1
    assert responses[0].json()["approved"] is True
    for model in (Decision, IssuerEvent, Authorization, Hold, FundingCharge, Message):
        assert model.objects.count() == 1
    assert SpendWindow.objects.get(kind="day").spent_minor == 4500


def test_the_same_event_about_an_unknown_card_at_once_is_one_decision() -> None:
    responses = answers([stripe_events.authorization_request(card="ic_nobody")] * 16)

    assert len({response.content for response in responses}) == 1
    assert Decision.objects.get().decline_reason == "unknown_card"


def test_twin_events_of_one_round_at_once_hold_once() -> None:
    first = stripe_events.authorization_request(card=walkthrough_card().issuer_card_id)
    twins = [first | {"id": stripe_events.unique("evt")} for _ in range(12)]

    responses = answers(twins)

    assert len({response.content for response in responses}) == 1
    assert (Decision.objects.count(), Hold.objects.count(), IssuerEvent.objects.count()) == (1, 1, 12)


@pytest.mark.parametrize(
    ("limit", "first", "kind", "reason"),
    [
        ("daily_limit_minor", "2026-06-10T15:00:00Z", "day", "daily_limit_exceeded"),
        # On the day before, so that the day's limit leaves enough.
        ("monthly_limit_minor", "2026-06-09T15:00:00Z", "month", "monthly_limit_exceeded"),
    ],
)
def test_thirty_two_racing_approvals_for_the_last_amount_give_one(
    limit: str, first: str, kind: str, reason: str
) -> None:
    card = walkthrough_card(**{limit: 10_000})
    with time_machine.travel(first, tick=False):
        earlier = stripe_events.authorization_request(card=card.issuer_card_id, amount=5_500)
        assert stripe_events.post(earlier).json()["approved"]

    with time_machine.travel("2026-06-10T16:00:00Z", tick=False):
        responses = answers([stripe_events.authorization_request(card=card.issuer_card_id) for _ in range(32)])

    outcomes = [response.json() for response in responses]
    assert sum(outcome["approved"] for outcome in outcomes) == 1
    assert {o["metadata"].get("onecard_reason") for o in outcomes if not o["approved"]} == {reason}
    assert set(SpendWindow.objects.filter(kind=kind).values_list("spent_minor", flat=True)) == {10_000}
    assert sum(Hold.objects.values_list("amount_minor", flat=True)) == 10_000
    assert FundingCharge.objects.count() == 2


def test_random_amounts_never_overspend_and_the_counters_equal_the_holds() -> None:
    seed = random.randrange(10**9)
    print(f"seed {seed}")
    numbers = random.Random(seed)
    card = walkthrough_card(daily_limit_minor=60_000)

    answers(
        [
            stripe_events.authorization_request(card=card.issuer_card_id, amount=numbers.randint(1, 9_000))
            for _ in range(40)
        ]
    )

    held = sum(Hold.objects.values_list("amount_minor", flat=True))
    assert held <= 60_000
    assert set(SpendWindow.objects.values_list("spent_minor", flat=True)) == {held}
    assert sum(d.amount_minor for d in Decision.objects.filter(approved=True)) == held


def test_decisions_succeed_while_the_wallet_keeps_changing() -> None:
    card = walkthrough_card(daily_limit_minor=10**9, monthly_limit_minor=10**9)
    methods = list(FundingMethod.objects.filter(cardholder=card.cardholder))

    def edit() -> None:
        for step in range(20):
            FundingMethod.objects.filter(pk=methods[step % 4].pk).update(position=step)

    calls: list[Any] = [edit]
    for _ in range(15):
        asked = stripe_events.authorization_request(card=card.issuer_card_id)
        calls.append(lambda asked=asked: stripe_events.post(asked).json()["approved"])

    assert at_once(calls)[1:] == [True] * 15
    assert Decision.objects.filter(approved=True).count() == 15


def test_two_first_rounds_with_different_cards_at_once_charge_one_person() -> None:
    cards = [walkthrough_card(), VirtualCardFactory()]
    copy_wallet(cards[0].cardholder, cards[1].cardholder)
    for _ in range(4):
        authorization = stripe_events.unique("iauth")
        asked = [
            stripe_events.authorization_request(card=cards[place % 2].issuer_card_id, authorization=authorization)
            for place in range(8)
        ]

        responses = answers(asked)

        purchase = Authorization.objects.get(issuer_authorization_id=authorization)
        approved = [response.json()["approved"] for response in responses]
        winner = 0 if purchase.card_id == cards[0].pk else 1
        assert approved == [place % 2 == winner for place in range(8)]
        assert purchase.approved_minor == 4500
        assert Hold.objects.get(authorization=purchase).day.card_id == purchase.card_id
        owed = FundingObligation.objects.get(purchase=f"authorization:{purchase.pk}")
        assert owed.cardholder == purchase.card.cardholder
        assert Case.objects.filter(kind="event_contradiction", reference=owed.purchase).count() == 1


def test_one_event_id_with_two_bodies_at_once_is_decided_once() -> None:
    card = walkthrough_card()
    bodies = [
        stripe_events.authorization_request(card=card.issuer_card_id, amount=amount) | {"id": "evt_reused"}
        for amount in (4500, 4600) * 6
    ]

    responses = answers(bodies)

    approved = {body["data"]["object"]["id"] for body, r in zip(bodies, responses, strict=True) if r.json()["approved"]}
    assert len(approved) == 1
    assert (Decision.objects.count(), Hold.objects.count(), FundingCharge.objects.count()) == (1, 1, 1)
    # Each body names a purchase of its own, so each of the others is kept for itself.
    assert IssuerEvent.objects.count() == 12
