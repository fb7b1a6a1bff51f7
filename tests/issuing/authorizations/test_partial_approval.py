"""When the network approves a part of what we approved, the rest is neither held nor paid, in any order of events."""

import itertools
from decimal import Decimal
from typing import Any

import pytest

from issuing.models import Authorization, Hold, SpendWindow, VirtualCard
from tests.issuing.handlers.test_marqeta_disputes import report
from tests.support import marqeta_events
from tests.support.orders import in_each_order
from tests.support.purchases import amount_update_event, approve_purchase, deliver_events, purchase_totals, run_workers
from tests.support.wallets import marqeta_card, walkthrough_card
from wallet.models import Case, FundingRefund

pytestmark = pytest.mark.django_db
EventBody = dict[str, Any]


@pytest.fixture
def asked() -> EventBody:
    return bought()


def bought() -> EventBody:
    card = VirtualCard.objects.first() or marqeta_card()
    question = marqeta_events.gateway_request(card=card.issuer_card_id)
    assert marqeta_events.ask(question).status_code == 200
    run_workers()
    return question


def partly(asked: EventBody, amount: Any) -> EventBody:
    """The outcome of a question that the network approved for less."""
    changes = {"amount": amount, "request_amount": asked["amount"], "response": {"code": "0002"}}
    return marqeta_events.outcome(asked) | changes


def test_the_rest_is_given_back_once(asked: EventBody) -> None:
    for _ in range(2):
        report("transactions", partly(asked, 30))
    run_workers()

    assert Authorization.objects.get().approved_minor == 3000
    assert (purchase_totals()["paid"], purchase_totals()["spent"]) == (3000, {3000})


@pytest.mark.parametrize("amount", [45, 50])
def test_what_is_no_less_gives_nothing_back(asked: EventBody, amount: int) -> None:
    report("transactions", partly(asked, amount))
    run_workers()

    assert (Authorization.objects.get().approved_minor, FundingRefund.objects.count()) == (4500, 0)
    assert Hold.objects.get().released_minor == 0


def test_an_increment_can_be_approved_in_part(asked: EventBody) -> None:
    report("transactions", marqeta_events.outcome(asked))
    more = marqeta_events.increment(asked, amount=Decimal("20.00"))
    assert marqeta_events.ask(more).status_code == 200
    report("transactions", partly(more, Decimal("5.00")))
    run_workers()

    assert Authorization.objects.get().approved_minor == 5000
    assert purchase_totals()["paid"] == 5000


@pytest.mark.parametrize("final", [{"is_final_clearing": True}, {}], ids=["final", "not said"])
def test_in_any_order_with_its_clearing_and_a_reversal_it_ends_the_same(final: EventBody) -> None:
    """The last clearing takes all that is left, or says that it is the last; what comes after it changes nothing."""
    asked = bought()
    told = (
        partly(asked, 30),
        marqeta_events.later(asked, "authorization.reversal", amount=10, state="PENDING"),
        marqeta_events.later(asked, "authorization.clearing", amount=20, **final),
    )

    def ends_alike(order: tuple[int, ...]) -> None:
        run_workers()
        run_workers()
        purchase = Authorization.objects.get()
        windows = SpendWindow.objects.filter(card=purchase.card).values_list("spent_minor", flat=True)
        assert (purchase.status, purchase.approved_minor, set(windows)) == ("settled", 2000, {2000}), order
        assert not Case.objects.filter(status="open").exists(), order

    orders = itertools.permutations(range(3))
    in_each_order(orders, tell=lambda place: report("transactions", told[place]), at_end=ends_alike)


def test_a_clearing_told_before_the_part_that_was_approved_settles_it(asked: EventBody) -> None:
    report("transactions", marqeta_events.later(asked, "authorization.clearing", amount=30))
    assert Authorization.objects.get().status == "approved"

    report("transactions", partly(asked, 30))

    assert (Authorization.objects.get().status, Authorization.objects.get().approved_minor) == ("settled", 3000)


@pytest.mark.parametrize("released", [10, 24])
def test_a_reversal_that_leaves_something_to_take_settles_nothing(asked: EventBody, released: int) -> None:
    report("transactions", marqeta_events.later(asked, "authorization.clearing", amount=20))
    report("transactions", marqeta_events.later(asked, "authorization.reversal", amount=released, state="PENDING"))
    assert Authorization.objects.get().status == "approved"


def test_a_smaller_total_of_stripe_is_followed_as_a_partial_reversal() -> None:
    asked = approve_purchase(walkthrough_card())
    run_workers()
    deliver_events(amount_update_event(asked, 3000))
    deliver_events(amount_update_event(asked, 3000))
    run_workers()
    assert purchase_totals()["paid"] == 3000
