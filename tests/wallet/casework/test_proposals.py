"""What two people agree to: money written off, or settled outside; booked once, and never by one of them alone."""

from functools import partial

import pytest
from django.db import IntegrityError, transaction

from audit.models import Entry
from onecard.kit.money import Money
from tests.support.factories import UserFactory
from tests.support.sandboxes import intended_charge
from tests.support.threads import at_once
from tests.wallet.casework.desks import WHY, assert_refused, clearing, clerk, difference, tried, unfunded
from tests.wallet.casework.refund_cases import (
    bring_to,
    ends,
    merchant_gives_back,
    paid_purchase,
    refund_that_failed,
    surplus,
)
from tests.wallet.charges.unpaid import PURCHASE, pay, receivable, statuses
from wallet import cases
from wallet.accounts import Account
from wallet.casework import actions as case_actions
from wallet.casework import proposals as case_proposals
from wallet.charges import outcomes
from wallet.ledger import check as ledger_check
from wallet.ledger import postings as ledger
from wallet.models import Case, CaseNote, FundingCharge, FundingObligation, FundingRefund, Posting
from wallet.processors.base import Outcome

pytestmark = pytest.mark.django_db


class TestWriteOff:
    def test_a_write_off_by_two_people_returns_clearing_to_zero(self) -> None:
        case, ada, bob = receivable(), clerk(), clerk()
        assert clearing() == 4500

        case_proposals.propose(case=case, proposal="write_off", user=ada, reason="They moved away")
        assert clearing() == 4500
        lost = case_proposals.agree(case=case, user=bob, reason="Not worth a letter")

        case.refresh_from_db()
        assert (lost, clearing()) == (Money(4500, "USD"), 0)
        assert ledger.balance(Account.WRITE_OFFS, currency="USD") == 4500
        posted = Posting.objects.get(kind="write_off")
        assert (posted.key, posted.reference) == (f"write_off:{case.pk}", PURCHASE)
        assert (case.status, case.resolution) == ("resolved", "Not worth a letter")
        assert (case.proposed_by, case.agreed_by) == (ada, bob)
        assert FundingObligation.objects.get().status == "released"
        assert statuses(case) == [(1, "declined"), (2, "canceled")]
        notes = list(CaseNote.objects.order_by("pk").values_list("author", "text"))
        assert notes == [
            (ada.pk, "Asked to write off 45.00 USD: They moved away"),
            (bob.pk, "Wrote off 45.00 USD: Not worth a letter"),
        ]
        assert Entry.objects.get(action="case.written_off").details["amount_minor"] == 4500

    def test_the_proposer_cannot_agree(self) -> None:
        case, ada = receivable(), clerk()
        case_proposals.propose(case=case, proposal="write_off", user=ada, reason=WHY)
        mailbox = UserFactory(is_staff=True, email=ada.email.title())
        for same in (ada, mailbox):
            assert_refused(lambda same=same: case_proposals.agree(case=case, user=same, reason=WHY), "second person")
        assert not Posting.objects.filter(kind="write_off").exists()
        assert FundingObligation.objects.get().status != "released"

    def test_the_database_refuses_the_proposer_as_second_person(self) -> None:
        case, ada = receivable(), clerk()
        for asked_by in (ada, None):
            with pytest.raises(IntegrityError, match="two_people"), transaction.atomic():
                Case.objects.filter(pk=case.pk).update(proposed_by=asked_by, agreed_by=ada)

    def test_nobody_agrees_without_a_proposal_or_after_its_withdrawal(self) -> None:
        case, ada, bob = receivable(), clerk(), clerk()
        assert_refused(lambda: case_proposals.agree(case=case, user=bob, reason=WHY), "Nobody has proposed")
        assert_refused(lambda: case_proposals.withdraw(case=case, user=bob, reason=WHY), "Nobody has proposed")
        case_proposals.propose(case=case, proposal="write_off", user=ada, reason=WHY)
        assert_refused(lambda: case_proposals.propose(case=case, proposal="write_off", user=bob, reason=WHY), "already")
        case_proposals.withdraw(case=case, user=bob, reason="They paid by transfer")
        assert_refused(lambda: case_proposals.agree(case=case, user=bob, reason=WHY), "Nobody has proposed")
        assert not Posting.objects.filter(kind="write_off").exists()

    def test_nothing_is_written_off_before_a_capture(self) -> None:
        case = receivable(captured_minor=0)
        assert_refused(
            lambda: case_proposals.propose(case=case, proposal="write_off", user=clerk(), reason=WHY), "captured"
        )

    def test_no_more_is_lost_than_was_captured(self) -> None:
        case = receivable(captured_minor=1200)
        case_proposals.propose(case=case, proposal="write_off", user=clerk(), reason=WHY)
        assert case_proposals.agree(case=case, user=clerk(), reason=WHY) == Money(1200, "USD")
        assert clearing() == 0

    def test_what_was_paid_meanwhile_is_not_written_off(self) -> None:
        case = receivable()
        case_proposals.propose(case=case, proposal="write_off", user=clerk(), reason=WHY)
        pay(FundingCharge.objects.get(sequence=2))
        assert_refused(lambda: case_proposals.agree(case=case, user=clerk(), reason=WHY), "resolved")
        assert not Posting.objects.filter(kind="write_off").exists()
        assert FundingObligation.objects.get().status == "funded"

    def test_a_purchase_that_the_issuer_approved_alone_can_be_written_off(self) -> None:
        case = unfunded()
        case_proposals.propose(case=case, proposal="write_off", user=clerk(), reason=WHY)
        lost = case_proposals.agree(case=case, user=clerk(), reason=WHY)
        case.refresh_from_db()
        assert (lost, case.status) == (Money(3000, "USD"), "resolved")
        assert clearing("authorization:7") == 0

    def test_what_a_card_was_asked_for_meanwhile_is_not_given_up_beside_that(self) -> None:
        case = unfunded()
        charge = intended_charge(purchase=case.reference)
        for proposal in ("write_off", "outside"):
            assert_refused(
                partial(case_proposals.propose, case=case, user=clerk(), proposal=proposal, reason=WHY), "A card"
            )
        assert not Posting.objects.filter(kind__in=("write_off", "outside")).exists()

        FundingObligation.objects.filter(pk=charge.obligation_id).update(status="released")
        case_proposals.propose(case=case, user=clerk(), proposal="write_off", reason=WHY)

    def test_a_case_about_something_else_is_not_written_off(self) -> None:
        assert_refused(
            lambda: case_proposals.propose(case=difference(), proposal="write_off", user=clerk(), reason=WHY),
            "not about money",
        )

    def test_a_payment_after_the_write_off_goes_back(self) -> None:
        """The bank's late yes is money that nobody owes any more: it is given back by itself."""
        case = receivable()
        case_proposals.propose(case=case, proposal="write_off", user=clerk(), reason=WHY)
        case_proposals.agree(case=case, user=clerk(), reason=WHY)
        late = Outcome("succeeded", f"pi_{FundingCharge.objects.get(sequence=1).pk}")
        outcomes.record(charge_id=FundingCharge.objects.get(sequence=1).pk, outcome=late, actor="processor:stripe")
        assert FundingRefund.objects.get().amount_minor == 4500


class TestSettledOutside:
    def test_a_payment_by_transfer_is_booked_and_no_card_is_charged(self) -> None:
        case, ada, bob = receivable(), clerk(), clerk()

        case_proposals.propose(case=case, proposal="outside", user=ada, reason="Transfer of May 3")
        assert clearing() == 4500
        booked = case_proposals.agree(case=case, user=bob, reason="Seen on the statement")

        case.refresh_from_db()
        assert (booked, clearing(), case.status) == (Money(4500, "USD"), 0, "resolved")
        assert (case.proposal, case.proposed_by, case.agreed_by) == ("outside", ada, bob)
        assert ledger.balance(Account.OUTSIDE, currency="USD") == 4500
        assert ledger.balance(Account.WRITE_OFFS, currency="USD") == 0
        assert statuses(case) == [(1, "declined"), (2, "canceled")]
        assert bring_to(4500) == 0
        assert Entry.objects.get(action="case.settled_outside").details["amount_minor"] == 4500
        assert ledger_check.check() == []

    def test_nobody_agrees_with_themselves(self) -> None:
        case, ada = receivable(), clerk()
        case_proposals.propose(case=case, proposal="outside", user=ada, reason=WHY)
        assert_refused(lambda: case_proposals.agree(case=case, user=ada, reason=WHY), "second person")
        assert not Posting.objects.filter(kind="outside").exists()

    def test_a_refund_that_failed_and_was_sent_by_transfer_empties_clearing(self) -> None:
        case = refund_that_failed(1000)
        assert clearing() == -1000
        assert_refused(lambda: case_actions.resolve(case=case, user=clerk(), reason=WHY), "10.00 USD is in clearing")

        case_proposals.propose(case=case, proposal="outside", user=clerk(), reason="Sent to their bank")
        booked = case_proposals.agree(case=case, user=clerk(), reason=WHY)

        case.refresh_from_db()
        assert (booked, clearing(), case.status) == (Money(1000, "USD"), 0, "resolved")
        assert ledger.balance(Account.OUTSIDE, currency="USD") == -1000
        assert FundingObligation.objects.get().status == "funded"
        assert bring_to(3500) == 0, "what was given back another way is charged to nobody"

    def test_a_second_refund_that_failed_is_in_the_same_case(self) -> None:
        case = refund_that_failed(1000)
        merchant_gives_back(500)
        bring_to(3000)
        ends(FundingRefund.objects.latest("pk"), "failed")
        case_proposals.propose(case=case, proposal="outside", user=clerk(), reason="Sent to their bank")
        booked = case_proposals.agree(case=case, user=clerk(), reason=WHY)
        assert (booked, clearing()) == (Money(1500, "USD"), 0)

    def test_an_overpayment_on_no_card_is_closed_once_it_was_paid_out(self) -> None:
        case = surplus(700)
        assert_refused(lambda: case_actions.resolve(case=case, user=clerk(), reason=WHY), "7.00 USD is in clearing")
        case_proposals.propose(case=case, proposal="outside", user=clerk(), reason="Sent to their bank.")
        case_proposals.agree(case=case, user=clerk(), reason=WHY)
        case.refresh_from_db()
        assert (case.status, clearing()) == ("resolved", 0)

    @pytest.mark.parametrize("under_way", [0, 200])
    def test_an_overpayment_on_a_card_is_closed_with_a_sentence(self, under_way: int) -> None:
        """Also while something else of the purchase is in clearing: found by a random life."""
        case = surplus(700)
        if under_way:
            merchant_gives_back(under_way)
        with transaction.atomic():
            ledger.post(kind="balance_spent", key="b:1", money=Money(700, "USD"), reference=PURCHASE, back=True)
        assert_refused(
            lambda: case_proposals.propose(case=case, proposal="outside", user=clerk(), reason=WHY), "in clearing"
        )
        case_actions.resolve(case=case, user=clerk(), reason="They spend it.")
        case.refresh_from_db()
        assert case.status == "resolved"

    def test_a_refund_of_an_outside_payment_opens_one_case(self) -> None:
        case = receivable()
        case_proposals.propose(case=case, proposal="outside", user=clerk(), reason=WHY)
        case_proposals.agree(case=case, user=clerk(), reason=WHY)
        merchant_gives_back(4500)

        bring_to(0)
        bring_to(0)
        told = Case.objects.get(kind="refund_failed")
        assert (told.reference, told.money, clearing()) == (PURCHASE, Money(4500, "USD"), -4500)
        case_proposals.propose(case=told, proposal="outside", user=clerk(), reason="Sent back")
        case_proposals.agree(case=told, user=clerk(), reason=WHY)
        bring_to(0)
        assert (clearing(), Case.objects.filter(status="open").count()) == (0, 0)
        assert ledger.balance(Account.OUTSIDE, currency="USD") == 0

    def test_other_cases_are_not_about_such_money(self) -> None:
        assert_refused(
            lambda: case_proposals.propose(case=difference(), proposal="outside", user=clerk(), reason=WHY),
            "come or go",
        )
        case = receivable(captured_minor=0)
        assert_refused(
            lambda: case_proposals.propose(case=case, proposal="outside", user=clerk(), reason=WHY), "captured"
        )

    def test_the_database_wants_to_know_what_is_proposed(self) -> None:
        case = receivable()
        for changes in ({"proposed_by": clerk()}, {"proposal": "outside"}):
            with pytest.raises(IntegrityError, match="who_proposes_says_what"), transaction.atomic():
                Case.objects.filter(pk=case.pk).update(**changes)


class TestNotLostAfterAll:
    def test_what_a_merchant_gives_back_makes_a_loss_good_first(self) -> None:
        case = receivable()
        case_proposals.propose(case=case, proposal="write_off", user=clerk(), reason=WHY)
        case_proposals.agree(case=case, user=clerk(), reason=WHY)
        merchant_gives_back(1500)

        bring_to(3000)
        bring_to(3000)
        assert (clearing(), ledger.balance(Account.WRITE_OFFS, currency="USD")) == (0, 3000)
        merchant_gives_back(3000)
        bring_to(0)
        assert (clearing(), ledger.balance(Account.WRITE_OFFS, currency="USD")) == (0, 0)
        assert bring_to(4500) == 4500, "what is captured again is owed again"

    def test_so_it_is_for_a_purchase_that_no_card_was_asked_for(self) -> None:
        case = unfunded(captured_minor=3000)
        case_proposals.propose(case=case, proposal="write_off", user=clerk(), reason=WHY)
        case_proposals.agree(case=case, user=clerk(), reason=WHY)
        merchant_gives_back(3000, reference="authorization:7")
        bring_to(0, purchase="authorization:7")
        assert clearing("authorization:7") == 0
        assert not FundingObligation.objects.exists()

    def test_a_goodwill_refund_is_our_loss_and_is_not_charged_again(self) -> None:
        case, ada = paid_purchase(), clerk()
        case_actions.refund(case=case, user=ada, amount=Money(1000, "USD"), reason="For the trouble", shown_minor=0)
        refund = FundingRefund.objects.get()
        assert bring_to(4500) == 0
        ends(refund, "succeeded")

        assert [bring_to(4500), bring_to(4500)] == [0, 0]
        assert FundingObligation.objects.count() == 1
        assert (clearing(), ledger.balance(Account.GOODWILL, currency="USD")) == (0, 1000)
        assert ledger_check.check() == []

    def test_when_the_merchant_gives_all_back_the_kindness_has_cost_nothing(self) -> None:
        case, ada = paid_purchase(), clerk()
        case_actions.refund(case=case, user=ada, amount=Money(1000, "USD"), reason="For the trouble", shown_minor=0)
        merchant_gives_back(4500)
        bring_to(0)
        for refund in FundingRefund.objects.order_by("pk"):
            ends(refund, "succeeded")
        given_back = list(FundingRefund.objects.order_by("pk").values_list("amount_minor", flat=True))
        assert given_back == [1000, 3500]
        assert (clearing(), ledger.balance(Account.GOODWILL, currency="USD")) == (0, 0)

    def test_beside_a_second_charge_nothing_is_given_back_by_a_button(self) -> None:
        case = paid_purchase()
        assert case.obligation is not None
        with transaction.atomic():
            cases.open_obligation_case(kind="two_charges", obligation=case.obligation, summary="Twice.")
        call = partial(case_actions.refund, case=case, user=clerk(), reason=WHY, shown_minor=0)
        assert_refused(lambda: call(amount=Money(1000, "USD")), "not listed here")
        assert not FundingRefund.objects.exists()
        assert not Posting.objects.filter(kind="goodwill").exists()


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def test_many_agree_at_once_and_it_is_lost_once(self) -> None:
        case = receivable()
        case_proposals.propose(case=case, proposal="write_off", user=clerk(), reason=WHY)
        people = [clerk() for _ in range(4)]
        calls = [tried(lambda user=user: case_proposals.agree(case=case, user=user, reason=WHY)) for user in people]
        assert at_once(calls).count("done") == 1
        assert Posting.objects.filter(kind="write_off").count() == 1
        assert clearing() == 0

    def test_an_agreement_and_a_payment_do_not_lose_or_double_the_money(self) -> None:
        case = receivable(code="stolen_card")
        first = FundingCharge.objects.get(sequence=1)
        case_proposals.propose(case=case, proposal="write_off", user=clerk(), reason=WHY)
        bob = clerk()

        def late_success() -> str:
            news = Outcome("succeeded", first.processor_charge_id or "")
            outcomes.record(charge_id=first.pk, outcome=news, actor="processor:stripe")
            return "paid"

        fail_or_done = at_once([late_success, tried(lambda: case_proposals.agree(case=case, user=bob, reason=WHY))])[1]
        refund = FundingRefund.objects.first()
        if fail_or_done == "done":
            assert refund is not None
            assert refund.amount_minor == 4500
        else:
            assert refund is None
            assert clearing() == 0
