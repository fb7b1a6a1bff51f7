"""What a lost dispute of our charge leaves: the cardholder owes the money, and no card is charged for it."""

from collections.abc import Iterator
from typing import Any

import pytest

from issuing.handlers import dispatch
from onecard.kit import clock
from onecard.kit.money import Money
from onecard.kit.transactions import transaction
from onecard.outbox.models import Message
from tests.issuing.handlers.charge_disputes import (
    balance,
    deliver_dispute_events,
    end_dispute,
    open_cases,
    open_dispute,
    paid_charge,
)
from tests.sandbox.running import RunningSandbox
from tests.support.back_office import superuser
from tests.support.factories import FundingMethodFactory
from tests.support.sandboxes import processor_sandbox
from wallet.accounts import Account
from wallet.casework import actions as case_actions
from wallet.casework import proposals as case_proposals
from wallet.charges import charge as charges
from wallet.ledger import check as ledger_check
from wallet.ledger import postings as ledger
from wallet.models import CarriedAmount, Case, FundingCharge, FundingDispute, FundingObligation, FundingRefund
from wallet.obligations import adjust
from wallet.refunds import records as refunds
from wallet.refunds import send as refund_sending

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with processor_sandbox() as running:
        yield running


def test_lost_dispute_is_owed_by_the_cardholder_and_charges_no_card(sandbox: RunningSandbox) -> None:
    charge = paid_charge()
    end_dispute(sandbox, open_dispute(sandbox, charge), "lose")

    deliver_dispute_events(sandbox)

    owed = FundingObligation.objects.exclude(pk=charge.obligation_id).get()
    assert (owed.status, owed.payable.minor, owed.purchase) == ("failed", 4500, charge.obligation.purchase)
    assert owed.charges.count() == 0
    assert open_cases() == ["receivable"]
    assert Message.objects.filter(topic="cardholder.notify").count() == 1
    assert balance(Account.FUNDING_DISPUTES) == 0
    assert balance(Account.PURCHASES, owed.purchase) == 4500
    assert adjust.committed_minor(owed.purchase, "USD") == 4500
    assert ledger_check.check() == []


def test_settlement_after_a_lost_dispute_neither_charges_nor_refunds(sandbox: RunningSandbox) -> None:
    charge = paid_charge()
    end_dispute(sandbox, open_dispute(sandbox, charge), "lose")
    deliver_dispute_events(sandbox)

    with transaction():
        change = adjust.bring_to(
            purchase=charge.obligation.purchase,
            amount_due=Money(4500, "USD"),
            description="",
            is_over=True,
            actor="system:t",
        )

    assert change == 0
    assert FundingCharge.objects.count() == 1
    assert not FundingRefund.objects.exists()


def test_merchant_refund_after_a_lost_dispute_lessens_what_is_owed(sandbox: RunningSandbox) -> None:
    charge = paid_charge()
    end_dispute(sandbox, open_dispute(sandbox, charge), "lose")
    deliver_dispute_events(sandbox)

    with transaction():
        adjust.bring_to(
            purchase=charge.obligation.purchase,
            amount_due=Money(0, "USD"),
            description="",
            is_over=True,
            actor="system:t",
        )

    owed = FundingObligation.objects.exclude(pk=charge.obligation_id).get()
    assert (owed.status, open_cases()) == ("released", [])
    assert not FundingRefund.objects.exists()


def test_cardholder_pays_a_lost_dispute_with_another_card(sandbox: RunningSandbox) -> None:
    charge = paid_charge()
    end_dispute(sandbox, open_dispute(sandbox, charge), "lose")
    deliver_dispute_events(sandbox)
    other = FundingMethodFactory(cardholder=charge.method.cardholder, processor_method_id="pm_1SG9gRQLFtcEJSwHXKtuCu0T")
    case = Case.objects.get(kind="receivable")
    made = case_actions.charge_another(case=case, user=superuser(), method=other, reason="They asked for it.")

    assert charges.charge(charge_id=made.pk) == "succeeded"
    assert open_cases() == []
    assert balance(Account.PURCHASES, charge.obligation.purchase) == 0
    assert ledger_check.check() == []


def test_won_after_it_was_lost_takes_the_debt_away(sandbox: RunningSandbox) -> None:
    charge = paid_charge()
    disputed = open_dispute(sandbox, charge)
    end_dispute(sandbox, disputed, "lose")
    deliver_dispute_events(sandbox)
    end_dispute(sandbox, disputed, "win")
    FundingDispute.objects.update(told_at=clock.now() - dispatch.WAIT_FOR_DECISION)
    deliver_dispute_events(sandbox)

    owed = FundingObligation.objects.exclude(pk=charge.obligation_id).get()
    assert (FundingDispute.objects.get().status, owed.status, open_cases()) == ("won", "released", [])
    assert (balance(Account.FUNDING_DISPUTES), balance(Account.PURCHASES)) == (0, 0)
    assert balance(Account.PROCESSOR) == 4500
    assert ledger_check.check() == []


def lost(sandbox: RunningSandbox, charge: FundingCharge, **params: Any) -> dict[str, Any]:
    disputed = open_dispute(sandbox, charge, **params)
    end_dispute(sandbox, disputed, "lose")
    deliver_dispute_events(sandbox)
    return disputed


def won_after_all(sandbox: RunningSandbox, disputed: dict[str, Any]) -> None:
    end_dispute(sandbox, disputed, "win")
    FundingDispute.objects.update(told_at=clock.now() - dispatch.WAIT_FOR_DECISION)
    deliver_dispute_events(sandbox)


def test_what_was_carried_for_a_loss_is_not_owed_once_it_is_won(sandbox: RunningSandbox) -> None:
    charge = paid_charge()
    disputed = lost(sandbox, charge, amount=10)
    other = FundingMethodFactory(cardholder=charge.method.cardholder, processor_method_id="pm_1SG9gRQLFtcEJSwHXKtuCu0T")
    case = Case.objects.get(kind="receivable")
    made = case_actions.charge_another(case=case, user=superuser(), method=other, reason="They asked for it.")
    charges.charge(charge_id=made.pk)
    assert CarriedAmount.objects.get().status == "waiting"

    won_after_all(sandbox, disputed)

    assert CarriedAmount.objects.get().status == "taken_back"
    assert balance(Account.PURCHASES, charge.obligation.purchase) == 0
    assert ledger_check.check() == []


def test_what_came_back_is_given_back_where_the_purchase_fell_away(sandbox: RunningSandbox) -> None:
    charge = paid_charge()
    disputed = lost(sandbox, charge)
    purchase = charge.obligation.purchase
    with transaction():
        ledger.post(kind="merchant_refund", key="back", money=Money(4500, "USD"), reference=purchase)
        adjust.bring_to(purchase=purchase, amount_due=Money(0, "USD"), description="", is_over=True, actor="system:t")

    won_after_all(sandbox, disputed)

    refund = FundingRefund.objects.get()
    assert (refund.obligation, refund.amount_minor) == (charge.obligation, 4500)
    assert adjust.committed_minor(purchase, "USD") == 0
    assert ledger_check.check() == []


def test_what_we_gave_up_of_a_loss_is_no_loss_once_it_is_won(sandbox: RunningSandbox) -> None:
    charge = paid_charge()
    disputed = lost(sandbox, charge)
    case = Case.objects.get(kind="receivable")
    case_proposals.propose(case=case, user=superuser(), proposal="write_off", reason="They cannot pay.")
    case_proposals.agree(case=case, user=superuser(), reason="Nor can they.")
    assert balance(Account.PURCHASES, charge.obligation.purchase) == 0

    won_after_all(sandbox, disputed)

    assert balance(Account.PURCHASES, charge.obligation.purchase) == 0
    assert not FundingRefund.objects.exists()
    assert ledger_check.check() == []


def test_two_partial_disputes_of_one_charge_are_two(sandbox: RunningSandbox) -> None:
    charge = paid_charge()
    end_dispute(sandbox, open_dispute(sandbox, charge, amount=1000), "lose")
    end_dispute(sandbox, open_dispute(sandbox, charge, amount=2000), "lose")

    deliver_dispute_events(sandbox)

    owed = FundingObligation.objects.exclude(pk=charge.obligation_id).order_by("pk")
    assert [each.payable.minor for each in owed] == [1000, 2000]
    assert refunds.given_back_minor(charge.obligation) == 3000
    assert balance(Account.PURCHASES, charge.obligation.purchase) == 3000
    assert ledger_check.check() == []


def test_dispute_after_a_refund_is_owed_beside_it(sandbox: RunningSandbox) -> None:
    charge = paid_charge()
    with transaction():
        refund = refunds.begin(obligation=charge.obligation, amount_minor=1500, reason="Less.", actor="user:1")
    refund_sending.refund(refund_id=refund.pk)
    end_dispute(sandbox, open_dispute(sandbox, charge), "lose")

    deliver_dispute_events(sandbox)

    assert FundingObligation.objects.exclude(pk=charge.obligation_id).get().payable.minor == 4500
    assert adjust.committed_minor(charge.obligation.purchase, "USD") == 3000
    assert ledger_check.check() == []


def test_lost_top_up_is_a_case_for_a_person(sandbox: RunningSandbox) -> None:
    charge = paid_charge(purchase="card:9001")
    end_dispute(sandbox, open_dispute(sandbox, charge), "lose")

    deliver_dispute_events(sandbox)

    assert open_cases() == ["unhandled_money"]
    assert FundingObligation.objects.count() == 1
    assert balance(Account.FUNDING_DISPUTES) == 4500
