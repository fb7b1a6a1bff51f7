"""Reconciliation over real HTTP: what a lost webhook or answer left behind is found and repaired, once."""

import datetime as dt
import time
from collections.abc import Callable
from io import StringIO

import pytest
from django.core.management import call_command

from audit.models import Entry
from issuing.models import Authorization, CardTransaction
from onecard.kit import clock
from onecard.kit.transactions import transaction
from tests.issuing.reconcile.books import forget_posting
from tests.issuing.reconcile.conftest import Result
from tests.journeys.two_issuers import Side, settle
from tests.sandbox.running import RunningSandbox
from tests.support.sandboxes import CITI, CUSTOMER
from wallet.charges import charge as charges
from wallet.models import Case, FundingCharge, FundingObligation, FundingRefund, Posting
from wallet.processors.stripe.client import stripe_client
from wallet.refunds import records as refunds

pytestmark = pytest.mark.django_db(transaction=True)


Reconcile = Callable[..., Result]


def counts() -> tuple[int, ...]:
    tables = (CardTransaction, Posting, FundingCharge, FundingRefund, FundingObligation, Authorization)
    return tuple(table.objects.count() for table in tables)


@pytest.mark.some_in_suite(1)
def test_a_capture_whose_webhook_is_lost_is_found_repaired_and_clean(
    both: RunningSandbox, side: Side, reconcile: Reconcile
) -> None:
    side.buy(4500)
    settle(both)
    assert (reconcile().status, reconcile().found) == (0, [])
    both.order(webhook="*", do="drop", times=50)
    side.capture(4500, final=True)
    before, name = counts(), f"transactions.{side.card.issuer_provider}"

    first = reconcile()

    lacking = [("missing_here", name, "left")]
    if side.card.issuer_provider == "stripe":  # Marqeta says no balance.
        lacking.append(("amount", "at_the_issuer.stripe", "left"))
    assert (first.status, first.lines()) == (1, lacking)
    assert counts() == before, "without --fix nothing but cases is written"
    case = Case.objects.get(kind="reconciliation", reference__contains=":missing_here:")
    assert (case.status, case.amount_minor, case.currency) == ("open", 4500, "USD")
    assert case.reference == f"reconcile:missing_here:{name}:{first.found[0]['key']}"
    assert reconcile().found[0]["case"] == case.pk, "the same difference keeps its case"

    second = reconcile("--fix")

    assert (second.status, second.lines()) == (0, [("missing_here", name, "repaired")])
    kept = CardTransaction.objects.get()
    assert (kept.source, kept.amount_minor, kept.authorization) == ("sync", 4500, Authorization.objects.get())
    assert Posting.objects.get(key=f"card_transaction:{kept.pk}").amount_minor == 4500
    entry = Entry.objects.get(action="reconcile.repaired")
    assert (entry.subject_id, entry.details["key"]) == (str(kept.pk), kept.issuer_transaction_id)
    case.refresh_from_db()
    assert case.status == "resolved"

    assert (reconcile("--fix").status, reconcile().found) == (0, [])
    assert Entry.objects.filter(action="reconcile.repaired").count() == 1
    assert CardTransaction.objects.count() == 1
    call_command("check_ledger", stdout=StringIO())


def test_a_charge_whose_answer_is_lost_is_heard_of_from_the_list(
    both: RunningSandbox, at_stripe: Side, reconcile: Reconcile
) -> None:
    both.order(method="POST", path="/v1/payment_intents", do="drop_answer")
    both.order(webhook="payment_intent.*", do="drop", times=50)
    at_stripe.buy(4500)
    wait_for_charge("unknown")

    first = reconcile()

    not_booked = ("amount", "at_the_processor.stripe", "left")
    assert (first.status, first.lines()) == (1, [("unknown_outcome", "charges.stripe", "left"), not_booked])
    assert FundingCharge.objects.get().status == "unknown"

    second = reconcile("--fix")

    charge = FundingCharge.objects.get()
    assert (second.status, charge.status, charge.obligation.status) == (0, "succeeded", "funded")
    assert Posting.objects.get(key=f"charge:{charge.public_id}").amount_minor == 4500
    assert Entry.objects.filter(action="reconcile.repaired", subject_id=str(charge.pk)).count() == 1
    assert (reconcile().status, reconcile().found) == (0, [])


def test_a_processor_payment_that_we_did_not_ask_for_becomes_a_case(
    both: RunningSandbox, at_stripe: Side, reconcile: Reconcile
) -> None:
    made = stripe_client().v1.payment_intents.create(
        {
            "amount": 777,
            "currency": "usd",
            "customer": CUSTOMER,
            "payment_method": CITI,
            "off_session": True,
            "confirm": True,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        }
    )
    before = counts()

    found = reconcile("--fix")

    not_booked = ("amount", "at_the_processor.stripe", "left")
    assert (found.status, found.lines()) == (1, [("missing_here", "charges.stripe", "left"), not_booked])
    assert found.found[0]["key"] == made.id
    made_of = {posting.key.partition(":")[0] for posting in Posting.objects.all()}
    assert made_of <= {"fee", "own_money"}, "what the list says of fees is booked, the payment is not"
    assert (*counts()[:1], *counts()[2:]) == (*before[:1], *before[2:])
    reference = f"reconcile:missing_here:charges.stripe:{made.id}"
    assert Case.objects.get(reference=reference, status="open").amount_minor == 777
    assert not Entry.objects.filter(action="reconcile.repaired").exists()


@pytest.mark.only_in_proofs
def test_a_success_that_we_hold_as_declined_is_taken_over(
    both: RunningSandbox, at_stripe: Side, reconcile: Reconcile
) -> None:
    both.order(webhook="payment_intent.*", do="drop", times=50)
    at_stripe.buy(4500)
    wait_for_charge("succeeded")
    # As if a decline had been all that we heard: neither the charge nor the ledger knows of the money.
    charge = FundingCharge.objects.get()
    forget_posting(f"charge:{charge.public_id}")
    FundingCharge.objects.update(status="declined")
    FundingObligation.objects.update(status="failed")

    assert ("state", "charges.stripe", "left") in reconcile().lines()
    assert ("state", "charges.stripe", "repaired") in reconcile("--fix").lines()

    charge.refresh_from_db()
    assert (charge.status, charge.obligation.status) == ("succeeded", "funded")
    assert Posting.objects.filter(key=f"charge:{charge.public_id}").count() == 1
    assert reconcile().found == []


@pytest.mark.some_in_suite(1)
@pytest.mark.parametrize("path", ["/v1/issuing/transactions", "/v1/payment_intents", "/v1/refunds"])
def test_a_list_that_cannot_be_read_concludes_nothing(
    both: RunningSandbox, at_stripe: Side, reconcile: Reconcile, path: str
) -> None:
    at_stripe.buy(4500)
    settle(both)
    at_stripe.capture(4500, final=True)
    settle(both)
    both.order(method="GET", path=path, do="error_500", times=50)

    result = reconcile("--fix")

    assert result.status == 2
    assert "Nothing is concluded" in result.said
    assert not Case.objects.filter(kind="reconciliation").exists()
    both.release()


def test_a_charge_unknown_to_the_processor_is_asked_again_and_stays_open(
    both: RunningSandbox, at_stripe: Side, reconcile: Reconcile
) -> None:
    both.order(method="POST", path="/v1/payment_intents", do="drop_request")
    at_stripe.buy(4500)
    wait_for_charge("unknown")
    assert reconcile().found == [], "for an hour it is the sweeper's"
    now = clock.now()
    FundingCharge.objects.update(first_sent_at=now - dt.timedelta(hours=2), next_attempt_at=now + dt.timedelta(hours=1))

    found = reconcile("--fix")

    assert (found.status, found.lines()) == (1, [("unknown_outcome", "charges.stripe", "Asked the processor again.")])
    charge = FundingCharge.objects.get()
    assert charge.next_attempt_at is not None
    assert (charge.status, charge.next_attempt_at <= clock.now()) == ("unknown", True)
    assert Case.objects.get(kind="reconciliation").status == "open"
    assert not Posting.objects.exclude(kind="issuer_funded").exists()

    charges.charge(charge_id=charge.pk)
    assert reconcile().status == 0
    assert Case.objects.get(kind="reconciliation").status == "resolved"


@pytest.mark.only_in_proofs
def test_a_refund_whose_answer_is_lost_is_heard_of_from_the_list(
    both: RunningSandbox, at_stripe: Side, reconcile: Reconcile
) -> None:
    at_stripe.buy(4500)
    settle(both)
    both.order(method="POST", path="/v1/refunds", do="drop_answer", times=5)
    both.order(webhook="*", do="drop", times=50)
    paid = FundingCharge.objects.get()
    with transaction():
        refund = refunds.begin(obligation=paid.obligation, amount_minor=700, reason="Test", actor="system:test")
    until(lambda: FundingRefund.objects.filter(status="unknown").exists())

    assert ("unknown_outcome", "refunds.stripe", "left") in reconcile().lines()
    assert ("unknown_outcome", "refunds.stripe", "repaired") in reconcile("--fix").lines()

    refund.refresh_from_db()
    assert refund.status == "succeeded"
    assert Posting.objects.get(key=f"refund:{refund.public_id}").amount_minor == 700
    assert reconcile().found == []


def wait_for_charge(status: str) -> None:
    until(lambda: FundingCharge.objects.filter(status=status).exists())


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)
