"""A link that crosses cardholders from before: one person proposes its correction, and a second one agrees."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from audit.models import Entry
from issuing.clearing import manual_matching, match_correction, match_proposals
from issuing.models import CardTransaction, Dispute
from onecard.kit import clock
from onecard.kit.errors import OneCardError
from onecard.users.models import User
from tests.issuing.clearing.test_match_correction import WHY, books_are_right, bought, correct, in_clearing, of, paid
from tests.issuing.inbox.test_references import cards
from tests.support.back_office import logged_in, opened, sentences, superuser, text_of
from tests.support.factories import UserFactory
from tests.support.purchases import deliver_events, run_workers, transaction_event
from tests.support.threads import at_once
from tests.support.wallets import walkthrough_card
from wallet.entered import amounts as entered_amounts
from wallet.models import Case, EnteredAmount, FundingCharge, FundingMethod, FundingRefund, Posting

pytestmark = pytest.mark.django_db(transaction=True)
Told = dict[str, Any]


class Crossed:
    """Ada has a purchase of 45.00 and Bob one of 60.00; a movement on Bob's card was joined with Ada's."""

    def __init__(self, kind: str, amount: int) -> None:
        self.ada, self.bob = walkthrough_card(), walkthrough_card()
        for card, name in ((self.ada, "Ada"), (self.bob, "Bob")):
            card.cardholder.name = name
            card.cardholder.save()
        self.hers, self.his = bought(self.ada, 4500), bought(self.bob, 6000)
        deliver_events(transaction_event(self.hers, amount, kind=kind, number=2))
        run_workers()
        self.pk = CardTransaction.objects.latest("pk").pk
        # As the product stored it before it asked whose card an event names.
        CardTransaction.objects.filter(pk=self.pk).update(card=self.bob, issuer_card_id=self.bob.issuer_card_id)

    @property
    def kept(self) -> CardTransaction:
        return CardTransaction.objects.get(pk=self.pk)

    @property
    def paid(self) -> tuple[int, int]:
        return paid(self.hers), paid(self.his)

    def propose(self, *, none: bool = False, user: User | None = None) -> EnteredAmount:
        purchase = None if none else of(self.his)
        said = match_proposals.say(movement=self.kept, purchase=purchase, reason=WHY, user=user or superuser())
        assert said is not None
        return said


def agree(entered: EnteredAmount, user: User | None = None) -> None:
    user = user or superuser()
    entered_amounts.agree(entered=entered, user=user, reason=WHY, shown_minor=entered.amount_minor)
    run_workers()


def open_cases() -> list[tuple[str, int]]:
    return list(Case.objects.filter(status="open").order_by("kind").values_list("kind", "amount_minor"))


@pytest.fixture
def refund() -> Crossed:
    """Bob's 30.00 went to Ada."""
    return Crossed("refund", 3000)


@pytest.fixture
def capture() -> Crossed:
    """Ada paid Bob's 7.00."""
    return Crossed("capture", 700)


def test_a_refund_goes_to_whose_it_is_and_the_other_pays_again(refund: Crossed) -> None:
    assert refund.paid == (1500, 6000)
    entered = refund.propose()
    run_workers()
    assert (refund.paid, open_cases()) == ((1500, 6000), [])

    agree(entered)

    assert (refund.paid, open_cases()) == ((4500, 3000), [])
    assert [in_clearing(of(each).reference) for each in (refund.hers, refund.his)] == [0, 0]
    assert FundingRefund.objects.latest("pk").charge.method.cardholder == refund.bob.cardholder
    assert FundingCharge.objects.latest("pk").method.cardholder == refund.ada.cardholder
    entry = Entry.objects.get(action="transaction.relinked")
    row = EnteredAmount.objects.get()
    assert entry.actor == f"user:{row.entered_by_id}+user:{row.agreed_by_id}"
    assert books_are_right()


def test_a_capture_is_paid_by_whose_it_is_and_the_other_gets_it_back(capture: Crossed) -> None:
    assert capture.paid == (5200, 6000)
    agree(capture.propose())
    assert (capture.paid, open_cases()) == ((4500, 6700), [])
    assert FundingCharge.objects.latest("pk").method.cardholder == capture.bob.cardholder
    assert books_are_right()


def test_a_refund_of_none_is_paid_out_by_a_case(refund: Crossed) -> None:
    agree(refund.propose(none=True))
    assert (refund.paid, open_cases()) == ((4500, 6000), [("credit_left", 3000)])
    assert in_clearing(refund.kept.reference) == -3000


def test_a_capture_of_none_is_a_purchase_of_its_own_cards_holder(capture: Crossed) -> None:
    agree(capture.propose(none=True))
    assert (capture.paid, open_cases()) == ((4500, 6000), [("approved_without_us", 700)])
    own = capture.kept.authorization
    assert own is not None
    assert own.card == capture.bob
    assert books_are_right()


def test_who_cannot_pay_again_has_an_open_case(refund: Crossed) -> None:
    FundingMethod.objects.filter(cardholder=refund.ada.cardholder).update(status="detached")
    agree(refund.propose())
    assert refund.paid[1] == 3000
    held = {kind for kind, _ in open_cases()}
    assert held or FundingCharge.objects.filter(status__in=("intended", "declined", "refused")).exists()
    assert in_clearing(of(refund.hers).reference) + refund.paid[0] == 4500


class TestWhoMayDoIt:
    def test_one_person_moves_nothing(self, refund: Crossed) -> None:
        with pytest.raises(OneCardError, match="second person"):
            correct(refund.kept, of(refund.his))
        entered = refund.propose(user=(one := superuser()))
        with pytest.raises(OneCardError, match="a second person has to agree"):
            agree(entered, one)
        assert (refund.paid, Posting.objects.filter(key__startswith="relinked:").count()) == ((1500, 6000), 0)

    def test_two_proposals_are_not_made_of_one_movement(self, refund: Crossed) -> None:
        refund.propose()
        with pytest.raises(OneCardError, match="already"):
            refund.propose(none=True)

    def test_not_agreed_to_nothing_has_moved(self, refund: Crossed) -> None:
        entered_amounts.withdraw(entered=refund.propose(), user=superuser(), reason=WHY)
        run_workers()
        assert refund.paid == (1500, 6000)
        agree(refund.propose())
        assert refund.paid == (4500, 3000)

    def test_what_was_changed_meanwhile_is_not_agreed_to(self, refund: Crossed) -> None:
        entered = refund.propose()
        other = bought(refund.ada, 9000)
        CardTransaction.objects.filter(pk=refund.kept.pk).update(card=refund.ada)
        kept = CardTransaction.objects.get(transaction_type="refund")
        correct(kept, of(other))
        with pytest.raises(OneCardError, match="changed"):
            agree(entered)
        assert EnteredAmount.objects.get().status == "proposed"

    def test_a_dispute_that_began_meanwhile_is_waited_for(self, refund: Crossed) -> None:
        entered, now = refund.propose(), clock.now()
        Dispute.objects.create(
            provider="stripe", issuer_dispute_id="idp_1", authorization=of(refund.his), status="submitted",
            amount_minor=6000, currency="USD", opened_at=now, updated_at=now,
        )  # fmt: skip
        with pytest.raises(OneCardError, match="wait until the case of that dispute is closed"):
            agree(entered)
        with pytest.raises(OneCardError, match="wait until the case of that dispute is closed"):
            refund.propose()
        assert refund.paid == (1500, 6000)

    def test_to_a_third_person_it_is_never_moved(self, refund: Crossed) -> None:
        third = bought(walkthrough_card(), 5000)
        for purchase in (of(third), of(bought(refund.ada, 2000))):
            with pytest.raises(OneCardError, match="another person's purchase"):
                match_proposals.say(movement=refund.kept, purchase=purchase, reason=WHY, user=superuser())


class TestPage:
    def test_it_is_proposed_and_agreed_to_in_the_admin(self, refund: Crossed) -> None:
        act = reverse("admin:issuing_cardtransaction_correct_link", args=[refund.kept.pk])
        client = logged_in()
        assert "which takes a second person" in text_of(client.get(act))
        values = opened(client, act) | {"purchase": str(of(refund.his).pk), "reason": WHY}
        answer = client.post(act, values, follow=True)
        assert "waits for a second person" in sentences(answer)
        assert refund.paid == (1500, 6000)

        row = EnteredAmount.objects.get()
        other, agreeing = logged_in(), reverse("admin:wallet_enteredamount_agree", args=[row.pk])
        asked = text_of(other.get(agreeing))
        for words in ("of Ada", "of Bob", "what both cardholders pay follows"):
            assert words in asked
        shown = text_of(other.get(reverse("admin:wallet_enteredamount_change", args=[row.pk])))
        assert "of Ada" in shown
        assert reverse("admin:issuing_cardtransaction_change", args=[refund.kept.pk]) in shown
        values = opened(other, agreeing) | {"reason": WHY}
        assert "It is done" in sentences(other.post(agreeing, values, follow=True))
        run_workers()
        assert (refund.paid, open_cases()) == ((4500, 3000), [])

    def test_who_may_only_look_proposes_nothing(self, refund: Crossed) -> None:
        looker = UserFactory(is_staff=True)
        looker.user_permissions.add(Permission.objects.get(codename="view_cardtransaction"))
        act = reverse("admin:issuing_cardtransaction_correct_link", args=[refund.kept.pk])
        assert logged_in(looker).post(act, {"purchase": "none", "reason": WHY}).status_code == 403
        assert not EnteredAmount.objects.exists()


def test_many_who_agree_at_once_move_it_once(refund: Crossed) -> None:
    entered = refund.propose()

    def click() -> str:
        try:
            agree(entered)
        except OneCardError:
            return "refused"
        return "done"

    assert sorted(at_once([click] * 4)) == ["done"] + ["refused"] * 3
    run_workers()
    assert refund.paid == (4500, 3000)
    assert Posting.objects.filter(key__startswith="relinked:").count() == 2


def test_a_contradicted_one_that_somebody_settled_meanwhile_is_not_joined() -> None:
    ada, bob = cards()
    hers = bought(ada, 4500)
    event = transaction_event(hers, 1200, kind="refund")
    event["data"]["object"]["card"] = bob.issuer_card_id
    deliver_events(event)
    kept = CardTransaction.objects.get(transaction_type="refund")
    entered = match_proposals.say(movement=kept, purchase=of(hers), reason=WHY, user=superuser())
    assert entered is not None
    manual_matching.say_of_none(refund=kept, reason=WHY, actor="user:1")
    with pytest.raises(OneCardError, match="of no purchase here"):
        agree(entered)
    assert paid(hers) == 4500
    assert match_correction.why_not(kept)
