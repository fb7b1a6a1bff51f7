"""An amount that the issuer approved before it asks us for more counts in the limits, and opens a case."""

from typing import Any

import pytest
from django.urls import reverse

from issuing.authorizations import lifecycle
from issuing.locking import locked_purchase
from issuing.models import Authorization, Decision, SpendWindow, VirtualCard
from tests.issuing.authorizations.test_increments import asked_of_cards
from tests.issuing.clearing.postings import report
from tests.issuing.inbox.contradictions import (
    EventBody,
    contradictions,
    moved,
    reason,
    roomy,
    under_new_jit_token,
    unseen_increment,
    with_jit,
)
from tests.support import marqeta_events, stripe_events
from tests.support.back_office import logged_in, text_of
from tests.support.purchases import deliver_events, run_workers, update_event
from tests.support.purchases import transaction_event as captured
from tests.support.wallets import marqeta_card, walkthrough_card
from wallet.models import Case

__all__ = ["roomy"]
pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("history", [[], [{"approved": True, "amount": 42_000}]])
def test_what_stands_of_an_unseen_purchase_counts_with_a_case(roomy: VirtualCard, history: list[EventBody]) -> None:
    asked = unseen_increment(roomy, history=history)

    answers = [stripe_events.post(asked) for _ in range(2)]

    assert answers[0].json()["approved"] is True
    assert answers[0].content == answers[1].content
    assert moved() == ([15_500, 42_000], [15_500], [57_500])
    purchase = Authorization.objects.get()
    assert (purchase.status, purchase.approved_minor) == ("approved", 57_500)
    case = Case.objects.get()
    assert (case.kind, case.amount_minor) == ("approved_without_us", 42_000)
    assert case.reference == f"authorization:{purchase.pk}"


@pytest.mark.parametrize(
    ("limit", "why"),
    [
        ("daily_limit_minor", "daily_limit_exceeded"),
        ("monthly_limit_minor", "monthly_limit_exceeded"),
        ("per_transaction_limit_minor", "per_transaction_limit_exceeded"),
    ],
)
def test_what_stands_leaves_less_of_each_limit(limit: str, why: str) -> None:
    values = {"per_transaction_limit_minor": 57_500, "daily_limit_minor": 100_000, "monthly_limit_minor": 100_000}
    if limit != "per_transaction_limit_minor":
        values |= {"daily_limit_minor": 57_500, limit: 57_500}
    card = walkthrough_card(**values | ({limit: 57_499} if limit == "per_transaction_limit_minor" else {}))
    if limit != "per_transaction_limit_minor":
        # No purchase is larger than a day or a month allows, so another one has taken a minor unit.
        stripe_events.post(stripe_events.authorization_request(card=card.issuer_card_id, amount=1))
    if limit == "monthly_limit_minor":
        SpendWindow.objects.filter(kind="day").update(spent_minor=0)

    assert reason(stripe_events.post(unseen_increment(card))) == why

    before = [] if why.startswith("per") else [1]
    counted = sorted({42_000 if limit == "monthly_limit_minor" else 42_000 + sum(before), 42_000 + sum(before)})
    assert moved() == ([*before, 42_000], before, counted), "what stands is a fact, whatever we answer"
    assert Authorization.objects.latest("pk").approved_minor == 42_000
    assert Case.objects.get().kind == "approved_without_us"
    assert stripe_events.post(stripe_events.authorization_request(card=card.issuer_card_id, amount=15_499)).json()[
        "approved"
    ]


def test_a_missed_round_of_a_known_purchase_counts_once(roomy: VirtualCard) -> None:
    asked = stripe_events.authorization_request(card=roomy.issuer_card_id)
    stripe_events.post(asked)

    for stands, rounds in ((9000, 2), (9900, 3)):
        more = stripe_events.authorization_request(
            card=roomy.issuer_card_id,
            authorization=asked["data"]["object"]["id"],
            amount=900,
            approved_before=stands,
            history=[{"approved": True, "amount": 4500}] * rounds,
        )
        assert stripe_events.post(more).json()["approved"] is True

    assert moved() == ([900, 900, 4500, 4500], [900, 900, 4500], [10_800])
    assert Authorization.objects.get().approved_minor == 10_800
    case = Case.objects.get()
    assert (case.kind, case.amount_minor) == ("approved_without_us", 4500)


def test_less_that_stands_than_we_approved_changes_nothing(roomy: VirtualCard) -> None:
    asked = stripe_events.authorization_request(card=roomy.issuer_card_id)
    stripe_events.post(asked)
    more = stripe_events.authorization_request(
        card=roomy.issuer_card_id,
        authorization=asked["data"]["object"]["id"],
        amount=900,
        approved_before=2000,
        history=[{"approved": True, "amount": 4500}],
    )

    assert stripe_events.post(more).json()["approved"] is True
    assert moved() == ([900, 4500], [900, 4500], [5400])
    assert not Case.objects.exists()


def test_what_was_told_of_a_purchase_counts_when_more_is_asked(roomy: VirtualCard) -> None:
    asked = unseen_increment(roomy)
    told = stripe_events.authorization_update(
        asked, amount=42_000, request_history=[{"approved": True, "reason": "network_stip", "amount": 42_000}]
    )
    deliver_events(told)
    assert (moved(), Case.objects.get().amount_minor) == (([42_000], [], [42_000]), 42_000)

    assert stripe_events.post(asked).json()["approved"] is True

    assert moved() == ([15_500, 42_000], [15_500], [57_500])
    assert (Case.objects.get().kind, Case.objects.get().amount_minor) == ("approved_without_us", 42_000)


def test_an_unknown_amount_that_stands_is_declined(roomy: VirtualCard) -> None:
    asked = unseen_increment(roomy, history=[{"approved": True}], amount=900)
    del asked["data"]["object"]["amount"]

    assert reason(stripe_events.post(asked)) == "increment_of_unknown"
    assert moved() == ([], [], [])
    assert len(contradictions()) == 1


def test_marqetas_increment_of_a_purchase_we_never_saw_is_declined() -> None:
    unseen = marqeta_events.gateway_request(card=marqeta_card().issuer_card_id)

    answer = marqeta_events.ask(marqeta_events.increment(unseen))

    assert answer.status_code == 402
    assert "increment_of_unknown" in marqeta_events.read(answer)["tags"]
    assert moved() == ([], [], [])
    assert len(contradictions()) == 1


@pytest.mark.parametrize("by", ["jit tokens", "transaction tokens"])
@pytest.mark.parametrize("known", [True, False])
def test_marqetas_increment_after_a_missed_one_is_declined(by: str, known: bool) -> None:
    first = marqeta_events.gateway_request(card=marqeta_card().issuer_card_id)
    marqeta_events.ask(first)
    before = marqeta_events.increment(first)
    asked_before = under_new_jit_token(before)
    if known:
        assert [marqeta_events.ask(each).status_code for each in (before, asked_before)] == [200, 200]
    more = marqeta_events.increment(first, amount=7)
    if by == "jit tokens":
        earlier = [asked_before["gpa_order"]["jit_funding"]["token"]]
        more = with_jit(more, incremental_authorization_jit_funding_tokens=earlier)
    else:
        more |= {"incremental_authorization_transaction_tokens": [before["token"]]}

    answer = marqeta_events.ask(more)

    assert answer.status_code == (200 if known else 402)
    assert Authorization.objects.get().approved_minor == (5700 if known else 4500)
    assert len(contradictions()) == (0 if known else 1)


def test_a_late_approval_taken_back_leaves_what_stood(roomy: VirtualCard) -> None:
    stripe_events.post(unseen_increment(roomy))
    decision = Decision.objects.get()
    with locked_purchase(decision.authorization):
        lifecycle.undo_round(decision, actor="test")

    purchase = Authorization.objects.get()
    assert (purchase.status, purchase.approved_minor) == ("approved", 42_000)
    assert moved()[0] == [42_000]
    assert moved()[2] == [42_000]


@pytest.mark.parametrize("policy", ["charge_now", "hold_then_capture"])
def test_what_stood_is_charged_once_when_it_is_captured(roomy: VirtualCard, settings: Any, policy: str) -> None:
    settings.FUNDING_POLICY = policy
    asked = unseen_increment(roomy)
    stripe_events.post(asked)
    history = [{"approved": True, "reason": "network_stip", "amount": 42_000}]
    history.append({"approved": True, "reason": "webhook_approved", "amount": 15_500})

    for _ in range(2):
        deliver_events(update_event(asked, "pending", amount=57_500, request_history=history))
        run_workers()
    deliver_events(captured(asked, 57_500), update_event(asked, "closed", amount=57_500, request_history=history))
    run_workers()

    assert asked_of_cards() == 57_500
    assert not Case.objects.filter(status="open").exists()
    assert set(SpendWindow.objects.values_list("spent_minor", flat=True)) == {57_500}


def test_the_end_of_the_purchase_frees_what_stood(roomy: VirtualCard) -> None:
    asked = unseen_increment(roomy)
    stripe_events.post(asked)
    deliver_events(update_event(asked, "reversed", amount=0))

    assert set(SpendWindow.objects.values_list("spent_minor", flat=True)) == {0}
    assert Authorization.objects.get().approved_minor == 0
    assert not Case.objects.filter(status="open").exists()


def test_marqetas_next_increment_counts_what_was_told_meanwhile() -> None:
    unseen = marqeta_events.gateway_request(card=marqeta_card().issuer_card_id)
    assert marqeta_events.ask(marqeta_events.increment(unseen)).status_code == 402
    report(marqeta_events.outcome(unseen, standin_approved_by="NETWORK"))
    assert Case.objects.get(kind="approved_without_us").amount_minor == 4500

    assert marqeta_events.ask(marqeta_events.increment(unseen)).status_code == 200

    assert moved() == ([500, 4500], [500], [5000])
    assert Authorization.objects.get().approved_minor == 5000


def test_the_purchases_page_says_what_the_issuer_approved_alone(roomy: VirtualCard) -> None:
    stripe_events.post(unseen_increment(roomy))
    page = reverse("admin:issuing_authorization_change", args=[Authorization.objects.get().pk])

    shown = text_of(logged_in().get(page))

    assert "Of that by the issuer alone" in shown
    assert "420.00" in shown
