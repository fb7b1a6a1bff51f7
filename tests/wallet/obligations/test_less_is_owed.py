"""What is not paid yet and not needed in full any more: the next card is asked for what is left, and for no more."""

import pytest
from django.db import transaction

from onecard.kit.money import Money
from tests.sandbox.running import RunningSandbox
from tests.support.back_office import logged_in, text_of
from tests.support.sandboxes import given_back, intents
from tests.wallet.casework.desks import WHY, clerk
from tests.wallet.charges.cascades import ME, a_wallet, decline, make_retry_due, owe, receivable, run_out, sandbox, step
from wallet import locking as wallet_locking
from wallet.casework import actions as case_actions
from wallet.charges import charge as charges
from wallet.charges import outcomes
from wallet.ledger import check as ledger_check
from wallet.models import FundingCharge, FundingMethod, FundingObligation, FundingRefund, Posting
from wallet.obligations import adjust
from wallet.obligations import lifecycle as obligations
from wallet.processors.base import Outcome
from wallet.refunds import records as refunds
from wallet.refunds import send as refund_sending

__all__ = ["sandbox"]
pytestmark = pytest.mark.django_db


def less(obligation: FundingObligation, minor: int = 1500) -> None:
    with transaction.atomic():
        refunds.begin(obligation=wallet_locking.lock(obligation.pk), amount_minor=minor, reason="Less.", actor=ME)


def asked(obligation: FundingObligation) -> list[int]:
    charges = obligation.charges.select_related("obligation").order_by("sequence")
    return [charge.money.minor for charge in charges]


def back() -> list[tuple[str, int]]:
    return list(FundingRefund.objects.order_by("pk").values_list("status", "amount_minor"))


def second_is_asked_for_less(sandbox: RunningSandbox) -> tuple[FundingObligation, list[FundingMethod]]:
    """45.00 that the first card declined, of which 15.00 had fallen away; 30.00 are intended for the second."""
    cards = a_wallet(cards=2)
    obligation = owe(cards[0])
    less(obligation)
    decline(sandbox, cards[0], "insufficient_funds")
    step(obligation, cards)
    assert asked(obligation) == [4500, 3000]
    return obligation, cards


def paid_by_hand(charge: FundingCharge) -> None:
    charge.refresh_from_db()
    assert outcomes.apply_update(Outcome("succeeded", charge.processor_charge_id or ""))


def test_the_next_card_pays_what_is_left_and_nothing_goes_back(sandbox: RunningSandbox) -> None:
    obligation, cards = second_is_asked_for_less(sandbox)

    assert run_out(obligation, cards) == "funded"

    assert sorted(str(intent["amount"]) for intent in intents(sandbox)) == ["3000", "4500"]
    assert obligation.payable == Money(3000, "USD")
    assert Posting.objects.get(kind="charge").amount_minor == 3000
    assert back() == [("canceled", 1500)]
    assert adjust.committed_minor(obligation.purchase, "USD") == 3000
    assert ledger_check.check() == []


def test_what_falls_away_after_that_goes_back_once_it_is_paid(sandbox: RunningSandbox) -> None:
    obligation, cards = second_is_asked_for_less(sandbox)
    less(obligation, 500)

    assert run_out(obligation, cards) == "funded"
    refund_sending.refund(refund_id=FundingRefund.objects.latest("pk").pk)

    assert [each["amount"] for each in given_back()] == [500]
    assert adjust.committed_minor(obligation.purchase, "USD") == 2500


def test_a_retry_by_the_clock_and_a_person_ask_for_what_is_left(sandbox: RunningSandbox) -> None:
    (only,) = a_wallet(cards=1)
    obligation = owe(only)
    decline(sandbox, only, "insufficient_funds", times=2)
    less(obligation)
    run_out(obligation, [only])
    assert (asked(obligation), receivable().amount_minor) == ([4500, 3000], 3000)
    less(obligation, 500)
    make_retry_due(obligation)
    run_out(obligation, [only])
    assert asked(obligation) == [4500, 3000, 2500]
    less(obligation, 400)

    charge = case_actions.charge_again(case=receivable(), user=clerk(), reason=WHY)

    assert asked(obligation) == [4500, 3000, 2500, 2100]
    assert charges.charge(charge_id=charge.pk) == "succeeded"
    assert Posting.objects.get(kind="charge").amount_minor == 2100
    assert ledger_check.check() == []
    shown = text_of(logged_in().get(f"/admin/wallet/fundingcharge/{charge.pk}/change/"))
    assert "21.00 USD" in shown


def test_a_first_card_that_pays_late_in_full_gets_the_rest_back(sandbox: RunningSandbox) -> None:
    obligation, _ = second_is_asked_for_less(sandbox)

    paid_by_hand(obligation.charges.get(sequence=1))

    obligation.refresh_from_db()
    assert (obligation.status, obligation.payable.minor) == ("funded", 4500)
    assert Posting.objects.get(kind="charge").amount_minor == 4500
    assert back() == [("canceled", 1500), ("intended", 1500)]
    assert FundingRefund.objects.latest("pk").next_attempt_at is not None, "at once"
    assert adjust.committed_minor(obligation.purchase, "USD") == 3000
    assert ledger_check.check() == []


def test_a_late_success_after_the_second_card_failed_is_refunded_in_part(sandbox: RunningSandbox) -> None:
    obligation, _ = second_is_asked_for_less(sandbox)
    second = obligation.charges.get(sequence=2)
    FundingCharge.objects.filter(pk=second.pk).update(status="sending")
    paid_by_hand(obligation.charges.get(sequence=1))

    outcomes.record(charge_id=second.pk, outcome=Outcome("declined", "pi_2", "stolen_card"), actor=ME)

    obligation.refresh_from_db()
    assert (obligation.status, obligation.payable.minor) == ("funded", 4500)
    assert back() == [("canceled", 1500), ("intended", 1500)]
    assert ledger_check.check() == []


def test_all_that_was_taken_late_goes_back_when_nothing_is_owed(sandbox: RunningSandbox) -> None:
    obligation, _ = second_is_asked_for_less(sandbox)
    with transaction.atomic():
        obligations.release(obligation_id=obligation.pk, actor="issuer:stripe")

    paid_by_hand(obligation.charges.get(sequence=1))

    assert back() == [("canceled", 1500), ("intended", 4500)]
    assert ledger_check.check() == []


def test_a_hold_that_lapsed_is_made_anew_for_what_is_left(sandbox: RunningSandbox) -> None:
    (only,) = a_wallet(cards=1)
    obligation = owe(only)
    FundingObligation.objects.update(policy="hold_then_capture")
    first = obligation.charges.get()
    assert charges.charge(charge_id=first.pk) == "held"
    with transaction.atomic():
        assert obligations.give_up(wallet_locking.lock(obligation.pk), 500, actor=ME)
    first.refresh_from_db()
    outcomes.apply_update(Outcome("canceled", first.processor_charge_id or ""))

    step(obligation, [only])

    assert asked(obligation) == [4500, 4000]
    assert charges.charge(charge_id=obligation.charges.get(sequence=2).pk) == "held"
    assert sorted(str(intent["amount"]) for intent in intents(sandbox)) == ["4000", "4500"]
