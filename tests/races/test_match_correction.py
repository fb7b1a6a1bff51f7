"""A link is corrected while its issuer tells more of the same purchases: whoever comes first, it ends the same."""

from collections.abc import Callable
from typing import Any

import pytest

from issuing.billing import position
from issuing.clearing import manual_matching, match_correction, match_proposals
from issuing.clearing.manual_matching import LinkRefusedError
from issuing.models import Authorization, CardTransaction, Dispute, VirtualCard
from onecard.kit.errors import OneCardError
from tests.issuing.clearing.postings import deliver as told
from tests.issuing.clearing.postings import posted
from tests.issuing.clearing.test_match_correction import WHY, books_are_right, bought, in_clearing, of, paid
from tests.issuing.inbox.test_references import cards
from tests.support import stripe_events
from tests.support.back_office import superuser
from tests.support.factories import FundingMethodFactory
from tests.support.lengths import length
from tests.support.purchases import deliver_events, run_workers, transaction_event, update_event
from tests.support.threads import at_once
from tests.support.wallets import walkthrough_card
from wallet.entered import amounts as entered_amounts
from wallet.models import Case, Posting

pytestmark = pytest.mark.django_db(transaction=True)
Told = dict[str, Any]
# Which of two threads is first is chance, so each race is run a few times.
TIMES = range(length("CORRECTION_TIMES", short=1, whole=6))


@pytest.fixture
def two() -> tuple[Told, Told, VirtualCard]:
    card = walkthrough_card()
    return bought(card, 4500), bought(card, 6000), card


def late_capture(asked: Told, number: int = 2) -> CardTransaction:
    deliver_events(transaction_event(asked, 700, number=number))
    run_workers()
    return CardTransaction.objects.latest("pk")


def moving(kept: CardTransaction, purchase: Authorization | None) -> Callable[[], str]:
    """The correction as a thread makes it: its refusal is its result."""

    def run() -> str:
        try:
            match_correction.relink(movement=kept, purchase=purchase, reason=WHY, actor="user:1")
        except LinkRefusedError as error:
            return error.message
        return "done"

    return run


def assert_in_balance(*asked: Told) -> None:
    run_workers()
    run_workers()
    for each in asked:
        captured, returned = position.moved_minor(of(each))
        assert paid(each) == max(0, captured - returned)
        assert in_clearing(of(each).reference) == 0
    assert not Case.objects.filter(status="open").exists()
    assert books_are_right()


@pytest.mark.parametrize("_", TIMES)
def test_a_refund_that_names_the_capture_ends_where_the_capture_is(two: tuple[Told, Told, VirtualCard], _: int) -> None:
    wrong, right, _card = two
    capture = late_capture(wrong)
    event = posted(wrong, id="ipi_back", type="refund", amount=300, authorization=capture.issuer_transaction_id)

    assert at_once([moving(capture, of(right)), lambda: told(event)])[0] == "done"

    assert CardTransaction.objects.get(issuer_transaction_id="ipi_back").authorization == of(right)
    assert_in_balance(wrong, right)
    assert (paid(wrong), paid(right)) == (4500, 6400)


@pytest.mark.parametrize("_", TIMES)
def test_more_that_is_told_of_both_purchases_counts_once(two: tuple[Told, Told, VirtualCard], _: int) -> None:
    wrong, right, _card = two
    capture = late_capture(wrong)
    events = [
        transaction_event(wrong, 1000, kind="refund", number=5),
        transaction_event(right, 200, number=6),
        transaction_event(right, 500, number=7),
    ]
    calls = [lambda event=event: told(event) for event in (*events, *events[:1])]

    at_once([moving(capture, of(right)), *calls])

    assert_in_balance(wrong, right)
    assert (paid(wrong), paid(right)) == (3500, 7400)


@pytest.mark.parametrize("_", TIMES)
def test_a_dispute_is_where_the_capture_is_that_it_is_about(two: tuple[Told, Told, VirtualCard], _: int) -> None:
    wrong, right, _card = two
    capture = late_capture(wrong)
    name = capture.issuer_transaction_id
    content = {"id": "idp_1", "amount": 700, "currency": "usd", "status": "won", "transaction": name}
    event = stripe_events.event("issuing_dispute.funds_reinstated", content)

    answer = at_once([moving(capture, of(right)), lambda: told(event)])[0]

    dispute, kept = Dispute.objects.get(), CardTransaction.objects.get(pk=capture.pk)
    assert (answer == "done") == (kept.authorization == of(right))
    assert dispute.authorization == kept.authorization
    assert CardTransaction.objects.get(transaction_type="chargeback").authorization == kept.authorization
    assert_in_balance(wrong, right)
    assert paid(wrong) + paid(right) == 4500 + 6000


@pytest.mark.parametrize("_", TIMES)
def test_two_movements_that_cross_do_not_wait_for_each_other(two: tuple[Told, Told, VirtualCard], _: int) -> None:
    wrong, right, _card = two
    one, other = late_capture(wrong), late_capture(right, number=3)

    answers = at_once([moving(one, of(right)), moving(other, of(wrong))])

    assert answers == ["done", "done"]
    assert_in_balance(wrong, right)
    assert (paid(wrong), paid(right)) == (5200, 6700)


@pytest.mark.parametrize("_", TIMES)
def test_of_two_who_say_otherwise_one_is_heard(two: tuple[Told, Told, VirtualCard], _: int) -> None:
    wrong, right, card = two
    third = bought(card, 3000)
    capture = late_capture(wrong)

    answers = at_once([moving(capture, of(right)), moving(capture, of(third)), moving(capture, None)])

    assert answers.count("done") == 1
    assert Posting.objects.filter(key__startswith="relinked:").count() == 2
    run_workers()
    kept = CardTransaction.objects.get(pk=capture.pk)
    open_cases = list(Case.objects.filter(status="open").values_list("kind", flat=True))
    assert open_cases == (["approved_without_us"] if kept.authorization not in (of(right), of(third)) else [])
    assert paid(wrong) == 4500


@pytest.mark.parametrize("_", TIMES)
def test_the_end_of_a_purchase_and_a_capture_that_leaves_it(_: int) -> None:
    card = walkthrough_card()
    right = bought(card, 6000)
    asked = stripe_events.authorization_request(card=card.issuer_card_id)
    assert stripe_events.post(asked).json()["approved"] is True
    run_workers()
    capture = late_capture(asked)

    at_once([moving(capture, of(right)), lambda: told(update_event(asked, "closed", amount=0)), run_workers])

    assert_in_balance(asked, right)
    assert (paid(asked), paid(right)) == (0, 6700)


@pytest.mark.parametrize("_", TIMES)
def test_a_contradicted_capture_and_what_is_told_of_it_at_once(_: int) -> None:
    ada, bob = cards()
    FundingMethodFactory(cardholder=bob.cardholder)
    hers, his = bought(ada, 4500), bought(bob, 6000)
    told(posted(hers, id="ipi_wrong", card=bob.issuer_card_id, amount=-700))
    kept = CardTransaction.objects.get(issuer_transaction_id="ipi_wrong")
    back = posted(his, id="ipi_back", type="refund", amount=300, authorization="ipi_wrong")
    content = {"id": "idp_1", "amount": 100, "currency": "usd", "status": "won", "transaction": "ipi_wrong"}
    dispute = stripe_events.event("issuing_dispute.funds_reinstated", content)

    def say() -> str:
        manual_matching.link_by_hand(refund=kept, purchase=of(his), reason=WHY, actor="user:1")
        return "done"

    at_once([say, lambda: told(back), lambda: told(dispute)])

    assert {each.authorization for each in CardTransaction.objects.filter(card=bob)} == {of(his)}
    assert Dispute.objects.get().authorization == of(his)
    assert_in_balance(hers, his)
    assert (paid(hers), paid(his)) == (4500, 6300)


@pytest.mark.parametrize("_", TIMES)
def test_two_who_agree_while_more_is_told_and_a_second_proposes(_: int) -> None:
    ada, bob = walkthrough_card(), walkthrough_card()
    hers, his = bought(ada, 4500), bought(bob, 6000)
    deliver_events(transaction_event(hers, 3000, kind="refund", number=2))
    run_workers()
    CardTransaction.objects.filter(transaction_type="refund").update(card=bob, issuer_card_id=bob.issuer_card_id)
    kept = CardTransaction.objects.get(transaction_type="refund")
    one, other = superuser(), superuser()
    entered = match_proposals.say(movement=kept, purchase=of(his), reason=WHY, user=one)
    assert entered is not None

    def agree() -> str:
        try:
            entered_amounts.agree(entered=entered, user=other, reason=WHY, shown_minor=3000)
        except OneCardError as error:
            return error.message
        return "done"

    def propose() -> str:
        try:
            match_proposals.say(movement=kept, purchase=None, reason=WHY, user=one)
        except OneCardError as error:
            return error.message
        return "proposed"

    events = [transaction_event(hers, 500, kind="refund", number=5), transaction_event(his, 200, number=6)]
    answers = at_once([agree, agree, propose, *[lambda event=event: told(event) for event in events]])

    assert answers[:2].count("done") == 1
    assert_in_balance(hers, his)
    assert (paid(hers), paid(his)) == (4000, 3200)
