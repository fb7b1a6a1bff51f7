"""A lost answer stays unknown whatever comes after it; an unread request was never made (money-safety F5, F8)."""

import datetime as dt
from collections.abc import Iterator

import pytest
from django.db import transaction

from onecard.kit import clock
from tests.sandbox.running import RunningSandbox
from tests.support.sandboxes import given_back, intended_charge, intents, let_probe, processor_sandbox
from wallet.charges import charge as charges
from wallet.charges import outcomes
from wallet.models import Case, FundingCharge, FundingRefund
from wallet.obligations import lifecycle as obligations
from wallet.processors.base import Outcome
from wallet.processors.stripe.client import StripeProcessor
from wallet.refunds import records as refunds
from wallet.refunds import send as refund_sending

pytestmark = pytest.mark.django_db
INTENTS, REFUNDS = "/v1/payment_intents", "/v1/refunds"


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with processor_sandbox() as running:
        yield running


def later(charge: FundingCharge, **passed: int) -> str:
    """The charge's status after so much time and another try."""
    mine = FundingCharge.objects.filter(pk=charge.pk)
    mine.update(next_attempt_at=clock.now(), updated_at=clock.now() - dt.timedelta(**passed))
    mine.filter(claimed_until__isnull=False).update(claimed_until=clock.now())
    return charges.charge(charge_id=charge.pk)


def release(charge: FundingCharge) -> None:
    with transaction.atomic():
        obligations.release(obligation_id=charge.obligation_id, actor="issuer:stripe")


def wish(charge: FundingCharge) -> FundingRefund:
    with transaction.atomic():
        return refunds.begin(obligation=charge.obligation, amount_minor=1500, reason="Less.", actor="user:1")


def refund_later(refund: FundingRefund) -> str:
    FundingRefund.objects.filter(pk=refund.pk).update(next_attempt_at=clock.now())
    return refund_sending.refund(refund_id=refund.pk)


def test_a_look_up_that_is_turned_away_does_not_make_a_charge_unsent(sandbox: RunningSandbox) -> None:
    charge = intended_charge()
    sandbox.order(method="POST", path=INTENTS, do="rate_limit")
    assert charges.charge(charge_id=charge.pk) == "intended"
    sandbox.order(method="POST", path=INTENTS, do="drop_answer")
    sandbox.order(method="GET", path=INTENTS, do="rate_limit")

    assert later(charge) == "unknown"
    release(charge)
    assert later(charge) == "succeeded"

    assert len(intents(sandbox)) == 1
    assert FundingRefund.objects.get().amount_minor == 4500


def test_a_look_up_that_is_turned_away_does_not_make_a_refund_unsent(sandbox: RunningSandbox) -> None:
    charge = intended_charge()
    charges.charge(charge_id=charge.pk)
    refund = wish(charge)
    sandbox.order(method="POST", path=REFUNDS, do="rate_limit")
    assert refund_sending.refund(refund_id=refund.pk) == "intended"
    sandbox.order(method="POST", path=REFUNDS, do="drop_answer")
    sandbox.order(method="GET", path=REFUNDS, do="rate_limit")

    assert refund_later(refund) == "unknown"
    assert refund_later(refund) == "succeeded"

    assert [each["amount"] for each in given_back()] == [1500]


@pytest.mark.parametrize("do", ["rate_limit", "unauthorized"])
def test_a_key_that_nobody_has_read_does_not_age(sandbox: RunningSandbox, do: str) -> None:
    """A day of refusals ends with the charge, and the refund, and not with the end of their keys."""
    charge, a_day_ago = intended_charge(), clock.now() - dt.timedelta(hours=24)
    sandbox.order(method="POST", path=INTENTS, do=do)
    assert charges.charge(charge_id=charge.pk) == "intended"
    FundingCharge.objects.exclude(first_sent_at=None).update(first_sent_at=a_day_ago)
    let_probe()
    assert later(charge) == "succeeded"

    refund = wish(charge)
    sandbox.order(method="POST", path=REFUNDS, do=do)
    assert refund_sending.refund(refund_id=refund.pk) == "intended"
    FundingRefund.objects.exclude(first_sent_at=None).update(first_sent_at=a_day_ago)
    let_probe()
    assert refund_later(refund) == "succeeded"


def test_a_released_charge_that_was_sent_just_now_may_still_turn_up(sandbox: RunningSandbox) -> None:
    charge = intended_charge()
    sandbox.order(method="POST", path=INTENTS, do="drop_request")
    assert charges.charge(charge_id=charge.pk) == "unknown"
    release(charge)

    assert later(charge, seconds=2) == "unknown"
    charge.refresh_from_db()
    assert charge.next_attempt_at is not None
    assert charge.next_attempt_at - clock.now() > dt.timedelta(minutes=4)
    StripeProcessor().charge(charges.order_of(charge))  # It was under way all the time.

    assert later(charge, minutes=5) == "succeeded"
    assert FundingRefund.objects.get().amount_minor == 4500
    assert not Case.objects.exists()


def test_only_the_last_try_counts_for_how_long_ago_it_was(sandbox: RunningSandbox) -> None:
    charge = intended_charge()
    sandbox.order(method="POST", path=INTENTS, do="drop_request", times=2)
    assert charges.charge(charge_id=charge.pk) == "unknown"
    FundingCharge.objects.update(first_sent_at=clock.now() - dt.timedelta(minutes=30))
    assert later(charge) == "unknown"
    release(charge)

    assert later(charge, seconds=2) == "unknown"
    assert later(charge, minutes=5) == "canceled"
    assert intents(sandbox) == []


@pytest.mark.parametrize("status", ["canceled", "refused"])
@pytest.mark.parametrize("known", [False, True], ids=["never seen", "seen before"])
def test_a_hold_that_we_took_for_never_made_is_a_persons(status: str, known: bool) -> None:
    charge = intended_charge()
    FundingCharge.objects.update(status=status, processor_charge_id="pi_1" if known else None)

    assert outcomes.apply_update(Outcome("held", "pi_1", charge_public_id=str(charge.public_id)))

    charge.refresh_from_db()
    assert charge.status == status
    told = list(Case.objects.values_list("kind", flat=True))
    assert told == ([] if known else ["two_charges"]), "what we called off ourselves was held before"
