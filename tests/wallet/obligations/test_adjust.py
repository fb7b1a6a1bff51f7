"""What is owed is brought about: more is charged, less is given back, the same again changes nothing."""

from threading import Event

import pytest
from django.db import OperationalError, connection, transaction

from onecard.kit.money import Money
from onecard.kit.transactions import TransactionError
from onecard.outbox.models import Message
from tests.support.sandboxes import intended_charge
from tests.support.threads import at_once
from tests.wallet.casework.desks import clerk, unfunded
from wallet.casework import actions as case_actions
from wallet.charges import outcomes
from wallet.ledger import postings as ledger
from wallet.models import FundingCharge, FundingObligation, FundingRefund
from wallet.obligations import adjust
from wallet.obligations import lifecycle as obligations
from wallet.processors.base import Outcome
from wallet.refunds import records as refunds

pytestmark = pytest.mark.django_db
PURCHASE = "authorization:1"


def first(amount_minor: int = 4500, *, paid: bool = True) -> FundingCharge:
    charge = intended_charge(amount_minor=amount_minor)
    FundingObligation.objects.filter(pk=charge.obligation_id).update(purchase=PURCHASE)
    if paid:
        pay(charge)
    return FundingCharge.objects.get(pk=charge.pk)


def pay(charge: FundingCharge) -> None:
    FundingCharge.objects.filter(pk=charge.pk).update(status="sending")
    outcomes.record(charge_id=charge.pk, outcome=Outcome("succeeded", f"pi_{charge.pk}"), actor="processor:stripe")


def bring_to(minor: int, *, purchase: str = PURCHASE, is_over: bool = False) -> int:
    with transaction.atomic():
        owed = Money(minor, "USD")
        return adjust.bring_to(
            purchase=purchase, amount_due=owed, description="Bistro", is_over=is_over, actor="issuer:x"
        )


def owing() -> list[tuple[str, int]]:
    return list(FundingObligation.objects.order_by("pk").values_list("status", "amount_minor"))


def back() -> list[tuple[str, int]]:
    return list(FundingRefund.objects.order_by("pk").values_list("status", "amount_minor"))


def test_what_is_asked_for_already_is_left_alone() -> None:
    first()
    assert [bring_to(4500), bring_to(4500)] == [0, 0]
    assert (owing(), back()) == ([("funded", 4500)], [])


def test_a_tip_is_charged_to_the_card_that_paid() -> None:
    charge = first()
    assert [bring_to(5400), bring_to(5400)] == [900, 0]
    assert owing() == [("funded", 4500), ("open", 900)]
    more = FundingCharge.objects.latest("pk")
    assert (more.method, more.status) == (charge.method, "intended")
    assert Message.objects.filter(topic="funding.requested", payload__charge_id=more.pk).count() == 1


def test_a_smaller_capture_gives_the_rest_back() -> None:
    first()
    assert [bring_to(4000), bring_to(4000)] == [-500, 0]
    assert (owing(), back()) == ([("funded", 4500)], [("intended", 500)])


def test_what_was_not_sent_yet_is_released_and_not_charged() -> None:
    first(paid=False)
    assert bring_to(0) == -4500
    assert (owing(), back()) == ([("released", 4500)], [])
    assert FundingCharge.objects.get().status == "canceled"


def test_less_than_what_is_still_under_way_waits_for_it() -> None:
    charge = first(paid=False)
    FundingCharge.objects.update(status="sending")
    bring_to(4000)
    assert FundingRefund.objects.get().next_attempt_at is None

    pay(charge)

    refund = FundingRefund.objects.get()
    assert (refund.charge, refund.status) == (charge, "intended")
    assert refund.next_attempt_at is not None


def test_the_newest_is_given_back_first() -> None:
    first(3000)
    bring_to(4000)
    pay(FundingCharge.objects.latest("pk"))
    bring_to(2500)
    assert [
        (refund.obligation.amount_minor, refund.amount_minor) for refund in FundingRefund.objects.order_by("pk")
    ] == [
        (1000, 1000),
        (3000, 500),
    ]


def test_up_and_down_and_up_again_ends_where_it_says() -> None:
    first()
    for minor in (4000, 6000, 0, 100, 4500, 4499, 0):
        bring_to(minor)
        left = sum(
            each.amount_minor - refunds.given_back_minor(each)
            for each in FundingObligation.objects.exclude(status="released")
        )
        assert left == minor


def test_a_purchase_without_any_charge_is_left_to_a_person() -> None:
    assert bring_to(4500) == 0
    assert not FundingObligation.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_adjusting_outside_a_transaction_is_refused() -> None:
    with pytest.raises(TransactionError):
        adjust.bring_to(purchase=PURCHASE, amount_due=Money(1, "USD"), description="", is_over=False, actor="x")


@pytest.mark.django_db(transaction=True)
def test_the_same_amount_due_from_many_at_once_is_one_charge() -> None:
    first()

    def act() -> None:
        try:
            bring_to(5000)
        finally:
            connection.close()

    at_once([act] * 8)

    assert owing() == [("funded", 4500), ("open", 500)]


def test_what_two_people_wrote_off_is_not_asked_for_again() -> None:
    charge = first(paid=False)
    with transaction.atomic():
        ledger.post(kind="write_off", key="write_off:1", money=Money(4500, "USD"), reference=PURCHASE)
        obligations.release(obligation_id=charge.obligation_id, actor="user:2")

    assert [bring_to(4500), bring_to(4500)] == [0, 0]
    assert owing() == [("released", 4500)]
    assert bring_to(5000) == 500, "what is captured after it is owed"


@pytest.mark.django_db(transaction=True)
def test_a_case_without_a_charge_waits_for_the_settlement_of_its_purchase() -> None:
    """Else two people book, or close, what a settlement is just making something else."""
    case, ada = unfunded(), clerk()
    settled, looked = Event(), Event()

    def settle() -> None:
        with transaction.atomic():
            bring_to(3000, purchase=case.reference)
            settled.set()
            assert looked.wait(30)

    def work() -> str:
        assert settled.wait(30)
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '200ms'")
            case_actions.take(case=case, user=ada)
        except OperationalError:
            return "waited"
        finally:
            looked.set()
        return "went on"

    assert at_once([settle, work])[1] == "waited"
