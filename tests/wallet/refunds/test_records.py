"""Giving money back over real HTTP, once, whatever dies or is lost (money-safety F4, F5, F6, F8)."""

import datetime as dt
from collections.abc import Iterator

import pytest
from django.db import connection, transaction

from audit.models import Entry
from onecard.kit import clock
from onecard.kit.attempts import ATTEMPTS_BEFORE_CASE
from onecard.kit.transactions import TransactionError
from tests.sandbox.running import RunningSandbox
from tests.support.sandboxes import given_back, intended_charge, let_probe, processor_sandbox
from tests.support.threads import at_once
from wallet.accounts import Account
from wallet.charges import charge as charges
from wallet.ledger import postings as ledger
from wallet.models import Case, FundingCharge, FundingRefund, Posting
from wallet.processors.base import OutcomeUnknownError, RefundOrder, RefundOutcome
from wallet.refunds import records as refunds
from wallet.refunds import send as refund_sending

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def served() -> Iterator[RunningSandbox]:
    with processor_sandbox() as running:
        yield running


@pytest.fixture
def sandbox(served: RunningSandbox) -> RunningSandbox:
    served.reset()
    return served


def paid(sandbox: RunningSandbox) -> FundingCharge:
    charge = intended_charge()
    assert charges.charge(charge_id=charge.pk) == "succeeded"
    charge.refresh_from_db()
    return charge


def wish(charge: FundingCharge, amount_minor: int = 1500) -> FundingRefund:
    with transaction.atomic():
        return refunds.begin(
            obligation=charge.obligation, amount_minor=amount_minor, reason="Captured for less.", actor="user:1"
        )


def later() -> None:
    past = clock.now() - dt.timedelta(hours=2)
    FundingRefund.objects.filter(next_attempt_at__isnull=False).update(next_attempt_at=past)
    FundingRefund.objects.filter(status="sending").update(claimed_until=past)
    refund_sending.sweep()


def amounts() -> list[object]:
    return [each["amount"] for each in given_back()]


def clearing(charge: FundingCharge) -> int:
    return ledger.balance(Account.PURCHASES, currency="USD", reference=charge.obligation.reference)


def test_a_part_goes_back_to_the_card_that_paid_and_the_books_say_so(sandbox: RunningSandbox) -> None:
    charge = paid(sandbox)
    assert clearing(charge) == -4500

    refund = wish(charge)
    assert [refund_sending.refund(refund_id=refund.pk) for _ in range(3)] == ["succeeded"] * 3

    (made,) = given_back()
    assert (made["payment_intent"], made["amount"]) == (charge.processor_charge_id, 1500)
    assert made["metadata"] == {"funding_refund": str(refund.public_id)}
    assert clearing(charge) == -3000
    assert ledger.balance(Account.PROCESSOR, currency="USD") == 3000


def test_what_is_not_paid_yet_waits_and_goes_back_once_it_is(sandbox: RunningSandbox) -> None:
    charge = intended_charge()
    refund = wish(charge)
    later()
    assert given_back() == []

    charges.charge(charge_id=charge.pk)
    later()

    assert amounts() == [1500]
    refund.refresh_from_db()
    assert (refund.status, refund.charge) == ("succeeded", charge)


@pytest.mark.parametrize("amount_minor", [0, -1, 4501])
def test_no_more_goes_back_than_was_paid(sandbox: RunningSandbox, amount_minor: int) -> None:
    charge = paid(sandbox)
    with pytest.raises(ValueError, match="given back"):
        wish(charge, amount_minor)
    assert not FundingRefund.objects.exists()


def test_parts_together_are_no_more_than_the_whole(sandbox: RunningSandbox) -> None:
    charge = paid(sandbox)
    wish(charge, 4000)
    with pytest.raises(ValueError, match="500 is left"):
        wish(charge, 501)
    wish(charge, 500)


@pytest.mark.parametrize("fault", ["drop_answer", "drop_request", "error_500", "malformed_json", "html_error"])
def test_a_fault_on_the_way_ends_in_one_refund(sandbox: RunningSandbox, fault: str) -> None:
    charge = paid(sandbox)
    refund = wish(charge)
    sandbox.order(method="POST", path="/v1/refunds", do=fault)

    assert refund_sending.refund(refund_id=refund.pk) == "unknown"
    later()

    refund.refresh_from_db()
    if fault == "error_500":
        # A stored error answers the key for ever: what is found decides, and past the key's life nothing is sent.
        FundingRefund.objects.update(first_sent_at=clock.now() - dt.timedelta(hours=24))
        later()
        refund.refresh_from_db()
        assert (refund.status, amounts()) == ("failed", [])
        assert Case.objects.get().kind == "refund_failed"
    else:
        assert (refund.status, amounts()) == ("succeeded", [1500])
        assert Posting.objects.filter(kind="charge_refund").count() == 1


@pytest.mark.parametrize("fault", ["rate_limit", "unauthorized"])
def test_what_was_not_looked_at_is_sent_again(sandbox: RunningSandbox, fault: str) -> None:
    refund = wish(paid(sandbox))
    sandbox.order(method="POST", path="/v1/refunds", do=fault)
    assert refund_sending.refund(refund_id=refund.pk) == "intended"
    let_probe()
    later()
    assert amounts() == [1500]


def test_a_refund_that_keeps_failing_has_one_case_until_it_succeeds(sandbox: RunningSandbox) -> None:
    refund = wish(paid(sandbox))
    sandbox.order(method="POST", path="/v1/refunds", do="drop_request", times=ATTEMPTS_BEFORE_CASE + 2)
    for _ in range(ATTEMPTS_BEFORE_CASE - 1):
        later()
    assert not Case.objects.exists()

    for _ in range(3):
        later()

    case = Case.objects.get()
    assert (case.kind, case.status, case.amount_minor, case.obligation) == (
        "refund_unknown",
        "open",
        1500,
        refund.obligation,
    )

    later()

    case.refresh_from_db()
    refund.refresh_from_db()
    assert (refund.status, case.status, amounts()) == ("succeeded", "resolved", [1500])


def test_a_refund_that_fails_at_last_has_the_case_of_a_failed_one_alone(sandbox: RunningSandbox) -> None:
    refund = wish(paid(sandbox))
    sandbox.order(method="POST", path="/v1/refunds", do="drop_request", times=ATTEMPTS_BEFORE_CASE)
    for _ in range(ATTEMPTS_BEFORE_CASE):
        later()
    FundingRefund.objects.update(first_sent_at=clock.now() - dt.timedelta(hours=24))

    later()

    refund.refresh_from_db()
    assert refund.status == "failed"
    assert Case.objects.get(status="open").kind == "refund_failed"
    assert Case.objects.get(status="resolved").kind == "refund_unknown"


def test_a_late_worker_opens_no_case_for_a_refund_that_succeeded(sandbox: RunningSandbox) -> None:
    refund = wish(paid(sandbox))
    FundingRefund.objects.update(attempts=ATTEMPTS_BEFORE_CASE)

    class Overtaken:
        def refund(self, order: RefundOrder) -> RefundOutcome:
            refunds.record(refund_id=refund.pk, outcome=RefundOutcome("succeeded", "re_1"), actor="processor:stripe")
            raise OutcomeUnknownError("The answer was lost.")

        def find_refund(self, order: RefundOrder) -> None:
            return None

    assert refund_sending.refund(refund_id=refund.pk, processor=Overtaken()) == "succeeded"  # type: ignore[arg-type]
    assert not Case.objects.exists()


def test_a_refund_that_the_processor_refuses_is_a_persons_and_not_posted(sandbox: RunningSandbox) -> None:
    charge = paid(sandbox)
    refund = wish(charge, 4500)
    from wallet.processors.stripe.client import stripe_client

    stripe_client().v1.refunds.create({"payment_intent": charge.processor_charge_id or ""})

    assert refund_sending.refund(refund_id=refund.pk) == "failed"

    refund.refresh_from_db()
    assert refund.failure_code == "charge_already_refunded"
    assert Case.objects.get().kind == "refund_failed"
    assert not Posting.objects.filter(kind="charge_refund").exists()


def test_a_refund_that_comes_back_days_later_is_turned_round_and_told(sandbox: RunningSandbox) -> None:
    charge = paid(sandbox)
    refund = wish(charge, 4500)
    refund_sending.refund(refund_id=refund.pk)
    refund.refresh_from_db()
    assert clearing(charge) == 0

    gone = RefundOutcome("failed", refund.processor_refund_id or "", failure_code="lost_or_stolen_card")
    assert refunds.apply_update(gone)
    assert refunds.apply_update(gone)

    assert clearing(charge) == -4500
    assert Case.objects.get().amount_minor == 4500
    assert Posting.objects.count() == 3, "nothing is taken out of the books"


@pytest.mark.parametrize("public_id", ["", "not-a-uuid", "00000000-0000-0000-0000-000000000000"])
def test_an_update_of_a_foreign_refund_is_left_alone(public_id: str) -> None:
    assert not refunds.apply_update(RefundOutcome("failed", "re_theirs", refund_public_id=public_id))


def test_many_workers_at_once_give_it_back_once(sandbox: RunningSandbox) -> None:
    refund = wish(paid(sandbox))

    def act() -> None:
        try:
            refund_sending.refund(refund_id=refund.pk)
        finally:
            connection.close()

    at_once([act] * 12)

    assert amounts() == [1500]
    assert Posting.objects.filter(kind="charge_refund").count() == 1


def test_refunds_are_sent_outside_and_written_inside_a_transaction(sandbox: RunningSandbox) -> None:
    charge = paid(sandbox)
    with pytest.raises(TransactionError):
        refunds.begin(obligation=charge.obligation, amount_minor=1, reason="x", actor="user:1")
    refund = wish(charge)
    with pytest.raises(TransactionError), transaction.atomic():
        refund_sending.refund(refund_id=refund.pk)
    assert given_back() == []


class Death(BaseException):
    """The process ends here."""


@pytest.mark.only_in_proofs
def test_a_death_at_any_statement_gives_it_back_once(sandbox: RunningSandbox) -> None:
    charge, deaths = paid(sandbox), 0
    for n in range(1, 60):
        refund, left = wish(charge, 10), n

        def dying(execute, sql, params, many, context):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
            nonlocal left
            left -= 1
            if left == 0:
                raise Death
            return execute(sql, params, many, context)

        try:
            with connection.execute_wrapper(dying):
                refund_sending.refund(refund_id=refund.pk)
            survived = True
        except Death:
            connection.close()
            survived = False
            deaths += 1
        later()
        refund.refresh_from_db()
        assert refund.status == "succeeded"
        assert amounts() == [10] * n
        if survived:
            break
    assert survived
    assert deaths > 8
    assert clearing(charge) == -4500 + 10 * n


def test_a_stored_error_leads_to_a_new_key_when_no_refund_can_exist(sandbox: RunningSandbox) -> None:
    refund = wish(paid(sandbox))
    sandbox.order(method="POST", path="/v1/refunds", do="error_500")

    for minutes in (0, 1, 6, 7):
        sent = clock.now() - dt.timedelta(minutes=minutes)
        FundingRefund.objects.exclude(first_sent_at=None).update(first_sent_at=sent)
        later()

    refund.refresh_from_db()
    assert (refund.status, amounts()) == ("succeeded", [1500])
    assert Entry.objects.filter(action="refund.rekeyed").count() == 1
    assert not Case.objects.exists()
