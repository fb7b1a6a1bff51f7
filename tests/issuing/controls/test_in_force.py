"""A control takes effect at once, in every way in which a purchase is decided, and stand-in respects it."""

import datetime as dt
from typing import Any

import pytest
import time_machine

from issuing.authorizations import decision_store, together
from issuing.controls import counters, life
from issuing.models import ControlHit, Decision, VelocityCounter, VelocityEntry
from onecard.kit import clock
from tests.support import stripe_events
from tests.support.controls import ask, condition, in_force, shadow, velocity
from tests.support.stand_ins import ask as ask_stand_in
from tests.support.stand_ins import fold, stand_in, take_snapshot
from tests.support.together import post_together
from tests.support.wallets import walkthrough_card

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _empty_memory(settings: Any) -> Any:
    settings.DECISION_DEADLINE_MS = 30_000
    yield
    together.forget()


def asked_together(card: Any, **more: Any) -> dict[str, Any]:
    (answer,) = post_together([stripe_events.authorization_request(card=card.issuer_card_id, amount=100, **more)])
    return answer


def test_it_is_compiled_by_a_thread_and_then_decides_in_the_event_loop() -> None:
    card = walkthrough_card()
    ask(card, 100)
    assert asked_together(card)["in_loop"]
    version = in_force(when=[condition("mcc", "5812")])

    answers = [asked_together(card), asked_together(card)]

    assert [answer["approved"] for answer in answers] == [False, False]
    assert [answer["in_loop"] for answer in answers] == [False, True]
    assert answers[1]["metadata"]["onecard_reason"] == version.reason_code
    assert ControlHit.objects.filter(version=version).count() == 2
    life.switch_off(version, actor="user:1", reason="Enough.")
    assert asked_together(card)["approved"]


def test_in_the_event_loop_shadows_flags_and_counters_are_on_record() -> None:
    card = walkthrough_card()
    shadow(velocity=velocity(150))
    in_force(velocity=velocity(150), action={"kind": "flag"})
    ask(card, 100)

    assert asked_together(card)["in_loop"]

    assert set(ControlHit.objects.values_list("in_shadow", "action")) == {(True, "decline"), (False, "flag")}
    assert set(VelocityCounter.objects.values_list("spent_minor", flat=True)) == {100, 200}


@pytest.mark.parametrize("subject", ["programme", "card", "cardholder"])
def test_a_control_that_comes_between_read_and_commit_decides(subject: str, monkeypatch: pytest.MonkeyPatch) -> None:
    card, usual, made = walkthrough_card(), decision_store.record, []
    whose = {"programme": {}, "card": {"card": card}, "cardholder": {"cardholder": card.cardholder}}[subject]

    def record(*args: Any, **more: Any) -> Any:
        if not made:
            made.append(in_force(when=[condition("mcc", "5812")], **whose))
        return usual(*args, **more)

    monkeypatch.setattr(decision_store, "record", record)

    assert ask(card) == made[0].reason_code
    assert Decision.objects.count() == 1


def test_a_repeat_and_a_twin_count_once() -> None:
    card = walkthrough_card()
    in_force(velocity=velocity(100_000))
    event = stripe_events.authorization_request(card=card.issuer_card_id)
    answers = [stripe_events.post(each) for each in (event, event, event | {"id": stripe_events.unique("evt")})]

    assert len({answer.content for answer in answers}) == 1
    assert VelocityCounter.objects.values_list("spent_minor", "count").get() == (4_500, 1)


@pytest.mark.parametrize(
    ("written", "approved"),
    [
        ({"when": [condition("mcc", "7995")]}, False),
        ({"velocity": velocity(100_000)}, False),
        ({"when": [condition("mcc", "7995")], "action": {"kind": "flag"}}, True),
        (None, True),
    ],
)
def test_stand_in_approves_only_where_no_control_could_decline(written: Any, approved: bool, tmp_path: Any) -> None:
    card = walkthrough_card()
    if written:
        in_force(**written)
    with stand_in(tmp_path / "place", STAND_IN_POLICY="approve"):
        take_snapshot()
        answer = ask_stand_in(stripe_events.authorization_request(card=card.issuer_card_id, amount=500))

    assert answer["approved"] is approved
    assert approved or answer["metadata"]["onecard_reason"] == "stand_in_under_controls"


def test_what_stand_in_approved_counts_over_a_limit_as_well(tmp_path: Any) -> None:
    card = walkthrough_card()
    with stand_in(tmp_path / "place", STAND_IN_POLICY="approve") as place:
        take_snapshot()
        assert ask_stand_in(stripe_events.authorization_request(card=card.issuer_card_id, amount=500))["approved"]
        version = in_force(velocity=velocity(400))
        in_force(when=[condition("mcc", "5812")], velocity=velocity(400, "purchase"))
        assert fold(place) == {"approved": 1}

    assert VelocityCounter.objects.values_list("spent_minor", "count").get() == (500, 1)
    # Nobody asked the control that would have declined, so it is not on record.
    assert not ControlHit.objects.exists()
    assert ask(card, 1) == version.reason_code


def test_entries_that_no_trailing_window_holds_are_deleted() -> None:
    in_force(velocity=velocity(5, "trailing", measure="count", trailing_s=60))
    card = walkthrough_card()
    with time_machine.travel(clock.now() - dt.timedelta(days=32), tick=False):
        ask(card, 100)
    ask(card, 200)

    counters.forget_old(now=clock.now())

    assert VelocityEntry.objects.get().amount_minor == 200
