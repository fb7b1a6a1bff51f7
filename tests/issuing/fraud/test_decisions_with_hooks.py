"""Decisions while hooks are asked: over both issuers, in the event loop and in threads."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from issuing.activity import declines
from issuing.authorizations import decision_store, together
from issuing.controls import compiled, life
from issuing.fraud import registry
from issuing.history import rebuilding
from issuing.models import CardHistory, Decision, FraudVerdict, VirtualCard
from tests.issuing.fraud import hooks
from tests.support import marqeta_events, stripe_events
from tests.support.controls import condition, in_force
from tests.support.together import deliver_together, known_card, of_marqeta, of_stripe
from tests.support.wallets import walkthrough_card
from wallet.models import Case

pytestmark = pytest.mark.django_db(transaction=True)

# Each asks for a purchase of one unit and returns whether it was approved.
Ask = Callable[[VirtualCard], bool]


@pytest.fixture(autouse=True)
def _fresh_process() -> Iterator[None]:
    hooks.calls.clear()
    yield
    registry.forget()
    together.forget()


def stripe_in_thread(card: VirtualCard) -> bool:
    asked = stripe_events.authorization_request(card=card.issuer_card_id, amount=100, card_presence="present")
    return bool(stripe_events.post(asked).json()["approved"])


def stripe_in_loop(card: VirtualCard) -> bool:
    asked = stripe_events.authorization_request(card=card.issuer_card_id, amount=100, card_presence="present")
    (answer,) = deliver_together([of_stripe(asked)])
    assert answer.in_loop
    return b'"approved": true' in answer.content


def marqeta_in_thread(card: VirtualCard) -> bool:
    answer = marqeta_events.ask(marqeta_events.gateway_request(card=card.issuer_card_id, amount=1))
    return bool(answer.status_code == 200)


def marqeta_in_loop(card: VirtualCard) -> bool:
    (answer,) = deliver_together([of_marqeta(marqeta_events.gateway_request(card=card.issuer_card_id, amount=1))])
    assert answer.in_loop
    return answer.status_code == 200


WAYS: dict[str, tuple[Callable[[], VirtualCard], Ask]] = {
    "stripe_in_thread": (walkthrough_card, stripe_in_thread),
    "stripe_in_loop": (walkthrough_card, stripe_in_loop),
    "marqeta_in_thread": (known_card, marqeta_in_thread),
    "marqeta_in_loop": (known_card, marqeta_in_loop),
}


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, settings: Any) -> tuple[VirtualCard, Ask]:
    """A card, and how it is asked about; its rules are in this process's memory."""
    make, ask = WAYS[request.param]
    settings.DECISION_DEADLINE_MS = 30_000
    card = make()
    warm = stripe_in_thread if request.param.startswith("stripe") else marqeta_in_thread
    assert warm(card)
    # On a busy machine a thread may be waited for longer than in production.
    settings.FRAUD_HOOK_BUDGET_MS = 300
    return card, ask


def names(*found: str) -> list[str]:
    return [f"{hooks.HERE}.{each}" for each in found]


def test_hooks_that_fail_are_skipped_and_counted(way: tuple[VirtualCard, Ask], settings: Any) -> None:
    card, ask = way
    settings.FRAUD_HOOKS = names("allows", "raises", "exits", "babbles", "scores_too_high", "inline_raises")

    assert ask(card)

    said = Decision.objects.latest("pk").trace["fraud"]
    outcomes = {name: verdict[0] for name, verdict in said.items()}
    assert outcomes == {
        "allows": "allow",
        "raises": "raised",
        "exits": "raised",
        "babbles": "invalid",
        "scores_too_high": "invalid",
        "inline_raises": "raised",
    }
    kept = dict(FraudVerdict.objects.values_list("hook", "outcome"))
    assert kept == {name: outcome for name, outcome in outcomes.items() if outcome != "allow"}
    assert not Case.objects.exists()


def test_a_hook_that_hangs_costs_its_budget_and_no_more(way: tuple[VirtualCard, Ask], settings: Any) -> None:
    card, ask = way
    settings.FRAUD_HOOK_BUDGET_MS = 50
    settings.FRAUD_HOOKS = names("hangs", "flags")

    began = time.monotonic()
    assert all(ask(card) for _ in range(5))
    took_s = time.monotonic() - began

    # Two calls hang, the third finds no thread, and then it is left alone.
    outcomes = [each.trace["fraud"]["hangs"][0] for each in Decision.objects.order_by("pk")[1:]]
    assert outcomes == ["late", "late", "busy", "open", "open"]
    assert took_s < 5
    assert len(hooks.calls) == 2
    assert FraudVerdict.objects.filter(hook="flags", outcome="flag").count() == 5


def test_a_flag_approves_and_opens_one_case_of_the_card(way: tuple[VirtualCard, Ask], settings: Any) -> None:
    card, ask = way
    settings.FRAUD_HOOKS = names("flags", "refuses")

    assert all([ask(card), ask(card)])

    case = Case.objects.get()
    assert (case.kind, case.reference, case.status) == ("suspected_fraud", f"virtualcard:{card.pk}", "open")
    assert case.summary == "refuses: Surely stolen. flags: Looks odd."
    assert case.due_on is not None
    assert set(FraudVerdict.objects.values_list("outcome", "score")) == {("flag", 55), ("would_decline", 99)}
    assert set(FraudVerdict.objects.values_list("case", flat=True)) == {case.pk}


def test_a_decline_is_followed_where_it_may_decline(way: tuple[VirtualCard, Ask], settings: Any) -> None:
    card, ask = way
    settings.FRAUD_HOOKS = names("refuses")
    settings.FRAUD_DECLINING_HOOKS = names("refuses")

    assert not ask(card)

    decision = Decision.objects.latest("pk")
    assert (decision.approved, decision.decline_reason) == (False, "suspected_fraud")
    issuers_word = b"SUSPECTED_FRAUD" if card.issuer_provider == "marqeta" else b'"onecard_reason": "suspected_fraud"'
    assert issuers_word in bytes(decision.response)
    assert declines.sentence(decision, time_zone="UTC").startswith("It looked unlike you")
    assert FraudVerdict.objects.get().outcome == "decline"
    assert Case.objects.get().kind == "suspected_fraud"


def test_no_hook_is_asked_about_what_is_declined_anyway(way: tuple[VirtualCard, Ask], settings: Any) -> None:
    card, ask = way
    settings.FRAUD_HOOKS = names("allows", "flags")
    version = in_force(when=[condition("mcc", "5812")])
    compiled.current()

    assert not ask(card)

    decision = Decision.objects.latest("pk")
    assert (decision.decline_reason, decision.trace.get("fraud")) == (version.reason_code, None)
    assert (hooks.calls, FraudVerdict.objects.count(), Case.objects.count()) == ([], 0, 0)
    # It is in the card's past for the next one.
    life.switch_off(version, actor="user:2", reason="Tried.")
    compiled.current()
    assert ask(card)
    assert hooks.calls[-1].history.consecutive_declines == 1


@pytest.mark.parametrize("way", ["stripe_in_loop", "marqeta_in_loop"], indirect=True)
def test_the_past_of_a_known_card_is_read_alone(
    way: tuple[VirtualCard, Ask], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    card, ask = way
    settings.FRAUD_HOOKS = names("allows")
    assert ask(card)
    CardHistory.objects.update(approvals=77, approved_minor=7_700)
    monkeypatch.setattr(decision_store, "read_cards", None)
    assert ask(card)
    assert hooks.calls[-1].history.approvals < 10

    settings.CARD_HISTORY_MAX_AGE_S = 0
    assert ask(card)

    assert hooks.calls[-1].history.approvals >= 77


def test_a_slow_inline_hook_is_late_whatever_it_says(way: tuple[VirtualCard, Ask], settings: Any) -> None:
    card, ask = way
    settings.FRAUD_HOOK_BUDGET_MS = 30
    settings.FRAUD_HOOKS = settings.FRAUD_DECLINING_HOOKS = names("inline_is_slow")

    assert ask(card)

    assert FraudVerdict.objects.get().outcome == "late"


def test_hooks_see_the_past_that_is_kept(way: tuple[VirtualCard, Ask], settings: Any) -> None:
    card, ask = way
    settings.FRAUD_HOOKS = names("allows")

    assert all([ask(card), ask(card), ask(card)])

    assert [each.history.approvals for each in hooks.calls] == [1, 2, 3]
    first, *_ = hooks.calls
    assert first.history.countries == {first.merchant.country}
    assert not first.history.is_new_merchant(first.merchant)
    assert CardHistory.objects.get().approvals == 4
    assert rebuilding.rebuild_card(card.pk) is False


def test_where_the_card_was_present_is_kept(way: tuple[VirtualCard, Ask], settings: Any) -> None:
    """Both issuers say by their own words that the card is there; Marqeta sends a postal code as well."""
    card, ask = way
    settings.FRAUD_HOOKS = names("allows")

    assert all([ask(card), ask(card)])

    seen = hooks.calls[-1].history.last_present
    assert seen is not None
    assert (seen.country, bool(seen.city)) == ("US", True)
    assert abs(seen.at_ms / 1000 - time.time()) < 60
