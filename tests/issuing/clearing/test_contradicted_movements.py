"""A movement that names things of two people is resolved by a person: its case closes and its money follows."""

from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse

from audit.models import Entry
from issuing.billing import unfunded_charge
from issuing.clearing import manual_matching
from issuing.models import Authorization, CardTransaction, Dispute, VirtualCard
from onecard.kit import clock
from tests.issuing.clearing.postings import deliver, posted
from tests.issuing.clearing.test_match_correction import books_are_right, bought, in_clearing, of, paid
from tests.issuing.inbox.test_references import cards
from tests.support import stripe_events
from tests.support.back_office import logged_in, opened, sentences, superuser, text_of
from tests.support.factories import FundingMethodFactory, VirtualCardFactory
from tests.support.purchases import run_workers
from wallet.entered import amounts as entered_amounts
from wallet.ledger import check as ledger_check
from wallet.models import Case, EnteredAmount, FundingCharge, Posting

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.only_in_proofs]
WHY = "The merchant's receipt names the purchase."
Told = dict[str, Any]


@pytest.fixture
def people() -> tuple[VirtualCard, VirtualCard]:
    """Ada, whose purchase is named, and Bob, whose card it came on; both can pay."""
    ada, bob = cards()
    FundingMethodFactory(cardholder=bob.cardholder)
    return ada, bob


def wrong(asked: Told, card: VirtualCard, **changes: Any) -> CardTransaction:
    """What moved on a card and names the purchase of another one."""
    told = posted(asked, id="ipi_wrong", card=card.issuer_card_id, **changes)
    deliver(told)
    kept = CardTransaction.objects.get(issuer_transaction_id="ipi_wrong")
    assert kept.is_contradicted
    return kept


def act(name: str, kept: CardTransaction) -> str:
    return reverse(f"admin:issuing_cardtransaction_{name}", args=[kept.pk])


def press(name: str, kept: CardTransaction, **values: Any) -> Any:
    """The button, by a person in a browser; gives the page that comes then."""
    client = logged_in()
    answer = client.post(act(name, kept), opened(client, act(name, kept)) | {"reason": WHY} | values, follow=True)
    run_workers()
    return answer


def page(kept: CardTransaction) -> str:
    return text_of(logged_in().get(act("change", kept)))


def open_cases() -> list[str]:
    return sorted(Case.objects.filter(status="open").values_list("kind", flat=True))


def second_person_agrees() -> None:
    entered_amounts.agree(
        entered=(row := EnteredAmount.objects.get(status="proposed")),
        user=superuser(),
        reason=WHY,
        shown_minor=row.amount_minor,
    )
    run_workers()


class TestRefund:
    def test_said_of_a_purchase_of_its_card_its_case_closes(self, people: tuple[VirtualCard, VirtualCard]) -> None:
        ada, bob = people
        theirs, own = bought(ada, 4500), bought(bob, 6000)
        kept = wrong(theirs, bob, type="refund", amount=1200)
        assert open_cases() == ["event_contradiction"]
        assert "names" in page(kept)

        answer = press("say_purchase", kept, purchase=str(of(own).pk))

        assert "belongs to its purchase now" in sentences(answer)
        assert (paid(theirs), paid(own)) == (4500, 4800)
        assert open_cases() == []
        assert books_are_right()

    def test_what_it_contradicted_is_history_once_a_person_has_said(
        self, people: tuple[VirtualCard, VirtualCard]
    ) -> None:
        ada, bob = people
        theirs, own = bought(ada, 4500), bought(bob, 6000)
        kept = wrong(theirs, bob, type="refund", amount=1200)
        assert "Nobody has said yet whose it is" in page(kept)
        press("say_purchase", kept, purchase=str(of(own).pk))

        shown = page(kept)
        assert "Nobody has said yet whose it is" not in shown
        assert "A person has said whose it is" in shown

        deliver(posted(theirs, id="ipi_wrong", card=bob.issuer_card_id, type="refund", amount=1200))
        assert open_cases() == []
        kept.refresh_from_db()
        assert "known already" in manual_matching.why_not(kept)

    def test_of_no_purchase_its_case_closes_and_one_asks_for_paying_out(
        self, people: tuple[VirtualCard, VirtualCard]
    ) -> None:
        ada, bob = people
        theirs = bought(ada, 4500)
        kept = wrong(theirs, bob, type="refund", amount=1200)

        press("say_none", kept)

        assert open_cases() == ["credit_left"]
        assert (paid(theirs), in_clearing(kept.reference)) == (4500, -1200)
        assert ledger_check.check() == []

    def test_the_purchase_that_it_names_takes_two_people(self, people: tuple[VirtualCard, VirtualCard]) -> None:
        ada, bob = people
        theirs = bought(ada, 4500)
        kept = wrong(theirs, bob, type="refund", amount=1200)
        asked = text_of(logged_in().get(act("say_purchase", kept)))
        assert "of Ada, which takes a second person" in asked

        answer = press("say_purchase", kept, purchase=str(of(theirs).pk))

        assert "waits for a second person" in sentences(answer)
        assert (paid(theirs), open_cases()) == (4500, ["event_contradiction"])
        second_person_agrees()
        assert (paid(theirs), open_cases()) == (3300, [])
        assert books_are_right()

    def test_on_a_card_that_nobody_has_two_people_say_whose_it_is(
        self, people: tuple[VirtualCard, VirtualCard]
    ) -> None:
        ada, _ = people
        theirs = bought(ada, 4500)
        deliver(posted(theirs, id="ipi_wrong", card="ic_nobody", type="refund", amount=1200))
        kept = CardTransaction.objects.get(issuer_transaction_id="ipi_wrong")

        press("say_purchase", kept, purchase=str(of(theirs).pk))
        assert (paid(theirs), open_cases()) == (4500, ["event_contradiction"])
        second_person_agrees()

        assert (paid(theirs), open_cases()) == (3300, [])

    def test_on_another_card_of_the_same_person_one_person_says_it(
        self, people: tuple[VirtualCard, VirtualCard]
    ) -> None:
        ada, _ = people
        theirs = bought(ada, 4500)
        kept = wrong(theirs, VirtualCardFactory(cardholder=ada.cardholder), type="refund", amount=1200)

        press("say_purchase", kept, purchase=str(of(theirs).pk))

        assert (paid(theirs), open_cases()) == (3300, [])


class TestCapture:
    def test_said_of_a_purchase_of_its_card_it_is_charged(self, people: tuple[VirtualCard, VirtualCard]) -> None:
        ada, bob = people
        theirs, own = bought(ada, 4500), bought(bob, 6000)
        kept = wrong(theirs, bob, amount=-700)
        shown = text_of(logged_in().get(act("say_purchase", kept)))
        for word in ("Which purchase 7.00", "took 7.00", "pays follows"):
            assert word in shown
        for word in ("came back", "gets back", "gave back", "refund"):
            assert word not in shown.partition("<form")[0].rpartition("<h2")[2]

        answer = press("say_purchase", kept, purchase=str(of(own).pk))

        assert "The capture belongs to its purchase now" in sentences(answer)
        assert (paid(theirs), paid(own), open_cases()) == (4500, 6700, [])
        assert books_are_right()

    def test_of_no_purchase_here_it_is_one_of_its_own(self, people: tuple[VirtualCard, VirtualCard]) -> None:
        ada, bob = people
        theirs = bought(ada, 4500)
        kept = wrong(theirs, bob, amount=-700)

        answer = press("say_none", kept)

        assert "a purchase of its own" in sentences(answer)
        kept.refresh_from_db()
        own = kept.authorization
        assert own is not None
        assert (own.card, own.status, own.issuer_authorization_id) == (bob, "settled", "ipi_wrong")
        assert open_cases() == ["approved_without_us"]
        assert Entry.objects.filter(action="transaction.purchase_of_its_own").count() == 1
        unfunded_charge.charge_chosen(case=Case.objects.get(status="open"), user=superuser(), reason=WHY)
        run_workers()
        assert (FundingCharge.objects.latest("pk").method.cardholder, open_cases()) == (bob.cardholder, [])
        assert (paid(theirs), in_clearing(f"authorization:{own.pk}")) == (4500, 0)
        assert books_are_right()

    def test_a_forced_one_that_contradicts_can_be_one_of_its_own(self, people: tuple[VirtualCard, VirtualCard]) -> None:
        ada, _ = people
        asked = stripe_events.authorization_request(card=ada.issuer_card_id)
        deliver(posted(asked, id="ipi_wrong", authorization=None, cardholder="ich_Bob", amount=-700))
        kept = CardTransaction.objects.get()
        assert (kept.is_contradicted, Authorization.objects.count()) == (True, 0)

        press("say_none", kept)

        assert open_cases() == ["approved_without_us"]
        assert Authorization.objects.get().card == ada

    @pytest.mark.parametrize("button", ["say_purchase", "say_none"])
    def test_what_was_told_of_it_before_comes_along(self, button: str, people: tuple[VirtualCard, VirtualCard]) -> None:
        ada, bob = people
        theirs, own = bought(ada, 4500), bought(bob, 6000)
        kept = wrong(theirs, bob, amount=-700)
        deliver(posted(own, id="ipi_back", type="refund", amount=300, authorization="ipi_wrong"))
        deliver(dispute("ipi_wrong", "submitted", 400))
        back = CardTransaction.objects.get(issuer_transaction_id="ipi_back")
        assert back.authorization is None

        press(button, kept, **({"purchase": str(of(own).pk)} if button == "say_purchase" else {}))

        kept.refresh_from_db()
        back.refresh_from_db()
        assert back.authorization == kept.authorization
        assert Dispute.objects.get().authorization == kept.authorization
        assert Dispute.objects.get().transaction == kept
        assert books_are_right()


def dispute(transaction: Any, status: str, amount: int, event: str = "submitted") -> Told:
    content = {"id": "idp_1", "amount": amount, "currency": "usd", "status": status, "transaction": transaction}
    told = stripe_events.event(f"issuing_dispute.{event}", content)
    return told | {"created": int(clock.now().timestamp()) + (60 if status == "lost" else 0)}


class TestDispute:
    @pytest.fixture
    def contradicted(self, people: tuple[VirtualCard, VirtualCard]) -> tuple[Told, CardTransaction]:
        """45.00 came back of Ada's capture, by a dispute whose transaction is said to be on Bob's card."""
        ada, bob = people
        theirs = bought(ada, 4500)
        capture = CardTransaction.objects.get()
        expanded = {"id": capture.issuer_transaction_id, "card": bob.issuer_card_id}
        deliver(dispute(expanded, "won", 4500, "funds_reinstated"))
        kept = CardTransaction.objects.get(issuer_transaction_id="idp_1:chargeback")
        assert (kept.is_contradicted, Dispute.objects.get().authorization) == (True, None)
        return theirs, kept

    def test_said_of_the_purchase_that_it_names_its_money_follows(
        self, contradicted: tuple[Told, CardTransaction]
    ) -> None:
        theirs, kept = contradicted
        assert "what the dispute moved" in text_of(logged_in().get(act("say_purchase", kept)))

        press("say_purchase", kept, purchase=str(of(theirs).pk))
        second_person_agrees()

        assert Dispute.objects.get().authorization == of(theirs)
        assert Dispute.objects.get().transaction == CardTransaction.objects.get(transaction_type="settlement")
        assert (paid(theirs), in_clearing(f"authorization:{of(theirs).pk}"), open_cases()) == (0, 0, [])
        assert books_are_right()

    @pytest.mark.parametrize("again", [False, True])
    def test_what_its_issuer_says_later_is_followed(
        self, again: bool, contradicted: tuple[Told, CardTransaction], people: tuple[VirtualCard, VirtualCard]
    ) -> None:
        theirs, kept = contradicted
        capture = CardTransaction.objects.get(transaction_type="settlement")
        expanded = {"id": capture.issuer_transaction_id, "card": people[1].issuer_card_id}
        press("say_purchase", kept, purchase=str(of(theirs).pk))
        second_person_agrees()

        if again:
            deliver(dispute(expanded, "won", 4500, "funds_reinstated"))
        deliver(dispute(expanded, "lost", 4500, "funds_rescinded"))
        run_workers()

        assert (paid(theirs), open_cases()) == (4500, [])
        assert books_are_right()

    def test_all_that_it_moved_comes_along(
        self, contradicted: tuple[Told, CardTransaction], people: tuple[VirtualCard, VirtualCard]
    ) -> None:
        theirs, kept = contradicted
        capture = CardTransaction.objects.get(transaction_type="settlement")
        expanded = {"id": capture.issuer_transaction_id, "card": people[1].issuer_card_id}
        deliver(dispute(expanded, "submitted", 4500, "funds_rescinded"))
        assert Case.objects.filter(status="open", kind="event_contradiction").count() == 2

        press("say_purchase", kept, purchase=str(of(theirs).pk))
        second_person_agrees()

        assert not Case.objects.filter(status="open", kind="event_contradiction").exists()
        assert paid(theirs) == 4500
        assert Posting.objects.filter(kind="chargeback").count() == 2
        assert books_are_right()

    def test_a_purchase_of_its_own_card_takes_one_person(
        self, contradicted: tuple[Told, CardTransaction], people: tuple[VirtualCard, VirtualCard]
    ) -> None:
        theirs, kept = contradicted
        own = bought(people[1], 6000)

        press("say_purchase", kept, purchase=str(of(own).pk))

        assert (paid(theirs), paid(own)) == (4500, 1500)
        assert Dispute.objects.get().authorization == of(own)
        assert Dispute.objects.get().transaction is None
        assert open_cases() == []
        assert books_are_right()


def test_what_one_person_may_not_say_alone_is_refused_by_the_domain(people: tuple[VirtualCard, VirtualCard]) -> None:
    ada, bob = people
    theirs = bought(ada, 4500)
    kept = wrong(theirs, bob, type="refund", amount=1200)
    call: Callable[[], None] = lambda: manual_matching.link_by_hand(  # noqa: E731
        refund=kept, purchase=of(theirs), reason=WHY, actor="user:1"
    )
    with pytest.raises(manual_matching.LinkRefusedError, match="second person"):
        call()
    assert open_cases() == ["event_contradiction"]
