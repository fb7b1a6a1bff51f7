"""Two people agree to one amount: the one that was asked for, and no other that it has become meanwhile."""

import pytest

from tests.support.back_office import logged_in, sentences, text_of
from tests.wallet.admin.case_pages import act, page, press, staff
from tests.wallet.casework.desks import WHY, assert_refused, clearing, clerk
from tests.wallet.casework.refund_cases import merchant_gives_back
from tests.wallet.charges.unpaid import PURCHASE, capture, receivable
from wallet.casework import proposals as case_proposals
from wallet.models import Case, Posting

pytestmark = pytest.mark.django_db


def proposed(case: Case) -> int | None:
    case.refresh_from_db()
    return case.proposed_minor


@pytest.mark.parametrize("proposal", ["write_off", "outside"])
def test_nobody_agrees_to_another_amount_than_was_asked_for(proposal: str) -> None:
    case, bob = receivable(), clerk()
    case_proposals.propose(case=case, proposal=proposal, user=clerk(), reason=WHY)
    assert proposed(case) == 4500
    merchant_gives_back(1500)

    words = "45.00 USD was asked for, and it would be 30.00 USD now. Withdraw it"
    assert_refused(lambda: case_proposals.agree(case=case, user=bob, reason=WHY), words)
    assert not Posting.objects.filter(kind=proposal).exists()

    case_proposals.withdraw(case=case, user=bob, reason="It is less by now")
    assert proposed(case) is None
    case_proposals.propose(case=case, proposal=proposal, user=clerk(), reason=WHY)
    assert str(case_proposals.agree(case=case, user=bob, reason=WHY)) == "30.00 USD"
    assert (proposed(case), clearing()) == (3000, 0)


def test_an_old_proposal_without_an_amount_must_be_proposed_again() -> None:
    case = receivable()
    case_proposals.propose(case=case, proposal="write_off", user=clerk(), reason=WHY)
    Case.objects.update(proposed_minor=None)

    assert_refused(lambda: case_proposals.agree(case=case, user=clerk(), reason=WHY), "Nobody wrote down how much")
    assert not Posting.objects.filter(kind="write_off").exists()


def test_the_agreement_page_names_the_proposed_amount() -> None:
    case, boss = receivable(captured_minor=1200), staff("agree_write_off")
    case_proposals.propose(case=case, proposal="write_off", user=clerk(), reason=WHY)

    asked = text_of(logged_in(boss).get(act(case, "agree")))

    assert "Agree: write off, 12.00 USD" in asked
    assert "45.00 USD" not in asked


def test_a_case_whose_amount_changed_says_so_and_has_no_agree_button() -> None:
    case, boss = receivable(), staff("agree_write_off")
    case_proposals.propose(case=case, proposal="write_off", user=clerk(), reason=WHY)
    merchant_gives_back(1500)

    shown = text_of(logged_in(boss).get(page(case)))

    assert "45.00 USD was asked for, and it would be 30.00 USD now" in shown
    assert f'href="{act(case, "agree")}"' not in shown
    assert "it would be 30.00 USD now" in sentences(press(case, "agree", boss))
    assert not Posting.objects.filter(kind="write_off").exists()


def test_a_page_with_another_proposal_agrees_to_nothing() -> None:
    case, boss = receivable(captured_minor=1200), staff("agree_write_off")
    case_proposals.propose(case=case, proposal="write_off", user=clerk(), reason=WHY)
    seen = logged_in(boss).get(act(case, "agree")).context["form"]["shown_minor"].value()
    case_proposals.withdraw(case=case, user=clerk(), reason="More was captured")
    capture(800, reference=PURCHASE, key="capture:later")
    case_proposals.propose(case=case, proposal="write_off", user=clerk(), reason=WHY)

    answer = press(case, "agree", boss, shown_minor=str(seen))
    assert "another amount was proposed" in " ".join(answer.context["form"].non_field_errors())
    assert not Posting.objects.filter(kind="write_off").exists()

    press(case, "agree", boss, shown_minor="2000")
    assert Posting.objects.get(kind="write_off").amount_minor == 2000
