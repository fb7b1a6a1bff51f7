"""What could not be given back is sent once more: as one refund, at nobody's cost, and never beside another way."""

import pytest
from django.db import transaction

from audit.models import Entry
from onecard.kit.money import Money
from onecard.outbox.models import Message
from tests.support.back_office import logged_in, sentences
from tests.support.sandboxes import intended_charge
from tests.support.threads import at_once
from tests.wallet.admin.case_pages import buttons, press, staff
from tests.wallet.casework.desks import WHY, assert_refused, clearing, clerk, difference, tried
from tests.wallet.casework.refund_cases import bring_to, ends, merchant_gives_back, refund_that_failed
from tests.wallet.charges.unpaid import pay
from wallet import cases
from wallet.casework import actions as case_actions
from wallet.casework import proposals as case_proposals
from wallet.ledger import check as ledger_check
from wallet.models import Case, CaseNote, FundingRefund, Posting
from wallet.processors.base import RefundOutcome
from wallet.refunds import records as refunds

pytestmark = pytest.mark.django_db


def send_again(case: Case) -> FundingRefund:
    return case_actions.send_again(case=case, user=clerk(), reason=WHY)


def back() -> list[tuple[str, int]]:
    return list(FundingRefund.objects.order_by("pk").values_list("status", "amount_minor"))


def test_it_goes_back_once_without_any_cost_and_the_case_is_closed() -> None:
    case, ada = refund_that_failed(1000), clerk()

    made = case_actions.send_again(case=case, user=ada, reason="Their bank takes it now")

    case.refresh_from_db()
    assert back() == [("canceled", 1000), ("intended", 1000)]
    assert (case.status, case.resolution) == ("resolved", "Their bank takes it now")
    assert Message.objects.filter(topic="refund.requested", payload__refund_id=made.pk).count() == 1
    assert CaseNote.objects.get(case=case).text == "Refund of 10.00 USD sent again: Their bank takes it now"
    assert Entry.objects.get(action="case.sent_again").actor == f"user:{ada.pk}"
    assert bring_to(3500) == 0, "it counts once"

    ends(made, "succeeded")
    assert (clearing(), ledger_check.check()) == (0, [])
    assert not Posting.objects.filter(kind="goodwill").exists()


def test_all_that_failed_goes_back_in_one_sum() -> None:
    case = refund_that_failed(1000)
    merchant_gives_back(500)
    bring_to(3000)
    ends(FundingRefund.objects.latest("pk"), "failed")

    ends(send_again(case), "succeeded")

    assert back() == [("canceled", 1000), ("canceled", 500), ("succeeded", 1500)]
    assert (clearing(), bring_to(3000)) == (0, 0)


def test_a_returned_refund_is_reversed_and_sent_again() -> None:
    charge = intended_charge(purchase="authorization:1")
    pay(charge)
    bring_to(3500)
    refund = FundingRefund.objects.get()
    ends(refund, "succeeded")
    assert refunds.apply_update(RefundOutcome("failed", f"re_{refund.pk}", failure_code="lost_or_stolen_card"))

    ends(send_again(Case.objects.get(kind="refund_failed")), "succeeded")

    refund.refresh_from_db()
    assert (refund.status, refund.failure_code) == ("canceled", "lost_or_stolen_card"), "why stays with it"
    assert (clearing(), ledger_check.check()) == (-3500, [])


def test_a_refund_that_fails_again_is_a_new_case_that_can_be_sent_again() -> None:
    case = refund_that_failed(1000)
    ends(send_again(case), "failed")

    anew = Case.objects.get(kind="refund_failed", status="open")
    assert (anew.pk != case.pk, anew.money, clearing()) == (True, Money(1000, "USD"), -1000)
    ends(send_again(anew), "succeeded")
    assert clearing() == 0


def test_a_second_click_gets_a_sentence() -> None:
    case = refund_that_failed(1000)
    send_again(case)
    assert_refused(lambda: send_again(case), "resolved")
    assert len(back()) == 2


def test_nothing_is_sent_again_beside_another_way() -> None:
    case = refund_that_failed(1000)
    case_proposals.propose(case=case, proposal="outside", user=clerk(), reason="Sent to their bank")
    assert_refused(lambda: send_again(case), "agree to that or withdraw")
    case_proposals.agree(case=case, user=clerk(), reason=WHY)
    merchant_gives_back(500)
    bring_to(3000)
    ends(FundingRefund.objects.latest("pk"), "failed")

    assert_refused(
        lambda: send_again(Case.objects.get(kind="refund_failed", status="open")), "10.00 USD of it was booked"
    )
    assert back() == [("failed", 1000), ("failed", 500)]


def test_nothing_is_sent_again_where_nothing_has_failed() -> None:
    case = refund_that_failed(1000)
    FundingRefund.objects.update(status="succeeded")
    assert_refused(lambda: send_again(case), "No refund of it has failed")
    assert_refused(lambda: send_again(difference()), "not about a refund")
    with transaction.atomic():
        named = cases.open_case(
            kind="refund_failed",
            reference="authorization:7",
            money=Money(5, "USD"),
            summary="Paid outside the product.",
        )
    assert_refused(lambda: send_again(named), "no charge behind")
    assert len(back()) == 1


def test_no_refund_at_our_cost_is_made_of_what_only_has_to_be_sent_again() -> None:
    case = refund_that_failed(1000)
    assert_refused(
        lambda: case_actions.refund(case=case, user=clerk(), amount=Money(1000, "USD"), reason=WHY, shown_minor=1000),
        "send the refund again",
    )
    assert back() == [("failed", 1000)]
    assert not Posting.objects.filter(kind="goodwill").exists()


def test_the_case_has_the_button_and_not_the_one_that_costs() -> None:
    case, ada = refund_that_failed(1000), staff("change_case")
    assert buttons(case, logged_in(ada)) == {"send-again", "ask-outside", "note", "take"}

    assert "on its way again" in sentences(press(case, "send-again", ada))
    assert "nothing is left to do" in sentences(press(case, "send-again", ada))

    assert back() == [("canceled", 1000), ("intended", 1000)]


@pytest.mark.django_db(transaction=True)
def test_many_clicks_at_once_send_it_once() -> None:
    case = refund_that_failed(1000)
    assert at_once([tried(lambda: send_again(case))] * 4).count("done") == 1
    assert back() == [("canceled", 1000), ("intended", 1000)]
