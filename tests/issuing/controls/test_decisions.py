"""What controls do to a purchase, the same over both issuers."""

import datetime as dt
from typing import Any

import pytest
import time_machine

from issuing.activity import declines
from issuing.controls import life, own, passes
from issuing.controls.errors import MoveError
from issuing.models import ControlHit, ControlVersion, Decision, Hold, SpendWindow, VelocityCounter, VirtualCard
from tests.support import marqeta_events, stripe_events
from tests.support.controls import (
    ISSUERS,
    answer_to,
    ask,
    condition,
    in_force,
    last_purchase,
    question,
    shadow,
    velocity,
)
from tests.support.wallets import marqeta_card, walkthrough_card

pytestmark = pytest.mark.django_db
# A Thursday in the middle of everything.
NOON = "2026-06-11T16:00:00+00:00"
# When each window has ended; the cardholder's days are UTC's.
WINDOWS = {
    "trailing": "2026-06-11T17:00:00+00:00",
    "day": "2026-06-12T00:00:00+00:00",
    "week": "2026-06-15T00:00:00+00:00",
    "month": "2026-07-01T00:00:00+00:00",
    "year": "2027-01-01T00:00:00+00:00",
    "lifetime": None,
}


@pytest.fixture(params=ISSUERS)
def card(request: Any) -> VirtualCard:
    limits = {"daily_limit_minor": 900_000, "monthly_limit_minor": 900_000, "per_transaction_limit_minor": 900_000}
    return marqeta_card(**limits) if request.param == "marqeta" else walkthrough_card(**limits)


@pytest.mark.parametrize("measure", ["amount", "count"])
@pytest.mark.parametrize("window", WINDOWS)
def test_a_velocity_lets_no_more_pass_until_its_window_ends(card: VirtualCard, window: str, measure: str) -> None:
    more = {"trailing_s": 3_600} if window == "trailing" else {}
    type(card.cardholder).objects.update(time_zone="UTC")
    most = 9_000 if measure == "amount" else 2
    version = in_force(velocity=velocity(most, window, measure=measure, **more))

    with time_machine.travel(NOON, tick=False) as now:
        assert [ask(card) for _ in range(3)] == ["", "", version.reason_code]
        assert ask(card, 0) == ""
        ends = dt.datetime.fromisoformat(WINDOWS[window] or "2036-01-01T00:00:00+00:00")
        now.move_to(ends - dt.timedelta(seconds=1))
        assert ask(card) == version.reason_code
        now.move_to(ends)
        assert ask(card) == ("" if WINDOWS[window] else version.reason_code)


def test_one_purchase_over_all_its_rounds_has_a_limit(card: VirtualCard) -> None:
    version = in_force(velocity=velocity(5_000, "purchase"))

    assert [ask(card, 5_000), ask(card, 5_001)] == ["", version.reason_code]


def test_an_increment_adds_its_amount_and_is_no_further_purchase() -> None:
    card = marqeta_card()
    once = in_force(velocity=velocity(1, "lifetime", measure="count"))
    amounts = in_force(velocity=velocity(5_500, "lifetime"))
    first = question(card)
    assert answer_to(card, first) == ""

    assert answer_to(card, marqeta_events.increment(first)) == ""
    assert answer_to(card, marqeta_events.increment(first, amount=6)) == amounts.reason_code
    assert ask(card, 100) == once.reason_code
    assert set(VelocityCounter.objects.values_list("spent_minor", "count")) == {(5_000, 1)}


@pytest.mark.parametrize("per", ["card", "cardholder", "programme"])
def test_a_counter_is_of_its_subject(card: VirtualCard, per: str) -> None:
    version = in_force(velocity=velocity(1, measure="count", per=per))
    sibling = walkthrough_card()
    VirtualCard.objects.filter(pk=sibling.pk).update(cardholder=card.cardholder)
    stranger = walkthrough_card()
    assert ask(card) == ""

    declined = [ask(each) == version.reason_code for each in (sibling, stranger)]

    assert declined == [per != "card", per == "programme"]


def test_what_does_not_fit_the_filter_is_not_counted(card: VirtualCard) -> None:
    version = in_force(velocity=velocity(1, measure="count"), when=[condition("mcc", "5999")])

    assert [ask(card), ask(card), ask(card, mcc="5999"), ask(card, mcc="5999")] == ["", "", "", version.reason_code]


def test_the_cardholder_reads_the_controls_own_sentence(card: VirtualCard) -> None:
    in_force(velocity=velocity(1_000), sentence="Only ten dollars a day.", reason_code="ten_a_day")

    assert ask(card) == "ten_a_day"

    decision = Decision.objects.latest("pk")
    assert declines.why(last_purchase(), decision, time_zone="UTC") == ("ten_a_day", "Only ten dollars a day.")
    assert decision.trace["control"]["used"] == 0
    assert "ten_a_day" in bytes(decision.response).decode()
    assert (Hold.objects.count(), SpendWindow.objects.filter(spent_minor__gt=0).count()) == (0, 0)


def test_a_condition_declines_with_its_reason_and_a_hit(card: VirtualCard) -> None:
    version = in_force(when=[condition("merchant_name", "star*", "matches")])

    assert ask(card) == version.reason_code

    hit = ControlHit.objects.get()
    assert (hit.version, hit.action, hit.in_shadow, hit.amount_minor) == (version, "decline", False, 4_500)
    assert hit.decision == Decision.objects.get()


def test_a_flag_approves_and_is_on_record(card: VirtualCard) -> None:
    in_force(when=[condition("amount", [4_000, None], "between")], action={"kind": "flag"})
    in_force(velocity=velocity(4_000), action={"kind": "flag"})

    assert ask(card) == ""

    assert set(ControlHit.objects.values_list("action", "in_shadow")) == {("flag", False)}
    assert (ControlHit.objects.count(), VelocityCounter.objects.get().spent_minor) == (2, 4_500)


def test_a_shadow_version_is_on_record_and_does_nothing(card: VirtualCard) -> None:
    shadow(when=[condition("mcc", "5812")])
    counted = shadow(velocity=velocity(5_000))

    assert [ask(card), ask(card), ask(card, 500)] == ["", "", ""]

    assert ControlHit.objects.filter(in_shadow=True).count() == 4
    # It would have declined the second, so it counts the others.
    assert VelocityCounter.objects.get(version=counted).spent_minor == 5_000


def test_whoever_is_excluded_is_left_alone(card: VirtualCard) -> None:
    version = in_force(when=[condition("mcc", "5812")])
    other = walkthrough_card()
    life.exclude(version.control, cards=[card.pk], cardholders=[other.cardholder_id], actor="user:1", reason="VIP.")

    assert [ask(card), ask(other), ask(walkthrough_card())] == ["", "", version.reason_code]


def test_a_control_of_one_card_or_cardholder_is_for_nobody_else(card: VirtualCard) -> None:
    of_card = in_force(when=[condition("mcc", "5812")], card=card)
    other = walkthrough_card()
    of_person = in_force(when=[condition("mcc", "5812")], cardholder=other.cardholder)

    reasons = [ask(each) for each in (card, other, walkthrough_card())]

    assert reasons == [of_card.reason_code, of_person.reason_code, ""]


def test_a_cards_controls_go_on_with_the_card_that_takes_its_place(card: VirtualCard) -> None:
    own.make_single_use(card, actor="user:9")
    assert ask(card) == ""
    after = walkthrough_card(replaces=card)

    assert ask(after) == own.SINGLE_USE


def test_cash_is_declined_by_the_control_that_we_ship(card: VirtualCard) -> None:
    assert ask(card, mcc="6011") == "cash_not_allowed"

    sentence = declines.sentence(Decision.objects.latest("pk"), time_zone="UTC")
    assert sentence == "Cash and things like cash cannot be bought with this card."
    life.switch_off(ControlVersion.objects.get(reason_code="cash_not_allowed"), actor="user:1", reason="A licence.")
    assert ask(card, mcc="6011") == ""


def test_a_single_use_card_is_for_one_purchase_and_checks_for_no_amount(card: VirtualCard) -> None:
    own.make_single_use(card, actor="user:9")

    assert [ask(card, 0), ask(card), ask(card, 100)] == ["", "", own.SINGLE_USE]
    with pytest.raises(MoveError):
        own.make_single_use(card, actor="user:9")
    own.remove_own(own.own_controls(card)[0], actor="user:9")
    assert ask(card, 100) == ""


@pytest.mark.parametrize(
    ("merchant", "reason"),
    [
        ({"network_id": "1234567890"}, ""),
        ({"name": "starbucks COFFEE"}, ""),
        ({"network_id": "1", "name": "Starbucks Coffee"}, ""),
        ({"network_id": "1"}, own.OTHER_MERCHANT),
        ({"name": "Starbucks"}, own.OTHER_MERCHANT),
    ],
)
def test_a_merchant_locked_card_pays_there_only(card: VirtualCard, merchant: dict[str, str], reason: str) -> None:
    own.lock_to_merchant(card, **merchant, actor="user:9")

    assert ask(card) == reason


@pytest.mark.parametrize("counted", [False, True])
def test_it_was_me_lets_one_retry_at_the_same_merchant_pass(card: VirtualCard, counted: bool) -> None:
    written = {"velocity": velocity(1_000)} if counted else {"when": [condition("mcc", "5812")]}
    version = in_force(**written, allows_pass=True)
    assert ask(card) == version.reason_code
    declined = Decision.objects.latest("pk")
    passes.open_pass(declined, actor="user:9")

    with pytest.raises(MoveError):
        passes.open_pass(declined, actor="user:9")
    assert [ask(card, 4_501), ask(card), ask(card)] == [version.reason_code, "", version.reason_code]


@pytest.mark.parametrize("counted", [False, True])
def test_it_was_me_lets_one_retry_pass_a_flag_too(card: VirtualCard, counted: bool) -> None:
    written = {"velocity": velocity(1_000)} if counted else {"when": [condition("mcc", "5812")]}
    in_force(**written, action={"kind": "flag"}, allows_pass=True)
    assert ask(card) == ""
    passes.open_pass(Decision.objects.latest("pk"), actor="user:9")

    assert [(ask(card), ControlHit.objects.count()) for _ in range(2)] == [("", 1), ("", 2)]


def test_a_pass_ends_by_itself(card: VirtualCard, settings: Any) -> None:
    version = in_force(when=[condition("mcc", "5812")], allows_pass=True)
    with time_machine.travel(NOON, tick=False) as now:
        ask(card)
        passes.open_pass(Decision.objects.latest("pk"), actor="user:9")
        now.shift(dt.timedelta(minutes=settings.CONTROL_PASS_MIN))

        assert ask(card) == version.reason_code


def test_a_part_is_approved_where_the_issuer_lets_us() -> None:
    card, whole = walkthrough_card(), {"amount": 4_500, "currency": "usd", "is_amount_controllable": True}
    in_force(when=[condition("mcc", "5812")], action={"kind": "approve_in_part", "most_minor": 4_000})
    left = in_force(velocity=velocity(6_000), action={"kind": "approve_in_part"})
    asked = [stripe_events.authorization_request(card=card.issuer_card_id, pending_request=whole) for _ in range(3)]

    answers = [stripe_events.post(each).json() for each in asked]

    assert [answer["approved"] for answer in answers] == [True, True, False]
    assert [answer.get("amount") for answer in answers] == [4_000, 2_000, None]
    assert stripe_events.post(asked[1]).json() == answers[1]
    assert list(Decision.objects.order_by("pk").values_list("amount_minor", flat=True)) == [4_000, 2_000, 4_500]
    assert Decision.objects.latest("pk").decline_reason == left.reason_code
    assert set(SpendWindow.objects.values_list("spent_minor", flat=True)) == {6_000}
    assert VelocityCounter.objects.get().spent_minor == 6_000


def test_a_part_is_declined_where_the_issuer_does_not_let_us(card: VirtualCard) -> None:
    version = in_force(when=[condition("mcc", "5812")], action={"kind": "approve_in_part", "most_minor": 4_000})

    assert [ask(card, 4_000), ask(card, 4_001)] == ["", version.reason_code]


def test_head_room_is_held_on_the_limits_beyond_the_amount(card: VirtualCard) -> None:
    in_force(when=[condition("mcc", "5812")], action={"kind": "adjust_hold", "percent": 20})
    in_force(velocity=velocity(10_000))

    assert ask(card) == ""

    purchase = last_purchase()
    assert (purchase.approved_minor, purchase.decisions.get().amount_minor) == (4_500, 4_500)
    assert set(SpendWindow.objects.values_list("spent_minor", flat=True)) == {5_400}
    assert VelocityCounter.objects.get().spent_minor == 5_400
    VirtualCard.objects.filter(pk=card.pk).update(per_transaction_limit_minor=10_700, daily_limit_minor=10_700)
    assert ask(card) == "daily_limit_exceeded"


def test_a_day_of_23_or_25_hours_is_one_window(card: VirtualCard) -> None:
    type(card.cardholder).objects.update(time_zone="America/New_York")
    version = in_force(velocity=velocity(1, measure="count"))
    for midnight, hours in (("2026-03-08T05:00:00Z", 23), ("2026-11-01T04:00:00Z", 25)):
        with time_machine.travel(midnight, tick=False) as now:
            assert ask(card) == ""
            now.shift(dt.timedelta(hours=hours, seconds=-1))
            assert ask(card) == version.reason_code
            now.shift(dt.timedelta(seconds=1))
            assert ask(card) == ""


def test_a_move_to_another_time_zone_gives_no_fresh_window(card: VirtualCard) -> None:
    version = in_force(velocity=velocity(1, measure="count"))
    with time_machine.travel("2026-06-11T23:30:00Z", tick=False) as now:
        assert ask(card) == ""
        type(card.cardholder).objects.update(time_zone="Asia/Tokyo")
        now.shift(dt.timedelta(minutes=1))
        assert ask(card) == version.reason_code
