"""When a movement's link is corrected, its refunds, overpayment cases and open questions move with it."""

from typing import Any

import pytest
from django.urls import reverse

from issuing.billing import unfunded_charge
from issuing.clearing import match_correction
from issuing.clearing.manual_matching import LinkRefusedError
from issuing.models import CardTransaction, Dispute, Hold, SpendWindow, VirtualCard
from onecard.kit import clock
from tests.issuing.clearing.postings import posted
from tests.issuing.clearing.test_match_correction import (
    books_are_right,
    bought,
    correct,
    in_clearing,
    movement,
    of,
    paid,
)
from tests.support import stripe_events
from tests.support.back_office import logged_in, superuser, text_of
from tests.support.factories import VirtualCardFactory
from tests.support.purchases import approve_purchase, deliver_events, run_workers, transaction_event, update_event
from tests.support.wallets import walkthrough_card
from wallet.models import Case, Posting

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.only_in_proofs]
Told = dict[str, Any]


@pytest.fixture
def card() -> VirtualCard:
    return walkthrough_card()


@pytest.fixture
def two(card: VirtualCard) -> tuple[Told, Told]:
    """Purchases of 45.00 and 60.00, each captured and paid."""
    return bought(card, 4500), bought(card, 6000)


def open_cases() -> list[tuple[str, int]]:
    return list(Case.objects.filter(status="open").order_by("kind").values_list("kind", "amount_minor"))


def late_capture(asked: Told, amount: int = 700) -> CardTransaction:
    deliver_events(transaction_event(asked, amount, number=2))
    run_workers()
    return movement("settlement")


def refund_of(capture: CardTransaction, asked: Told, amount: int, number: int = 1) -> None:
    """A refund that names the capture that it gives back."""
    name = capture.issuer_transaction_id
    deliver_events(posted(asked, id=f"ipi_back_{number}", type="refund", amount=amount, authorization=name))
    run_workers()


class TestRefundsOfACapture:
    def test_what_names_it_moves_along(self, two: tuple[Told, Told]) -> None:
        wrong, right = two
        capture = late_capture(wrong)
        for number, amount in enumerate((200, 100)):
            refund_of(capture, wrong, amount, number)
        assert (paid(wrong), paid(right)) == (4900, 6000)

        correct(capture, of(right))

        assert (paid(wrong), paid(right)) == (4500, 6400)
        assert {each.authorization for each in CardTransaction.objects.filter(transaction_type="refund")} == {of(right)}
        assert [in_clearing(of(each).reference) for each in two] == [0, 0]
        assert Posting.objects.filter(key__startswith="relinked:").count() == 6
        assert open_cases() == []
        assert books_are_right()

    def test_there_and_back_ends_as_it_was(self, two: tuple[Told, Told]) -> None:
        wrong, right = two
        capture = late_capture(wrong)
        refund_of(capture, wrong, 300)
        for purchase in (of(right), of(wrong)):
            correct(movement("settlement") if purchase == of(right) else reread(capture), purchase)
        assert (paid(wrong), paid(right)) == (4900, 6000)
        assert books_are_right()

    def test_what_names_it_later_finds_it_there(self, two: tuple[Told, Told]) -> None:
        wrong, right = two
        capture = late_capture(wrong)
        correct(capture, of(right))
        refund_of(capture, wrong, 300)
        assert (paid(wrong), paid(right)) == (4500, 6400)

    def test_what_does_not_name_it_stays_and_a_surplus_is_a_case(self, two: tuple[Told, Told]) -> None:
        wrong, right = two
        capture = late_capture(wrong)
        deliver_events(transaction_event(wrong, 5200, kind="refund"))
        run_workers()
        correct(capture, of(right))
        assert (paid(wrong), paid(right)) == (0, 6700)
        assert open_cases() == [("credit_left", 700)]

    def test_the_page_says_what_moves_along(self, two: tuple[Told, Told]) -> None:
        wrong, _ = two
        capture = late_capture(wrong)
        page = reverse("admin:issuing_cardtransaction_correct_link", args=[capture.pk])
        assert "moves along" not in text_of(logged_in().get(page))
        refund_of(capture, wrong, 300)
        assert "What names it moves along: Refund 3.00 USD" in text_of(logged_in().get(page))

    def test_one_that_was_exchanged_keeps_it_there(self, two: tuple[Told, Told]) -> None:
        wrong, right = two
        capture = late_capture(wrong)
        refund_of(capture, wrong, 300)
        CardTransaction.objects.filter(transaction_type="refund").update(currency="EUR")
        with pytest.raises(LinkRefusedError, match="exchanged"):
            correct(capture, of(right))
        assert (paid(wrong), paid(right)) == (4900, 6000)


def reread(kept: CardTransaction) -> CardTransaction:
    return CardTransaction.objects.get(pk=kept.pk)


class TestSurplus:
    def test_its_case_closes_when_the_refund_leaves(self, two: tuple[Told, Told]) -> None:
        wrong, right = two
        deliver_events(transaction_event(wrong, 5000, kind="refund"))
        run_workers()
        assert open_cases() == [("credit_left", 500)]

        correct(movement("refund"), of(right))

        assert (paid(wrong), paid(right), open_cases()) == (4500, 1000, [])
        assert books_are_right()

    def test_it_is_counted_anew_when_one_of_two_leaves(self, two: tuple[Told, Told]) -> None:
        wrong, right = two
        for number, amount in ((1, 4800), (2, 400)):
            deliver_events(transaction_event(wrong, amount, kind="refund", number=number))
            run_workers()
        assert open_cases() == [("credit_left", 700)]
        correct(movement("refund"), of(right))
        assert (paid(wrong), paid(right), open_cases()) == (0, 5600, [("credit_left", 300)])
        assert books_are_right()

    def test_it_closes_when_the_capture_that_was_missing_comes(self, two: tuple[Told, Told]) -> None:
        wrong, right = two
        capture = late_capture(wrong)
        deliver_events(transaction_event(right, 6500, kind="refund"))
        run_workers()
        assert open_cases() == [("credit_left", 500)]
        correct(capture, of(right))
        assert (paid(wrong), paid(right), open_cases()) == (4500, 200, [])
        assert books_are_right()


class TestNobodyAsked:
    def unasked(self, card: VirtualCard) -> Told:
        """A purchase that its issuer approved without us, captured for 7.00."""
        asked = stripe_events.authorization_request(card=card.issuer_card_id)
        history = [{"approved": True, "reason": "network_fallback", "amount": 700}]
        deliver_events(stripe_events.authorization_update(asked, amount=700, status="closed", request_history=history))
        deliver_events(transaction_event(asked, 700))
        run_workers()
        assert open_cases() == [("approved_without_us", 700)]
        return asked

    def test_its_case_closes_when_its_capture_leaves(self, card: VirtualCard) -> None:
        asked, right = self.unasked(card), bought(card, 6000)
        capture = CardTransaction.objects.get(issuer_transaction_id__endswith=asked["data"]["object"]["id"])
        correct(capture, of(right))
        assert (paid(asked), paid(right), open_cases()) == (0, 6700, [])
        assert books_are_right()

    def test_one_opens_when_a_capture_comes(self, card: VirtualCard) -> None:
        asked, wrong = self.unasked(card), bought(card, 6000)
        capture = late_capture(wrong, 300)
        correct(capture, of(asked))
        assert (paid(wrong), open_cases()) == (6000, [("approved_without_us", 1000)])

    def test_a_capture_of_none_is_a_purchase_of_its_own(self, two: tuple[Told, Told]) -> None:
        wrong, _ = two
        capture = late_capture(wrong)
        refund_of(capture, wrong, 200)

        correct(capture, None)

        own = reread(capture).authorization
        assert own is not None
        assert (own.issuer_authorization_id, paid(wrong)) == (capture.issuer_transaction_id, 4500)
        assert open_cases() == [("approved_without_us", 500)]
        unfunded_charge.charge_chosen(case=Case.objects.get(status="open"), user=superuser(), reason="They agree.")
        run_workers()
        assert (in_clearing(own.reference), open_cases()) == (0, [])
        assert books_are_right()


@pytest.mark.parametrize("status", ["settled", "reversed"])
def test_the_limits_count_nothing_of_a_purchase_that_all_has_left(card: VirtualCard, status: str) -> None:
    right, wrong = bought(card, 6000), approve_purchase(card, 4500)
    run_workers()
    deliver_events(
        transaction_event(wrong, 4500), update_event(wrong, "closed" if status == "settled" else status, amount=0)
    )
    run_workers()
    assert set(SpendWindow.objects.values_list("spent_minor", flat=True)) == {6000 + 4500}
    for purchase in (of(right), of(wrong), of(right)):
        correct(CardTransaction.objects.latest("pk"), purchase)
        assert set(SpendWindow.objects.values_list("spent_minor", flat=True)) == {6000 + 4500}
    assert not Hold.objects.filter(authorization=of(wrong), status="placed").exists()
    assert (paid(wrong), paid(right), of(wrong).status) == (0, 10500, status)
    assert books_are_right()


def test_another_card_of_the_same_person_is_theirs_too(card: VirtualCard) -> None:
    wrong = bought(card, 4500)
    right = bought(VirtualCardFactory(cardholder=card.cardholder), 6000)
    deliver_events(transaction_event(wrong, 3000, kind="refund"))
    run_workers()
    correct(movement("refund"), of(right))
    assert (paid(wrong), paid(right)) == (4500, 3000)
    assert books_are_right()


class TestDisputes:
    def disputed(self, asked: Told, status: str, **more: Any) -> None:
        now = clock.now()
        Dispute.objects.create(
            provider="stripe", issuer_dispute_id="idp_1", authorization=of(asked), status=status, amount_minor=100,
            currency="USD", opened_at=now, updated_at=now, **more,
        )  # fmt: skip

    @pytest.mark.parametrize("side", [0, 1])
    def test_while_one_is_open_on_either_side_nothing_moves(self, two: tuple[Told, Told], side: int) -> None:
        capture = late_capture(two[0])
        self.disputed(two[side], "submitted")
        with pytest.raises(LinkRefusedError, match="wait until the case of that dispute is closed, then"):
            correct(capture, of(two[1]))
        assert [paid(each) for each in two] == [5200, 6000]

    @pytest.mark.parametrize("side", [0, 1])
    def test_once_one_about_another_capture_is_over_it_moves(self, two: tuple[Told, Told], side: int) -> None:
        about = CardTransaction.objects.get(authorization=of(two[side]))
        capture = late_capture(two[0])
        self.disputed(two[side], "lost", transaction=about)
        correct(capture, of(two[1]))
        assert [paid(each) for each in two] == [4500, 6700]

    @pytest.mark.parametrize("is_known", [True, False])
    def test_a_capture_that_was_disputed_stays(self, two: tuple[Told, Told], is_known: bool) -> None:
        capture = late_capture(two[0])
        self.disputed(two[0], "lost", transaction=capture if is_known else None)
        with pytest.raises(LinkRefusedError, match="what it moved stays there: ask the issuer"):
            correct(capture, of(two[1]))
        assert match_correction.why_not(capture)
