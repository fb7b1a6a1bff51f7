"""A control's preview judges stored purchases as the control then judges the same ones; it changes nothing itself."""

import datetime as dt
from dataclasses import dataclass
from typing import Any, Final

import pytest
from django.db import connection

from issuing.backtest.controls import asking
from issuing.backtest.controls import preview as work
from issuing.controls import life
from issuing.handlers import dispatch
from issuing.models import (
    ControlHit,
    ControlPreview,
    ControlPreviewHit,
    ControlVersion,
    Decision,
    EventBody,
    SpendWindow,
    VelocityCounter,
    VirtualCard,
)
from onecard.kit import clock
from onecard.outbox.models import Message
from tests.support import stripe_events
from tests.support.factories import UserFactory
from tests.support.wallets import walkthrough_card

pytestmark = pytest.mark.django_db

Effect = ControlPreviewHit.Effect
DAY: Final = dt.timedelta(days=1)
DECLINE: Final = {"kind": "decline"}
LIMITS: Final = {
    "per_transaction_limit_minor": 500_000,
    "daily_limit_minor": 5_000_000,
    "monthly_limit_minor": 50_000_000,
}


@dataclass(frozen=True)
class Bought:
    """One purchase: hours after the first one, the amount, and what else the request says."""

    after_h: float
    amount: int
    mcc: str = "5812"
    reverse_after_h: float | None = None


def draft(definition: dict[str, Any], **more: Any) -> ControlVersion:
    author = UserFactory(is_staff=True)
    values = {"name": "Tried", "reason_code": "tried_out", "sentence": "It was too much."} | more
    return life.create(definition=definition, actor=f"user:{author.pk}", **values)


def put_into_force(version: ControlVersion) -> None:
    life.to_shadow(version, actor=version.author)
    life.activate(version, actor=f"user:{UserFactory(is_staff=True).pk}")


def play(card: VirtualCard, purchases: list[Bought], *, begin: dt.timedelta) -> list[int]:
    """Buys these in order, with their reversals between them; returns the decisions, one for each."""
    steps: list[tuple[float, int, str]] = []
    for number, each in enumerate(purchases):
        steps.append((each.after_h, number, "buy"))
        if each.reverse_after_h is not None:
            steps.append((each.after_h + each.reverse_after_h, number, "reverse"))
    asked: dict[int, Any] = {}
    for after_h, number, what in sorted(steps):
        with clock.ahead(begin + dt.timedelta(hours=after_h)):
            if what == "buy":
                asked[number] = _buy(card, purchases[number])
            else:
                _reverse(asked[number])
    ids = [each["id"] for _number, each in sorted(asked.items())]
    made = dict(Decision.objects.filter(event__event_id__in=ids).values_list("event__event_id", "pk"))
    return [made[each] for each in ids]


def _buy(card: VirtualCard, bought: Bought) -> Any:
    asked = stripe_events.authorization_request(card=card.issuer_card_id, amount=bought.amount, mcc=bought.mcc)
    assert stripe_events.post(asked).status_code == 200
    return asked


def _reverse(asked: Any) -> None:
    update = stripe_events.authorization_update(asked, kind="updated", status="reversed", amount=0)
    assert stripe_events.post(update).status_code == 200
    dispatch.sweep(now=clock.now() + dt.timedelta(minutes=1))


def previewed(version: ControlVersion, *, days: int = 30) -> ControlPreview:
    preview = asking.ask(version=version, user=None, days=days)
    with clock.ahead(dt.timedelta(seconds=1)):
        work.go_on(preview_id=preview.pk)
    preview.refresh_from_db()
    return preview


PURCHASES: Final = [
    Bought(0, 3_000),
    Bought(1, 4_000, reverse_after_h=1.5),
    Bought(2, 5_000),
    Bought(3, 2_500, mcc="5411"),
    Bought(4, 4_500),
    Bought(5, 1_000),
    Bought(20, 6_000),
    Bought(26, 2_000),
    Bought(27, 9_000),
    Bought(50, 700),
    Bought(52, 11_000),
]  # fmt: skip
VELOCITIES: Final = {
    "amount of a day": {"measure": "amount", "window": "day", "most": 10_000, "currency": "USD", "per": "card"},
    "amount of 24 h": {
        "measure": "amount", "window": "trailing", "trailing_s": 86_400, "most": 12_000, "currency": "USD",
        "per": "card",
    },
    "count of 6 h": {"measure": "count", "window": "trailing", "trailing_s": 6 * 3600, "most": 3, "per": "cardholder"},
    "count of a week": {"measure": "count", "window": "week", "most": 3, "per": "card"},
    "amount for ever": {"measure": "amount", "window": "lifetime", "most": 20_000, "currency": "USD", "per": "card"},
    "one purchase": {"measure": "amount", "window": "purchase", "most": 5_500, "currency": "USD", "per": "card"},
}  # fmt: skip
RESTAURANTS: Final = {"attribute": "mcc", "operator": "is", "value": "5812"}


def weeks_ago(weeks: int) -> dt.timedelta:
    """The afternoon of a Tuesday, since windows are of the calendar."""
    now = clock.now()
    tuesday = (now - dt.timedelta(days=(now.weekday() - 1) % 7)).replace(hour=15, minute=0, second=0)
    return tuesday - dt.timedelta(weeks=weeks) - now


@pytest.mark.parametrize(
    ("name", "kind"), [*((name, "decline") for name in VELOCITIES), ("amount of 24 h", "flag")], ids=lambda each: each
)
def test_a_velocity_preview_equals_what_it_then_does(name: str, kind: str) -> None:
    definition = {"when": [RESTAURANTS], "velocity": VELOCITIES[name], "action": {"kind": kind}}
    before = play(walkthrough_card(**LIMITS), PURCHASES, begin=weeks_ago(3))
    found = previewed(version := draft(definition))
    put_into_force(version)
    after = play(walkthrough_card(**LIMITS), PURCHASES, begin=weeks_ago(2))

    effects = dict(found.found.values_list("decision_id", "effect"))
    hits = dict(ControlHit.objects.filter(in_shadow=False).values_list("decision_id", "action"))
    expected = {"decline": Effect.DECLINED, "flag": Effect.FLAGGED}
    assert [effects.get(key) for key in before] == [expected[hits[key]] if key in hits else None for key in after]
    assert (found.status, found.looked_at, found.unreadable) == ("finished", len(PURCHASES), 0)
    assert found.hits == len(hits) > 0


def test_a_preview_over_the_past_of_a_card_equals_what_it_then_does() -> None:
    when = [
        {"attribute": "new_mcc", "operator": "is", "value": True},
        {"attribute": "declines_24_h", "operator": "between", "value": [0, 1]},
    ]
    definition = {"when": when, "action": DECLINE}
    purchases = [
        Bought(0, 1_000),
        Bought(1, 1_100),
        Bought(2, 900, mcc="5411"),
        Bought(30, 1_200),
        Bought(31, 800, mcc="5411"),
    ]
    before = play(walkthrough_card(**LIMITS), purchases, begin=weeks_ago(3))
    found = previewed(version := draft(definition))
    put_into_force(version)
    after = play(walkthrough_card(**LIMITS), purchases, begin=weeks_ago(2))

    declined = set(ControlHit.objects.filter(in_shadow=False).values_list("decision_id", flat=True))
    hits = set(found.found.values_list("decision_id", flat=True))
    assert [key in hits for key in before] == [key in declined for key in after]
    assert 0 < found.hits < len(purchases)


def test_conditions_are_judged_and_summed_by_day() -> None:
    card = walkthrough_card(**LIMITS)
    first, second, elsewhere = play(
        card, [Bought(0, 3_000), Bought(30, 4_500), Bought(31, 900, mcc="5411")], begin=-3 * DAY
    )
    tables = (Decision, SpendWindow, VelocityCounter, ControlHit)
    before = [list(table._default_manager.order_by("pk").values()) for table in tables]

    found = previewed(draft({"when": [RESTAURANTS], "action": DECLINE}))

    assert list(found.found.order_by("decision_id").values_list("decision_id", "effect")) == [
        (first, Effect.DECLINED), (second, Effect.DECLINED)
    ]  # fmt: skip
    assert elsewhere not in found.found.values_list("decision_id", flat=True)
    assert sorted(found.days_found.values(), key=str) == [{"USD": [1, 3_000, 1]}, {"USD": [1, 4_500, 1]}]
    assert (found.hits, found.newly_declined, found.newly_approved) == (2, 2, 0)
    assert before == [list(table._default_manager.order_by("pk").values()) for table in tables]


@pytest.mark.parametrize(
    ("action", "effect", "becomes"),
    [
        ({"kind": "flag"}, Effect.FLAGGED, 4_500),
        ({"kind": "adjust_hold", "percent": 20, "fixed_minor": 100}, Effect.HELD_MORE, 5_500),
        # Stripe says that a part may not be approved, so it is a decline.
        ({"kind": "approve_in_part", "most_minor": 1_000}, Effect.DECLINED, 0),
    ],
    ids=["flag", "adjust_hold", "approve_in_part"],
)
def test_each_action_says_what_the_purchase_becomes(action: dict[str, Any], effect: str, becomes: int) -> None:
    play(walkthrough_card(**LIMITS), [Bought(0, 4_500)], begin=-DAY)

    row = previewed(draft({"when": [RESTAURANTS], "action": action})).found.get()

    assert (row.effect, row.becomes_minor, row.amount_minor) == (effect, becomes, 4_500)


def test_what_the_control_declined_is_judged_again_by_its_next_version() -> None:
    first = draft({"when": [{"attribute": "amount", "operator": "between", "value": [2_000, None]}], "action": DECLINE})
    put_into_force(first)
    low, high = play(walkthrough_card(**LIMITS), [Bought(0, 3_000), Bought(1, 6_000)], begin=-DAY)
    assert not Decision.objects.filter(approved=True).exists()
    when = [{"attribute": "amount", "operator": "between", "value": [5_000, None]}]

    looser = life.write_version(
        first.control,
        definition={"when": when, "action": DECLINE},
        reason_code="tried_out",
        sentence="No.",
        actor=first.author,
    )
    found = previewed(looser)

    assert dict(found.found.values_list("decision_id", "effect")) == {low: Effect.APPROVED, high: Effect.STILL_DECLINED}
    assert (found.hits, found.newly_approved, found.newly_declined) == (1, 1, 0)


def test_a_control_looks_at_its_card_and_leaves_out_whom_it_excludes() -> None:
    one, other = walkthrough_card(**LIMITS), walkthrough_card(**LIMITS)
    for card in (one, other):
        play(card, [Bought(0, 3_000)], begin=-DAY)

    assert previewed(draft({"when": [RESTAURANTS], "action": DECLINE}, card=one)).looked_at == 1
    everywhere = draft({"when": [RESTAURANTS], "action": DECLINE}, reason_code="everywhere")
    life.exclude(everywhere.control, cards=[one.pk], cardholders=[], actor="user:1", reason="It is a test card.")
    found = previewed(everywhere)
    assert (found.looked_at, found.hits) == (2, 1)


def test_a_preview_goes_on_with_its_counters_and_counts_nothing_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    play(walkthrough_card(**LIMITS), [Bought(hour, 1_000) for hour in range(5)], begin=weeks_ago(1))
    velocity = {"measure": "count", "window": "day", "most": 2, "per": "card"}
    version = draft({"velocity": velocity, "action": DECLINE})
    monkeypatch.setattr(work, "BATCH", 2)
    preview = asking.ask(version=version, user=None)
    assert asking.ask(version=version, user=None) == preview

    work.go_on(preview_id=preview.pk, work_s=0)
    preview.refresh_from_db()
    assert (preview.status, preview.looked_at, preview.hits) == ("running", 2, 0)
    assert 0 < asking.progress_percent(preview) < 100
    assert Message.objects.filter(topic="controls.preview_requested").count() == 2
    with clock.ahead(dt.timedelta(minutes=5)):
        work.sweep()
    work.go_on(preview_id=preview.pk)

    preview.refresh_from_db()
    assert (preview.status, preview.looked_at, preview.hits) == ("finished", 5, 3)
    assert (preview.found.count(), preview.counters) == (3, {})


def test_a_draft_that_is_changed_ends_its_preview() -> None:
    play(walkthrough_card(**LIMITS), [Bought(0, 1_000)], begin=-DAY)
    version = draft({"when": [RESTAURANTS], "action": DECLINE})
    preview = asking.ask(version=version, user=None)

    groceries = {"attribute": "mcc", "operator": "is", "value": "5411"}
    life.change_draft(
        version,
        definition={"when": [groceries], "action": DECLINE},
        reason_code="tried_out",
        sentence="No.",
        actor=version.author,
    )
    work.go_on(preview_id=preview.pk)

    preview.refresh_from_db()
    assert (preview.status, preview.hits) == ("outdated", 0)
    assert asking.newest_of(version) is None
    with pytest.raises(asking.PreviewRefusedError, match="1 to 90"):
        asking.ask(version=version, user=None, days=91)


def test_a_body_that_was_archived_is_counted_as_unreadable() -> None:
    play(walkthrough_card(**LIMITS), [Bought(0, 1_000), Bought(1, 2_000)], begin=-DAY)
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        EventBody.objects.filter(pk=EventBody.objects.earliest("pk").pk).delete()
        cursor.execute("SET session_replication_role = DEFAULT")

    found = previewed(draft({"when": [RESTAURANTS], "action": DECLINE}))

    assert (found.looked_at, found.unreadable, found.hits) == (2, 1, 1)
