"""A difference that a person settled is not reported again, an old one still is, and holds are compared too."""

import datetime as dt
from dataclasses import replace

import pytest

from issuing.models import CardTransaction
from issuing.reconcile import ledger_balances
from issuing.reconcile import window as window_module
from issuing.reconcile.comparisons import of_processor
from issuing.reconcile.run import Finding, Report, reconcile
from issuing.reconcile.window import Window, window
from onecard.kit import clock
from onecard.kit.money import Money
from onecard.kit.transactions import transaction
from tests.issuing.clearing.postings import record_movement
from tests.issuing.reconcile.books import AN_HOUR, books, forget_posting, movement, paid_charge, purchase
from tests.issuing.reconcile.test_disputed_books import apply_dispute_update, foreign_capture
from tests.support.factories import UserFactory
from tests.support.sandboxes import intended_charge
from wallet.casework import actions as case_actions
from wallet.ledger import postings as ledger
from wallet.models import Case, FundingCharge
from wallet.processors.base import Outcome, RefundOutcome
from wallet.processors.stripe.lists import ListedMoney, MoneyPage

pytestmark = pytest.mark.django_db(transaction=True)
LONG_AGO = dt.timedelta(days=90)


def open_cases() -> int:
    return Case.objects.filter(kind="reconciliation", status="open").count()


def settle_case() -> None:
    case_actions.resolve(
        case=Case.objects.get(status="open"), user=UserFactory(is_staff=True), reason="Seen to by hand."
    )


def post(minor: int, key: str, reference: str) -> None:
    with transaction():
        ledger.post(kind="write_off", key=key, money=Money(minor, "USD"), reference=reference)


class Lists:
    """A processor that lists one charge."""

    def __init__(self, charge: FundingCharge, status: str, minor: int = 4500) -> None:
        self.outcome, self.minor = Outcome(status, "pi_1", charge_public_id=str(charge.public_id)), minor

    def list_charges(self, *, since: dt.datetime, until: dt.datetime, cursor: str = "") -> MoneyPage[Outcome]:
        return MoneyPage((ListedMoney(self.outcome, self.minor, "USD", clock.now() - AN_HOUR),), cursor="")

    def list_refunds(self, *, since: dt.datetime, until: dt.datetime, cursor: str = "") -> MoneyPage[RefundOutcome]:
        return MoneyPage((), cursor="")


def with_processor(lists: Lists) -> tuple[Report, list[str]]:
    told: list[Finding] = []
    report = reconcile(of_processor(lists), window(), on_finding=told.append)
    return report, [str(each.difference.kind) for each in told]


def test_a_difference_that_a_person_settled_is_counted_and_not_reopened() -> None:
    charge = intended_charge()
    FundingCharge.objects.update(status="declined", first_sent_at=clock.now() - AN_HOUR)
    lists = Lists(charge, "succeeded")
    assert with_processor(lists)[0].left == 1
    settle_case()

    for _ in range(2):
        report, found = with_processor(lists)
        assert found == ["state"]
        assert (report.settled, report.left, report.repaired, open_cases()) == (1, 0, 0, 0)

    report, found = with_processor(Lists(charge, "succeeded", 4600))
    assert (found, report.settled, report.left, open_cases()) == (["amount"], 0, 1, 1), "that is another matter"


def test_words_settle_nothing_in_our_own_books() -> None:
    charge = paid_charge()
    forget_posting(f"charge:{charge.public_id}")
    books()
    settle_case()
    post(700, "planted", purchase().reference)

    report, found = books()

    assert found == [("posted_charges", "missing_there"), ("purchases_in_clearing", "state")]
    assert (report.settled, report.left, open_cases()) == (0, 2, 2)
    for case in Case.objects.filter(status="open"):
        case_actions.resolve(case=case, user=UserFactory(is_staff=True), reason="Looks right to me.")
    assert (books()[0].left, open_cases()) == (2, 2)


def test_what_ended_by_itself_and_came_back_is_open_again() -> None:
    charge = paid_charge()
    forget_posting(f"charge:{charge.public_id}")
    books()
    assert (books(fix=True)[0].repaired, open_cases()) == (1, 0)

    forget_posting(f"charge:{charge.public_id}")
    assert (books()[0].left, open_cases()) == (1, 1)


def test_a_case_about_what_lies_before_the_window_is_counted_as_open() -> None:
    charge = paid_charge()
    forget_posting(f"charge:{charge.public_id}")
    assert (books()[0].older, open_cases()) == (0, 1)
    now = clock.now()

    report, found = books(span=Window(since=now + AN_HOUR, until=now + 2 * AN_HOUR, now=now))

    assert (found, report.left, report.older, open_cases()) == ([], 0, 1, 1)


def test_old_money_left_in_clearing_is_a_case_until_it_is_mended() -> None:
    with clock.ahead(-LONG_AGO):
        bought = purchase()
        post(700, "planted", bought.reference)
    assert books()[1] == [("purchases_in_clearing", "state")]
    assert open_cases() == 1

    with transaction():
        ledger.post(kind="write_off", key="mended", money=Money(700, "USD"), reference=bought.reference, back=True)
    assert (books()[1], open_cases()) == ([], 0)


def test_money_under_a_name_that_is_no_purchase_is_found() -> None:
    post(700, "planted", "authorization:123456789")
    post(700, "older", "decision:of-long-ago")

    assert books()[1] == [("purchases_in_clearing", "state")]
    assert Case.objects.get().reference.endswith(":authorization:123456789")
    assert [each.about for each in ledger_balances.check()] == ["authorization:123456789"]


def test_check_ledger_and_reconciliation_agree_on_exchanges_and_disputes() -> None:
    foreign_capture()
    assert ledger_balances.check() == []
    apply_dispute_update("submitted", ("chargeback_reversal", 4000, "t2"), ("provisional_debit", 4000, "t4"))
    assert ledger_balances.check() == [], "what takes back waits for what it takes back"
    apply_dispute_update("lost", ("chargeback", 4000, "t1"), ("provisional_credit", 4000, "t3"))
    assert ledger_balances.check() == []

    key = f"card_transaction:{CardTransaction.objects.get(transaction_type='settlement').pk}:exchange_in"
    forget_posting(key)
    assert key in [each.about for each in ledger_balances.check()]


def test_money_that_found_no_purchase_is_named_once_that_had_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window_module, "GRACE", dt.timedelta(minutes=15))
    for name, told_ago in (("ipi_new", dt.timedelta(0)), ("ipi_old", LONG_AGO)):
        with clock.ahead(-told_ago):
            long_ago = replace(movement(name, authorization=f"iauth_of_{name}"), created_at=clock.now() - AN_HOUR)
            record_movement(long_ago, provider="stripe", source="sync")

    (problem,) = ledger_balances.check()
    assert problem.about == f"card_transaction:{CardTransaction.objects.get(issuer_transaction_id='ipi_old').pk}"
    assert "has no posting" in problem.said


@pytest.mark.parametrize(
    ("here", "there", "found"),
    [
        ("held", "held", []),
        ("canceled", "canceled", []),
        ("canceled", "held", ["state"]),
        ("declined", "held", ["state"]),
        ("capturing", "held", []),
        ("capturing since long", "held", ["unknown_outcome"]),
    ],
)
def test_a_hold_that_only_the_processor_knows_of_is_found(here: str, there: str, found: list[str]) -> None:
    charge = intended_charge(policy="hold_then_capture")
    status, _, is_old = here.partition(" ")
    sent_at = clock.now() - AN_HOUR
    updated_at = clock.now() - (3 * AN_HOUR if is_old else dt.timedelta(0))
    FundingCharge.objects.update(status=status, first_sent_at=sent_at, updated_at=updated_at)

    assert with_processor(Lists(charge, there))[1] == found


def test_a_capture_with_a_lost_answer_is_recorded_with_its_amount() -> None:
    charge = intended_charge(policy="hold_then_capture", released_minor=1500)
    FundingCharge.objects.update(
        status="capturing", processor_charge_id="pi_1", first_sent_at=clock.now() - AN_HOUR, updated_at=clock.now()
    )
    lists = Lists(charge, "succeeded", 3000)

    assert reconcile(of_processor(lists), window(), fix=True).repaired == 1

    charge.refresh_from_db()
    assert (charge.status, open_cases()) == ("succeeded", 0)
