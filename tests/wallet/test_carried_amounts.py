"""Amounts that the processor cannot move: on the next charge, or written off, and never lost or taken twice (0037)."""

import datetime as dt
import itertools
from collections.abc import Iterator

import pytest
from django.db import transaction

from onecard.kit import clock
from onecard.kit.money import Money
from tests.sandbox.running import RunningSandbox
from tests.support.factories import CardholderFactory, FundingMethodFactory
from tests.support.sandboxes import CITI, CUSTOMER, given_back, intents, processor_sandbox
from tests.support.threads import at_once
from wallet import carried_amounts
from wallet.accounts import Account
from wallet.charges import charge as charges
from wallet.charges import outcomes
from wallet.ledger import check as ledger_check
from wallet.ledger import postings as ledger
from wallet.models import CarriedAmount, Case, FundingCharge, FundingMethod, FundingObligation, FundingRefund, Posting
from wallet.obligations import adjust
from wallet.obligations import lifecycle as obligations
from wallet.processors.base import Outcome
from wallet.refunds import send as refund_sending

pytestmark = pytest.mark.django_db(transaction=True)
_numbers = itertools.count(1)


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with processor_sandbox() as running:
        yield running


@pytest.fixture
def method() -> FundingMethod:
    holder = CardholderFactory(processor_customer_id=CUSTOMER)
    return FundingMethodFactory(
        cardholder=holder, processor_method_id=CITI, is_backup=True, currencies=["USD", "KWD", "ISK", "MGA", "EUR"]
    )


def owe(method: FundingMethod, minor: int, currency: str = "USD", *, captured: bool = True) -> FundingCharge:
    """A purchase of so much, captured by its merchant, with its first charge."""
    name = f"authorization:55{next(_numbers):06d}"
    with transaction.atomic():
        money = Money(minor, currency)
        charge = obligations.begin(method=method, reference=f"{name}:1", purchase=name, description="Cafe", money=money)
        if captured:
            ledger.post(kind=Posting.Kind.CAPTURE, key=f"capture:{name}", money=money, reference=name)
    return charge


def pay(charge: FundingCharge) -> str:
    FundingCharge.objects.filter(pk=charge.pk, next_attempt_at__isnull=False).update(next_attempt_at=clock.now())
    return charges.charge(charge_id=charge.pk)


def bring(charge: FundingCharge, minor: int, *, currency: str = "USD") -> int:
    with transaction.atomic():
        return adjust.bring_to(
            purchase=charge.obligation.purchase,
            amount_due=Money(minor, currency),
            description="",
            is_over=True,
            actor="me",
        )


def left(account: str, charge: FundingCharge | None = None, currency: str = "USD") -> int:
    return ledger.balance(account, currency=currency, reference=charge.obligation.purchase if charge else None)


def amounts(sandbox: RunningSandbox) -> list[object]:
    return sorted(int(str(intent["amount"])) for intent in intents(sandbox))


def test_difference_below_the_minimum_goes_along_with_the_next_charge(
    sandbox: RunningSandbox, method: FundingMethod
) -> None:
    first = owe(method, 4500)
    assert pay(first) == "succeeded"
    with transaction.atomic():
        ledger.post(kind=Posting.Kind.CAPTURE, key="more", money=Money(31, "USD"), reference=first.obligation.purchase)
    assert bring(first, 4531) == 31
    assert pay(FundingCharge.objects.latest("pk")) == "canceled"

    assert not Case.objects.exists()
    assert (left(Account.PURCHASES, first), left(Account.CARRIED)) == (0, 31)
    assert bring(first, 4531) == 0

    second = owe(method, 1000)
    assert pay(second) == "succeeded"
    assert amounts(sandbox) == [1031, 4500]
    assert CarriedAmount.objects.get().status == "paid"
    assert (left(Account.CARRIED), left(Account.PURCHASES), left(Account.PROCESSOR)) == (0, 0, 5531)
    assert ledger_check.check() == []


def test_small_purchases_add_up_until_they_can_be_charged(sandbox: RunningSandbox, method: FundingMethod) -> None:
    assert [pay(owe(method, minor)) for minor in (20, 20, 20)] == ["canceled", "canceled", "succeeded"]
    assert amounts(sandbox) == [60]
    assert left(Account.CARRIED) == 0
    assert not Case.objects.exists()
    assert ledger_check.check() == []


@pytest.mark.parametrize(("currency", "small", "large"), [("KRW", 500, 9000), ("ISK", 45, 2000), ("CLP", 400, 9000)])
def test_refused_as_too_small_is_carried_where_no_minimum_is_known(
    sandbox: RunningSandbox, method: FundingMethod, currency: str, small: int, large: int
) -> None:
    sandbox.order(method="POST", path="/v1/payment_intents", do="refuse", error_code="amount_too_small", times=2)
    for _ in range(2):
        assert pay(owe(method, small, currency)) == "refused"
    assert not Case.objects.exists()
    assert left(Account.CARRIED, currency=currency) == 2 * small

    assert pay(owe(method, large, currency)) == "succeeded"

    assert left(Account.CARRIED, currency=currency) == 0
    assert left(Account.PROCESSOR, currency=currency) == large + 2 * small
    assert ledger_check.check() == []


def test_written_off_in_a_currency_without_a_known_minimum(sandbox: RunningSandbox, method: FundingMethod) -> None:
    sandbox.order(method="POST", path="/v1/payment_intents", do="refuse", error_code="amount_too_small")
    pay(owe(method, 500, "KRW"))

    assert carried_amounts.sweep(now=clock.now() + dt.timedelta(days=400)) == 1

    assert left(Account.CARRIED, currency="KRW") == 0
    assert ledger_check.check() == []


@pytest.mark.parametrize(("minor", "currency"), [(900_000, "KRW"), (50_000, "USD"), (45, "LBP")])
def test_amount_that_cannot_be_too_small_has_a_case(
    sandbox: RunningSandbox, method: FundingMethod, minor: int, currency: str
) -> None:
    sandbox.order(method="POST", path="/v1/payment_intents", do="refuse", error_code="amount_too_small")

    assert pay(owe(method, minor, currency)) == "refused"

    assert [case.kind for case in Case.objects.all()] == ["funding_refused"]
    assert not CarriedAmount.objects.exists()


def test_nobody_else_and_no_other_currency_pays_it(sandbox: RunningSandbox, method: FundingMethod) -> None:
    pay(owe(method, 31))
    other = FundingMethodFactory(
        cardholder=CardholderFactory(processor_customer_id=CUSTOMER), processor_method_id="pm_1SG9gRQLFtcEJSwHXKtuCu0T"
    )
    assert pay(owe(other, 1000)) == "succeeded"
    assert pay(owe(method, 1000, "EUR")) == "succeeded"

    assert amounts(sandbox) == [1000, 1000]
    assert left(Account.CARRIED) == 31


def test_two_next_charges_at_once_take_it_along_once(sandbox: RunningSandbox, method: FundingMethod) -> None:
    for minor in (11, 12, 13):
        pay(owe(method, minor))
    intended = [owe(method, 1000) for _ in range(4)]

    at_once([lambda pk=each.pk: charges.charge(charge_id=pk) for each in intended])

    assert sum(int(str(each)) for each in amounts(sandbox)) == 4036
    assert left(Account.CARRIED) == 0
    assert ledger_check.check() == []


def test_declined_next_charge_sets_it_down_again(sandbox: RunningSandbox, method: FundingMethod) -> None:
    pay(owe(method, 31))
    sandbox.order(method="POST", path="/v1/payment_intents", do="decline", decline_code="do_not_honor")
    declined = owe(method, 1000)
    assert pay(declined) == "declined"
    assert CarriedAmount.objects.get().status == "waiting"
    FundingMethod.objects.update(cooling_until=None)

    assert pay(owe(method, 2000)) == "succeeded"
    assert amounts(sandbox)[-1] == 2031

    declined.refresh_from_db()
    outcomes.record(
        charge_id=declined.pk, outcome=Outcome("succeeded", declined.processor_charge_id or "pi_late"), actor="me"
    )
    assert left(Account.CARRIED) == -31, "paid twice: it comes off the next charge"
    assert pay(owe(method, 1000)) == "succeeded"
    assert 969 in amounts(sandbox)
    assert left(Account.CARRIED) == 0
    assert ledger_check.check() == []


def test_lost_answer_keeps_the_amount_that_was_asked(sandbox: RunningSandbox, method: FundingMethod) -> None:
    pay(owe(method, 31))
    charge = owe(method, 1000)
    sandbox.order(method="POST", path="/v1/payment_intents", do="drop_answer")
    assert pay(charge) == "unknown"
    pay(owe(method, 12))

    assert pay(charge) == "succeeded"
    assert amounts(sandbox) == [1031]
    assert left(Account.CARRIED) == 12


def test_purchase_that_is_not_owed_any_more_takes_it_back(sandbox: RunningSandbox, method: FundingMethod) -> None:
    small = owe(method, 31, captured=False)
    pay(small)
    bring(small, 0)
    bring(small, 0)

    assert CarriedAmount.objects.get().status == "taken_back"
    assert (left(Account.CARRIED), left(Account.PURCHASES, small)) == (0, 0)
    assert pay(owe(method, 1000)) == "succeeded"
    assert amounts(sandbox) == [1000]
    assert ledger_check.check() == []


def test_not_owed_any_more_after_it_was_paid_comes_off_the_next_charge(
    sandbox: RunningSandbox, method: FundingMethod
) -> None:
    small = owe(method, 31, captured=False)
    pay(small)
    carrier = owe(method, 1000)
    pay(carrier)
    bring(small, 0)
    assert left(Account.CARRIED) == -31

    bring(carrier, 0)
    assert [each.amount_minor for each in FundingRefund.objects.all()] == [1000]
    refund_sending.refund(refund_id=FundingRefund.objects.get().pk)
    assert pay(owe(method, 500)) == "succeeded"
    assert amounts(sandbox) == [469, 1031]
    assert left(Account.CARRIED) == 0
    assert ledger_check.check() == []


def test_what_waits_too_long_is_written_off_within_the_days_bound(
    sandbox: RunningSandbox, method: FundingMethod, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = owe(method, 31)
    pay(small)
    pay(owe(method, 10))
    monkeypatch.setattr(carried_amounts, "MOST_WRITE_OFFS_A_DAY", 0.7)
    assert carried_amounts.sweep() == 0
    later = clock.now() + dt.timedelta(days=31)

    assert carried_amounts.sweep(now=later) == 1
    assert carried_amounts.sweep(now=later) == 0
    assert (left(Account.WRITE_OFFS), left(Account.CARRIED)) == (31, 10)
    assert bring(small, 31) == 0
    assert not FundingRefund.objects.exists()

    bring(small, 0)
    assert (left(Account.WRITE_OFFS), left(Account.CARRIED)) == (0, 10)
    assert ledger_check.check() == []


def test_dinar_is_rounded_down_and_the_rest_is_carried(sandbox: RunningSandbox, method: FundingMethod) -> None:
    first = owe(method, 10125, "KWD")
    assert pay(first) == "succeeded"
    assert amounts(sandbox) == [10120]
    assert (left(Account.CARRIED, currency="KWD"), left(Account.PURCHASES, first, "KWD")) == (5, 0)
    assert bring(first, 10125, currency="KWD") == 0

    assert pay(owe(method, 5005, "KWD")) == "succeeded"
    assert amounts(sandbox) == [5010, 10120]
    assert left(Account.CARRIED, currency="KWD") == 0
    assert ledger_check.check() == []


def test_refund_of_a_few_fils_is_rounded_down_and_credited(sandbox: RunningSandbox, method: FundingMethod) -> None:
    charge = owe(method, 10120, "KWD", captured=False)
    pay(charge)
    bring(charge, 7123, currency="KWD")
    assert refund_sending.refund(refund_id=FundingRefund.objects.get().pk) == "succeeded"

    assert [each["amount"] for each in given_back()] == [2990]
    assert left(Account.CARRIED, currency="KWD") == -7
    assert bring(charge, 7123, currency="KWD") == 0
    assert FundingRefund.objects.count() == 1
    assert ledger_check.check() == []


def test_capture_of_a_hold_is_rounded_down_too(sandbox: RunningSandbox, method: FundingMethod) -> None:
    charge = owe(method, 10120, "KWD")
    FundingObligation.objects.update(policy="hold_then_capture")
    assert pay(charge) == "held"
    bring(charge, 7123, currency="KWD")
    assert pay(charge) == "succeeded"

    assert [intent["amount_received"] for intent in intents(sandbox)] == [7120]
    assert left(Account.CARRIED, currency="KWD") == 3
    assert ledger_check.check() == []


@pytest.mark.parametrize(("currency", "minor", "theirs"), [("ISK", 50, 5000), ("MGA", 10100, 101)])
def test_charge_and_refund_in_a_special_currency(
    sandbox: RunningSandbox, method: FundingMethod, currency: str, minor: int, theirs: int
) -> None:
    charge = owe(method, minor, currency, captured=False)
    assert pay(charge) == "succeeded"
    bring(charge, 0, currency=currency)
    assert refund_sending.refund(refund_id=FundingRefund.objects.get().pk) == "succeeded"

    assert amounts(sandbox) == [theirs]
    assert [each["amount"] for each in given_back()] == [theirs]
    assert ledger_check.check() == []
