"""Between a decision's read and its commit rows change, time runs out and copies arrive (money-safety I5, I6, I18)."""

import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
import time_machine

from audit.models import Entry
from issuing import journal
from issuing.authorizations import decision_store
from issuing.authorizations.facts import Facts
from issuing.models import Authorization, Decision, Hold, IssuerEvent, JournalEntry, SpendWindow, VirtualCard
from tests.support import stripe_events
from tests.support.wallets import walkthrough_card
from wallet.models import Cardholder, FundingCharge, FundingMethod

pytestmark = pytest.mark.django_db

Patch = pytest.MonkeyPatch


def ask(card: VirtualCard, **changes: Any) -> dict[str, Any]:
    answer: dict[str, Any] = stripe_events.post(
        stripe_events.authorization_request(card=card.issuer_card_id, **changes)
    ).json()
    return answer


def post(asked: dict[str, Any]) -> bytes:
    answered: bytes = stripe_events.post(asked).content
    return answered


def reason(answer: dict[str, Any]) -> str:
    return str(answer["metadata"].get("onecard_reason", ""))


def meanwhile(monkeypatch: Patch, change: Callable[[], object], *, times: int = 1) -> None:
    """Somebody commits `change` between our read and our commit, so many times."""
    read, done = decision_store.read, []

    def and_then(*args: Any, **kwargs: Any) -> Facts:
        seen = read(*args, **kwargs)
        if len(done) < times:
            done.append(change())
        return seen

    monkeypatch.setattr(decision_store, "read", and_then)


def test_a_copy_gets_the_answer_that_is_still_in_the_journal(monkeypatch: Patch) -> None:
    card = walkthrough_card()
    # What a session has met before is in the plans that it keeps.
    ask(card)
    monkeypatch.setattr(journal, "write_soon", lambda *_names: None)
    asked = stripe_events.authorization_request(card=card.issuer_card_id)
    first: list[bytes] = []
    meanwhile(monkeypatch, lambda: None if first else first.append(b"") or first.append(post(asked)))

    assert post(asked) == first[-1]
    assert JournalEntry.objects.count() == 1
    assert Decision.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda: VirtualCard.objects.update(status="frozen"), "card_not_active"),
        (lambda: VirtualCard.objects.update(per_transaction_limit_minor=1), "per_transaction_limit_exceeded"),
        (lambda: FundingMethod.objects.update(status="disabled"), "no_funding_card"),
        (lambda: Cardholder.objects.update(kyc_status="rejected"), "kyc_not_verified"),
    ],
)
def test_what_changed_since_the_read_counts(monkeypatch: Patch, change: Callable[[], object], why: str) -> None:
    card = walkthrough_card()
    meanwhile(monkeypatch, change)

    assert reason(ask(card)) == why
    assert not FundingCharge.objects.exists()


def increment(asked: dict[str, Any], card: VirtualCard, amount: int) -> dict[str, Any]:
    return ask(
        card,
        authorization=asked["data"]["object"]["id"],
        amount=amount,
        approved_before=4500,
        history=[{"approved": True}],
    )


def test_two_increments_together_stay_under_the_limit_for_one_purchase(monkeypatch: Patch) -> None:
    card = walkthrough_card(per_transaction_limit_minor=5000)
    asked = stripe_events.authorization_request(card=card.issuer_card_id)
    stripe_events.post(asked)
    meanwhile(monkeypatch, lambda: Authorization.objects.update(approved_minor=5000))

    assert reason(increment(asked, card, 500)) == "per_transaction_limit_exceeded"


@pytest.mark.parametrize(
    ("status", "is_open"),
    [("approved", True), ("declined", False), ("settled", False), ("reversed", False), ("expired", False)],
)
def test_only_a_purchase_that_stands_takes_another_round(status: str, is_open: bool) -> None:
    card = walkthrough_card()
    asked = stripe_events.authorization_request(card=card.issuer_card_id)
    stripe_events.post(asked)
    Authorization.objects.update(status=status)

    assert increment(asked, card, 100)["approved"] is is_open


def late(monkeypatch: Patch, settings: Any, event: dict[str, Any]) -> Any:
    """The answer to an event whose commit comes back after the deadline."""
    record = decision_store.record
    settings.DECISION_DEADLINE_MS = 300

    def slow(*args: Any, **kwargs: Any) -> decision_store.Result:
        outcome = record(*args, **kwargs)
        time.sleep(0.35)
        return outcome

    with monkeypatch.context() as patched:
        patched.setattr(decision_store, "record", slow)
        answer = stripe_events.post(event)
    settings.DECISION_DEADLINE_MS = 1000
    return answer


def test_after_a_withdrawal_every_repeat_gets_the_correction(settings: Any, monkeypatch: Patch) -> None:
    asked = stripe_events.authorization_request(card=walkthrough_card().issuer_card_id)
    answer = late(monkeypatch, settings, asked)
    assert answer.json()["approved"] is False

    assert stripe_events.post(asked).content == answer.content
    assert stripe_events.post(asked | {"id": stripe_events.unique("evt")}).content == answer.content
    read = decision_store.read
    monkeypatch.setattr(decision_store, "read", lambda *a, **k: msgspec.structs.replace(read(*a, **k), answered=None))
    assert stripe_events.post(asked).content == answer.content, "the committing statement knows it too"


def test_a_decline_that_comes_late_is_not_corrected(settings: Any, monkeypatch: Patch) -> None:
    card = walkthrough_card(status="frozen")

    answer = late(monkeypatch, settings, stripe_events.authorization_request(card=card.issuer_card_id))

    assert reason(answer.json()) == "card_not_active"
    assert Decision.objects.count() == 1


def test_a_copy_that_comes_back_late_leaves_the_timely_answer_alone(settings: Any, monkeypatch: Patch) -> None:
    asked = stripe_events.authorization_request(card=walkthrough_card().issuer_card_id)
    first = stripe_events.post(asked)
    settings.DECISION_DEADLINE_MS = 200
    meanwhile(monkeypatch, lambda: time.sleep(0.25))

    assert stripe_events.post(asked).content == first.content
    assert Hold.objects.get().status == "placed"


@pytest.mark.usefixtures("usual_deadline")
def test_the_statement_gets_the_rest_of_the_deadline_and_declines_past_it(monkeypatch: Patch) -> None:
    card, record, left = walkthrough_card(), decision_store.record, []

    def watched(proposal: dict[str, Any], body: bytes, *, remaining_ms: float) -> decision_store.Result:
        left.append((proposal["remaining_ms"], remaining_ms))
        return record(proposal | {"remaining_ms": -1}, body, remaining_ms=1000)

    monkeypatch.setattr(decision_store, "record", watched)
    meanwhile(monkeypatch, lambda: time.sleep(0.2))

    assert reason(ask(card)) == "deadline_exceeded"
    assert max(left[0]) <= 800


def test_an_event_kept_as_rejected_is_decided_once_it_is_understood() -> None:
    asked = stripe_events.authorization_request(card=walkthrough_card().issuer_card_id)
    stripe_events.post(asked | {"data": {"object": {}}})
    assert IssuerEvent.objects.get().status == "rejected"

    assert stripe_events.post(asked).json()["approved"] is True
    event = IssuerEvent.objects.get()
    assert (event.status, event.reason) == ("handled", "")


def test_a_verification_opens_no_window_and_needs_no_funding_card() -> None:
    card = walkthrough_card()
    FundingMethod.objects.update(status="disabled")

    assert ask(card, amount=0)["approved"] is True
    assert not SpendWindow.objects.exists()


def test_the_trail_names_amount_reason_and_method() -> None:
    ask(walkthrough_card())

    details = Entry.objects.get().details
    named = {name: details[name] for name in ("amount_minor", "currency", "reason", "method_id")}
    chosen = FundingCharge.objects.get().method_id
    assert named == {"amount_minor": 4500, "currency": "USD", "reason": "", "method_id": chosen}


def test_a_server_with_a_slow_clock_counts_in_the_window_of_its_own_time() -> None:
    card = walkthrough_card(daily_limit_minor=5000)
    approved = []
    for at, amount in (("03:00:00", 4500), ("04:00:00", 100), ("03:59:59", 4500)):
        with time_machine.travel(f"2026-06-10T{at}Z", tick=False):
            approved.append(ask(card, amount=amount)["approved"])

    assert approved == [True, True, False]
    assert sorted(SpendWindow.objects.filter(kind="day").values_list("spent_minor", flat=True)) == [100, 4500]


def test_the_month_ends_at_local_midnight_and_so_does_a_cards_last_day() -> None:
    card = walkthrough_card(monthly_limit_minor=5000)
    FundingMethod.objects.filter(is_backup=True).update(expiry_year=2026, expiry_month=6)
    answers = []
    for at in ("2026-07-01T03:00:00Z", "2026-07-01T03:59:00Z", "2026-07-01T04:00:00Z"):
        with time_machine.travel(at, tick=False):
            answers.append(ask(card)["approved"])

    assert answers == [True, False, True]
    networks = list(FundingCharge.objects.order_by("id").values_list("method__network", flat=True))
    assert networks == ["mastercard", "amex"]


@pytest.mark.parametrize("mcc", ["4829", "6010", "6011", "6051", "6538", "6540"])
def test_each_way_to_cash_is_refused(mcc: str) -> None:
    assert reason(ask(walkthrough_card(), mcc=mcc)) == "cash_not_allowed"
