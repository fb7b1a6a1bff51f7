"""Racing approvals never go over a velocity, of any kind, whichever way they are decided (money-safety I5)."""

from typing import Any, Final

import pytest

from issuing import journal
from issuing.authorizations import together
from issuing.models import Decision, Hold, VelocityCounter, VelocityEntry, VirtualCard
from tests.support import stripe_events
from tests.support.controls import condition, in_force, velocity
from tests.support.lengths import length
from tests.support.locks import deadlocks
from tests.support.threads import at_once
from tests.support.together import post_together
from tests.support.wallets import walkthrough_card

pytestmark = pytest.mark.django_db(transaction=True)
RACES: Final = length("VELOCITY_RACES", short=500, whole=5_000)
# Each kind of velocity has an MCC of its own, so that all of them race at once. Of each, three purchases of 5.00 pass.
KINDS = {
    "5811": velocity(3, "trailing", measure="count", per="programme", trailing_s=3_600),
    "5812": velocity(1_999, "trailing", per="cardholder", trailing_s=3_600),
    "5813": velocity(3, "day", measure="count", per="programme"),
    "5814": velocity(1_999, "day", per="cardholder"),
    "5815": velocity(3, "week", measure="count"),
    "5816": velocity(1_999, "week", per="programme"),
    "5817": velocity(3, "month", measure="count", per="programme"),
    "5818": velocity(1_999, "month", per="cardholder"),
    "5921": velocity(3, "year", measure="count", per="cardholder"),
    "5931": velocity(1_999, "year"),
    "5932": velocity(3, "lifetime", measure="count", per="programme"),
    "5933": velocity(1_999, "lifetime", per="cardholder"),
}


@pytest.fixture(autouse=True)
def _patient(settings: Any) -> Any:
    settings.DECISION_DEADLINE_MS = 60_000
    yield
    together.forget()


@pytest.fixture
def cards() -> list[VirtualCard]:
    """Two cards of each of two people, with a control of each kind in force."""
    for mcc, counted in KINDS.items():
        in_force(when=[condition("mcc", mcc)], velocity=counted, reason_code=f"too_much_at_{mcc}")
    limits = {"daily_limit_minor": 90_000_000, "monthly_limit_minor": 90_000_000}
    found = [walkthrough_card(**limits) for _ in range(4)]
    for one, other in ((found[0], found[1]), (found[2], found[3])):
        VirtualCard.objects.filter(pk=other.pk).update(cardholder=one.cardholder)
    return found


def requests(cards: list[VirtualCard], rounds: int) -> list[dict[str, Any]]:
    return [
        stripe_events.authorization_request(card=card.issuer_card_id, amount=500, mcc=mcc)
        for _ in range(rounds)
        for card in cards
        for mcc in KINDS
    ]


def warm(cards: list[VirtualCard]) -> None:
    """This process has read the rules at each MCC; a check for no amount counts nowhere."""
    for mcc in KINDS:
        stripe_events.post(stripe_events.authorization_request(card=cards[0].issuer_card_id, amount=0, mcc=mcc))


def assert_exactly_what_was_allowed() -> None:
    """Each counter is full, not over, and says what the approvals say."""
    journal.write_all()
    subjects = {"card": 4, "cardholder": 2, "programme": 1}
    for mcc, counted in KINDS.items():
        approved = Decision.objects.filter(authorization__mcc=mcc, approved=True, amount_minor__gt=0)
        assert approved.count() == 3 * subjects[counted["per"]], mcc
        declined = Decision.objects.filter(authorization__mcc=mcc, approved=False)
        assert set(declined.values_list("decline_reason", flat=True)) == {f"too_much_at_{mcc}"}
    assert set(VelocityCounter.objects.values_list("spent_minor", "count")) == {(1_500, 3)}
    trailing = VelocityCounter.objects.filter(version__definition__velocity__window="trailing").count()
    assert VelocityEntry.objects.count() == 3 * trailing
    assert all(len(hold.counter_ids) == 1 for hold in Hold.objects.all())


def test_threads_do_not_go_over_any_velocity(cards: list[VirtualCard]) -> None:
    before = deadlocks()

    at_once([lambda event=event: stripe_events.post(event) for event in requests(cards, 4)[:96]])
    at_once([lambda event=event: stripe_events.post(event) for event in requests(cards, 4)[96:]])

    assert_exactly_what_was_allowed()
    assert deadlocks() == before


def test_shared_commits_do_not_go_over_any_velocity(cards: list[VirtualCard]) -> None:
    before = deadlocks()
    warm(cards)

    answers = post_together(requests(cards, 4))

    assert all(answer["in_loop"] for answer in answers if answer["approved"])
    assert_exactly_what_was_allowed()
    assert deadlocks() == before


@pytest.mark.only_in_proofs
@pytest.mark.timeout(1800)
def test_thousands_at_each_kind_of_velocity_give_none_over(cards: list[VirtualCard]) -> None:
    # Each of these is 32 at each kind, from four cards.
    at_once([lambda event=event: stripe_events.post(event) for event in requests(cards, 2)])
    warm(cards)
    for _ in range(RACES // 32 + 1):
        post_together(requests(cards, 8))

    assert Decision.objects.filter(authorization__mcc="5812").count() >= RACES
    assert_exactly_what_was_allowed()
