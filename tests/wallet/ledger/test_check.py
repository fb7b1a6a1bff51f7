"""The ledger's own check, and the command: right books are right, and each thing that is broken is named."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from issuing.billing import top_ups
from issuing.models import VirtualCard
from onecard.kit.money import Money
from onecard.kit.transactions import transaction
from tests.support.factories import FundingMethodFactory, VirtualCardFactory
from tests.support.sandboxes import intended_charge, processor_sandbox
from wallet.charges import outcomes
from wallet.ledger import check as ledger_check
from wallet.ledger import postings as ledger
from wallet.models import FundingCharge, FundingObligation, FundingRefund, Posting
from wallet.processors.base import Outcome, RefundOutcome
from wallet.refunds import records as refunds

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def charge() -> FundingCharge:
    """Paid, and a part of it given back."""
    made = intended_charge()
    FundingCharge.objects.update(status="sending")
    outcomes.record(charge_id=made.pk, outcome=Outcome("succeeded", "pi_1"), actor="system:test")
    made.refresh_from_db()
    with transaction():
        refund = refunds.begin(obligation=made.obligation, amount_minor=500, reason="Test", actor="system:test")
    FundingRefund.objects.update(status="sending")
    refunds.record(refund_id=refund.pk, outcome=RefundOutcome("succeeded", "re_1"), actor="system:test")
    return made


def checked() -> tuple[int, str]:
    out = StringIO()
    try:
        call_command("check_ledger", stdout=out)
    except CommandError as error:
        return error.returncode, out.getvalue()
    return 0, out.getvalue()


def tamper(sql: str) -> None:
    """Behind the back of what keeps postings and rows."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE wallet_posting DISABLE TRIGGER wallet_posting_stays")
        cursor.execute(sql)
        cursor.execute("ALTER TABLE wallet_posting ENABLE TRIGGER wallet_posting_stays")


def test_right_books_are_right_and_their_balances_are_shown(charge: FundingCharge) -> None:
    status, said = checked()

    assert (status, ledger_check.check()) == (0, [])
    lines = [line.split("  ") for line in said.splitlines()]
    assert {(line[0], line[-1].strip()) for line in lines[:-1]} == {
        ("At the processor", "40.00 USD"),
        ("Purchases in clearing", "-40.00 USD"),
    }
    assert lines[-1] == ["The books are right."]


def test_empty_books_are_right() -> None:
    assert checked() == (0, "The books are right.\n")


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("DELETE FROM wallet_posting WHERE kind = 'charge'", "is 4500 USD, and has no posting"),
        ("DELETE FROM wallet_posting WHERE kind = 'charge_refund'", "is 500 USD, and has no posting"),
        ("UPDATE wallet_posting SET amount_minor = 4501 WHERE kind = 'charge'", "is posted as 4501 USD"),
        ("UPDATE wallet_posting SET currency = 'EUR' WHERE kind = 'charge_refund'", "is posted as 500 EUR"),
        ("UPDATE wallet_fundingcharge SET status = 'declined'", "has no row that succeeded, and is posted as 4500"),
        ("UPDATE wallet_fundingrefund SET status = 'failed'", "has no row that succeeded, and is posted as 500"),
        ("UPDATE wallet_posting SET debit = 'pocket' WHERE kind = 'charge'", "'pocket' is not in the chart"),
    ],
)
def test_check_names_each_problem(charge: FundingCharge, sql: str, says: str) -> None:
    tamper(sql)

    status, said = checked()

    assert status == 1
    assert says in said


def test_a_returned_refund_is_right_and_a_baseless_reversal_is_not(charge: FundingCharge) -> None:
    refund = FundingRefund.objects.get()
    refunds.record(refund_id=refund.pk, outcome=RefundOutcome("failed", "re_1"), actor="system:test")
    assert ledger_check.check() == []

    tamper("DELETE FROM wallet_posting WHERE starts_with(key, 'refund:')")
    assert [problem.about for problem in ledger_check.check()] == [f"refund_failed:{refund.public_id}"]


def test_a_cards_balance_is_what_its_postings_say() -> None:
    card = VirtualCardFactory(cardholder__processor_customer_id="cus_T3CgWDrN0e0AMe")
    source = FundingMethodFactory(cardholder=card.cardholder, processor_method_id="pm_1SG9fyQLFtcEJSwHCV4rm2SC")
    with processor_sandbox():
        top_ups.fund_card(
            card=card, amount=Money(5000, "USD"), source=source, requested_by="user:1", request_key="once"
        )
    assert VirtualCard.objects.get().balance_minor == 5000
    assert checked()[0] == 0

    VirtualCard.objects.update(balance_minor=5001)
    status, said = checked()
    assert (status, f"card:{card.pk} has a balance of 5001 USD; its postings say 5000." in said) == (1, True)

    VirtualCard.objects.update(balance_minor=5000)
    with transaction():
        ledger.post(kind="top_up", key="adjustment:1", money=Money(1, "USD"), reference="card:999999")
    assert "card_balances names no card of ours; its postings say 1." in checked()[1]


def test_checking_changes_nothing(charge: FundingCharge) -> None:
    tamper("DELETE FROM wallet_posting WHERE kind = 'charge'")
    before = list(Posting.objects.values()), list(FundingObligation.objects.values())

    checked()

    assert (list(Posting.objects.values()), list(FundingObligation.objects.values())) == before
