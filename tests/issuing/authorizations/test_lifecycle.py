"""What the issuer reports after the answer, in any order, repeated or late (money-safety I10, F2)."""

import itertools
from typing import Any

import pytest

from issuing.handlers import dispatch
from issuing.models import Authorization, Hold, IssuerEvent, SpendWindow, VirtualCard
from onecard.outbox.models import Message
from tests.support import stripe_events
from tests.support.wallets import walkthrough_card
from wallet.charges import outcomes
from wallet.models import Case, FundingCharge, FundingObligation

pytestmark = pytest.mark.django_db


@pytest.fixture
def card() -> VirtualCard:
    return walkthrough_card()


def deliver(event: dict[str, Any]) -> str:
    """Posts an event and lets a worker handle it; gives what became of it."""
    assert stripe_events.post(event).json() == {"received": True}
    return dispatch.handle(event_pk=IssuerEvent.objects.get(event_id=event["id"]).pk)


def approved(card: VirtualCard) -> dict[str, Any]:
    asked = stripe_events.authorization_request(card=card.issuer_card_id)
    assert stripe_events.post(asked).json()["approved"] is True
    return asked


def spent() -> set[int]:
    return set(SpendWindow.objects.values_list("spent_minor", flat=True))


def test_an_approvals_update_adds_the_authorization_code_and_no_money(card: VirtualCard) -> None:
    asked = approved(card)

    assert deliver(stripe_events.authorization_update(asked)) == "handled"

    authorization = Authorization.objects.get()
    assert (authorization.status, authorization.authorization_code) == ("approved", "S604418")
    assert spent() == {4500}


@pytest.mark.parametrize(("status", "ours"), [("reversed", "reversed"), ("expired", "expired")])
def test_a_purchase_that_did_not_happen_frees_limits_and_cancels_charges(
    card: VirtualCard, status: str, ours: str
) -> None:
    asked = approved(card)

    for _ in range(2):
        deliver(stripe_events.authorization_update(asked, kind="updated", status=status, amount=0))

    authorization = Authorization.objects.get()
    assert (authorization.status, authorization.approved_minor) == (ours, 0)
    assert Hold.objects.get().status == "released"
    assert spent() == {0}
    assert FundingObligation.objects.get().status == "released"
    assert FundingCharge.objects.get().status == "canceled"


def test_an_issuer_that_declined_what_we_approved_gives_the_limits_back(card: VirtualCard) -> None:
    asked = approved(card)
    history = [{"approved": False, "reason": "webhook_timeout"}]

    deliver(stripe_events.authorization_update(asked, approved=False, status="closed", request_history=history))

    assert Authorization.objects.get().status == "declined"
    assert spent() == {0}
    assert FundingCharge.objects.get().status == "canceled"


def test_a_capture_that_closes_the_authorization_keeps_what_was_spent(card: VirtualCard) -> None:
    asked = approved(card)

    deliver(stripe_events.authorization_update(asked, kind="updated", status="closed"))

    assert Authorization.objects.get().status == "settled"
    assert spent() == {4500}


def test_every_order_of_one_purchases_events_ends_the_same() -> None:
    ends = set()
    for order in itertools.permutations(range(3)):
        asked = approved(walkthrough_card())
        news = [
            stripe_events.authorization_update(asked),
            stripe_events.authorization_update(asked, kind="updated", status="reversed", amount=0),
            stripe_events.authorization_update(asked, kind="updated"),
        ]
        for index in order:
            deliver(news[index])
        authorization = Authorization.objects.latest("id")
        hold = Hold.objects.latest("id")
        ends.add((authorization.status, authorization.approved_minor, hold.status))
    assert ends == {("reversed", 0, "released")}
    assert spent() == {0}


def test_an_authorization_that_only_the_issuer_declined_is_recorded(card: VirtualCard) -> None:
    asked = stripe_events.authorization_request(card=card.issuer_card_id)
    history = [{"approved": False, "reason": "card_inactive"}]

    deliver(stripe_events.authorization_update(asked, approved=False, status="closed", request_history=history))

    authorization = Authorization.objects.get()
    assert (authorization.status, authorization.card, authorization.approved_minor) == ("declined", card, 0)
    assert not Case.objects.exists()


def test_an_approval_that_never_asked_us_is_recorded_and_a_person_is_told(card: VirtualCard) -> None:
    asked = stripe_events.authorization_request(card=card.issuer_card_id)
    history = [{"approved": True, "reason": "network_stip"}]

    deliver(stripe_events.authorization_update(asked, request_history=history))

    assert (Authorization.objects.get().status, Authorization.objects.get().approved_minor) == ("approved", 4500)
    case = Case.objects.get()
    assert (case.kind, case.amount_minor, case.obligation) == ("approved_without_us", 4500, None)


def test_an_event_that_overtakes_our_own_commit_waits_for_it(card: VirtualCard) -> None:
    asked = stripe_events.authorization_request(card=card.issuer_card_id)
    news = stripe_events.authorization_update(asked)

    assert deliver(news) == "received"
    assert not Authorization.objects.exists()
    stripe_events.post(asked)

    assert dispatch.handle(event_pk=IssuerEvent.objects.get(event_id=news["id"]).pk) == "handled"
    assert Authorization.objects.get().authorization_code == "S604418"


def test_an_event_whose_decision_never_comes_is_recorded_in_the_end(card: VirtualCard) -> None:
    news = stripe_events.authorization_update(stripe_events.authorization_request(card=card.issuer_card_id))
    assert deliver(news) == "received"

    event = IssuerEvent.objects.get(event_id=news["id"])
    assert dispatch.handle(event_pk=event.pk, now=event.received_at + dispatch.WAIT_FOR_DECISION * 2) == "handled"

    assert Authorization.objects.get().status == "approved"
    assert Case.objects.get().kind == "approved_without_us"


def test_a_declined_increment_in_an_event_does_not_end_the_approval(card: VirtualCard) -> None:
    asked = approved(card)
    history = [{"approved": True, "reason": "webhook_approved"}, {"approved": False, "reason": "webhook_declined"}]

    deliver(stripe_events.authorization_update(asked, kind="updated", approved=False, request_history=history))

    assert Authorization.objects.get().status == "approved"
    assert spent() == {4500}


@pytest.mark.parametrize(
    "content", [{}, {"id": "iauth_1"}, {"id": "iauth_1", "card": "ic_1", "amount": "much"}, None, 5]
)
def test_a_malformed_event_is_rejected_with_its_reason(content: Any) -> None:
    assert deliver(stripe_events.event("issuing_authorization.updated", content)) == "rejected"

    event = IssuerEvent.objects.get()
    assert event.reason
    assert not Authorization.objects.exists()


def test_an_event_of_another_kind_is_kept(card: VirtualCard) -> None:
    assert deliver(stripe_events.event("issuing_token.created", {"id": "intok_1"})) == "kept"


def test_the_sweeper_handles_what_the_queue_forgot(card: VirtualCard) -> None:
    stripe_events.post(stripe_events.event("issuing_token.created", {"id": "intok_1"}))
    event = IssuerEvent.objects.get()

    assert dispatch.sweep() == 0
    assert dispatch.sweep(now=event.received_at + dispatch.SWEEP_AFTER * 2) == 1

    event.refresh_from_db()
    assert event.status == "kept"


def test_payment_intent_events_move_the_charge_and_strangers_are_kept(card: VirtualCard) -> None:
    approved(card)
    charge = FundingCharge.objects.get()
    FundingCharge.objects.update(status="processing", processor_charge_id="pi_1")
    content = {"id": "pi_1", "status": "succeeded", "metadata": {"funding_charge": str(charge.public_id)}}

    assert deliver(stripe_events.event("payment_intent.succeeded", content)) == "handled"
    assert deliver(stripe_events.event("payment_intent.succeeded", content | {"id": "pi_2", "metadata": {}})) == "kept"
    assert deliver(stripe_events.event("payment_intent.succeeded", {"status": "succeeded"})) == "rejected"
    assert deliver(stripe_events.event("payment_intent.processing", content | {"status": "processing"})) == "handled"

    charge.refresh_from_db()
    assert (charge.status, charge.obligation.status) == ("succeeded", "funded")


def test_a_charge_declined_by_event_is_passed_on(card: VirtualCard) -> None:
    approved(card)
    FundingCharge.objects.update(status="processing", processor_charge_id="pi_1")
    error = {"code": "card_declined", "decline_code": "insufficient_funds", "message": "Not enough."}
    content = {"id": "pi_1", "status": "requires_payment_method", "last_payment_error": error}

    deliver(stripe_events.event("payment_intent.payment_failed", content))

    assert (FundingCharge.objects.get().status, FundingObligation.objects.get().status) == ("declined", "failed")
    assert FundingCharge.objects.get().failure_message == "Not enough."
    assert Message.objects.filter(topic="funding.failed").count() == 1


def test_an_increment_after_the_end_is_declined(card: VirtualCard) -> None:
    asked = approved(card)
    deliver(stripe_events.authorization_update(asked, kind="updated", status="reversed", amount=0))
    more = stripe_events.authorization_request(
        card=card.issuer_card_id,
        authorization=asked["data"]["object"]["id"],
        amount=100,
        approved_before=4500,
        history=[{"approved": True}],
    )

    assert stripe_events.post(more).json()["metadata"]["onecard_reason"] == "authorization_not_open"
    assert spent() == {0}


@pytest.mark.parametrize(
    "odd", [{"currency": None}, {"card": None}, {"amount": None}, {"amount": -1}, {"currency": "x"}]
)
def test_an_odd_field_that_is_not_needed_does_not_keep_a_purchase_open(card: VirtualCard, odd: dict[str, Any]) -> None:
    asked = approved(card)

    deliver(stripe_events.authorization_update(asked, kind="updated", **({"status": "reversed", "amount": 0} | odd)))

    assert Authorization.objects.get().status == "reversed"
    assert spent() == {0}


@pytest.mark.parametrize("end", ["expired", "reversed"])
def test_what_is_closed_after_its_end_is_charged_again(card: VirtualCard, end: str) -> None:
    asked = approved(card)
    deliver(stripe_events.authorization_update(asked, kind="updated", status=end, amount=0))

    deliver(stripe_events.authorization_update(asked, kind="updated", status="closed"))

    assert Authorization.objects.get().status == "settled"
    owing = FundingObligation.objects.order_by("pk").values_list("status", "amount_minor")
    assert list(owing) == [("released", 4500), ("open", 4500)]
    assert not Case.objects.exists()


@pytest.mark.parametrize("status", ["pending", "closed"])
def test_an_issuer_approving_what_we_declined_opens_a_case_of_the_amount(card: VirtualCard, status: str) -> None:
    VirtualCard.objects.update(status="frozen")
    asked = stripe_events.authorization_request(card=card.issuer_card_id)
    assert stripe_events.post(asked).json()["approved"] is False
    history = [{"approved": True, "reason": "webhook_timeout"}]

    deliver(stripe_events.authorization_update(asked, status=status, request_history=history))

    assert Authorization.objects.get().approved_minor == 4500
    assert Case.objects.get(kind="approved_without_us").amount_minor == 4500
    assert Case.objects.get(kind="answers_failing").reference == "answers:stripe"


def test_a_request_after_the_issuers_own_decline_is_declined(card: VirtualCard) -> None:
    asked = stripe_events.authorization_request(card=card.issuer_card_id)
    history = [{"approved": False, "reason": "card_inactive"}]
    deliver(stripe_events.authorization_update(asked, approved=False, status="closed", request_history=history))

    assert stripe_events.post(asked).json()["metadata"]["onecard_reason"] == "authorization_not_open"
    assert not FundingCharge.objects.exists()


def test_a_payment_intent_that_is_merely_new_is_no_decline(card: VirtualCard) -> None:
    approved(card)
    charge = FundingCharge.objects.get()
    FundingCharge.objects.update(status="sending")
    content = {"id": "pi_1", "status": "requires_payment_method", "metadata": {"funding_charge": str(charge.public_id)}}

    for status in ("requires_payment_method", "requires_confirmation", "a_new_word"):
        assert deliver(stripe_events.event("payment_intent.created", content | {"status": status})) == "kept"

    charge.refresh_from_db()
    assert (charge.status, charge.method.cooling_until) == ("sending", None)


def test_events_that_wait_or_fail_do_not_hold_up_the_others(card: VirtualCard, monkeypatch: pytest.MonkeyPatch) -> None:
    stripe_events.post(
        stripe_events.authorization_update(stripe_events.authorization_request(card=card.issuer_card_id))
    )
    stripe_events.post(stripe_events.event("payment_intent.succeeded", {"id": "pi_1", "status": "succeeded"}))
    stripe_events.post(stripe_events.event("issuing_token.created", {"id": "intok_1"}))

    def fail(_outcome: object) -> bool:
        raise RuntimeError("a bug of ours")

    monkeypatch.setattr(outcomes, "apply_update", fail)
    last = IssuerEvent.objects.latest("id")
    dispatch.sweep(now=last.received_at + dispatch.SWEEP_AFTER * 2)

    assert list(IssuerEvent.objects.order_by("id").values_list("status", flat=True)) == ["received", "received", "kept"]
