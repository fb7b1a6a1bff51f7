"""Our rows against the ledger, purchases that do not add up, and cases: found, repaired, kept open, ended."""

import datetime as dt
import uuid
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection

from audit.models import Entry
from issuing.issuers.base import IssuerTransaction, NetworkError, Page
from issuing.models import CardTransaction, VirtualCard
from issuing.reconcile import run as running
from issuing.reconcile.compare import Kind
from issuing.reconcile.comparisons import of_issuer
from issuing.reconcile.external import EndlessListError, UnreadRowsError
from issuing.reconcile.run import Finding, ReconcileBusyError, Report, reconcile
from issuing.reconcile.window import Window, window
from onecard.kit import clock
from onecard.kit.money import Money
from onecard.kit.transactions import TransactionError, transaction
from tests.issuing.clearing.postings import record_movement
from tests.issuing.reconcile.books import AN_HOUR, books, forget_posting, given_back, movement, paid_charge, purchase
from tests.support.factories import VirtualCardFactory
from tests.support.sandboxes import intended_charge
from tests.support.threads import at_once
from wallet.ledger import postings as ledger
from wallet.models import Case, FundingCharge, Posting
from wallet.processors.base import RefundOutcome
from wallet.refunds import records as refunds

pytestmark = pytest.mark.django_db(transaction=True)


class Pages:
    """An issuer's list of these pages; one that is an error is raised."""

    def __init__(self, *pages: list[IssuerTransaction] | Exception) -> None:
        self.pages = pages

    def get_transaction_history(self, issuer_card_id: str = "", *, since: dt.datetime, cursor: str = "") -> Page:
        place = int(cursor or 0)
        page = self.pages[place]
        if isinstance(page, Exception):
            raise page
        return Page(tuple(page), cursor=str(place + 1) if place + 1 < len(self.pages) else "")


def with_issuer(issuer: Pages, **more: Any) -> tuple[Report, list[tuple[str, str, str]]]:
    found: list[Finding] = []
    report = reconcile(of_issuer("stripe", issuer), more.pop("span", None) or window(), on_finding=found.append, **more)
    return report, [(str(f.difference.kind), f.difference.key, f.repaired) for f in found]


def test_right_books_have_no_difference_and_no_case() -> None:
    given_back(paid_charge())

    assert books(fix=True)[1] == []
    assert not Case.objects.exists()


@pytest.mark.parametrize("what", ["charge", "refund", "transaction"])
def test_a_row_without_its_posting_gets_it_once(what: str) -> None:
    charge = paid_charge()
    refund = given_back(charge)
    key = {"charge": f"charge:{charge.public_id}", "refund": f"refund:{refund.public_id}"}.get(what, "")
    if what == "transaction":
        bought = purchase()
        told = movement(card=bought.card.issuer_card_id, authorization=bought.issuer_authorization_id)
        record_movement(told, provider="stripe", source="webhook")
        key = f"card_transaction:{CardTransaction.objects.get().pk}"
        assert Case.objects.get().reference == bought.reference, "nobody was asked for it, so a person knows"
    before = Posting.objects.values().get(key=key)
    forget_posting(key)

    report, found = books()
    assert found == [(f"posted_{what}s", "missing_there")]
    assert (report.left, Posting.objects.filter(key=key).exists()) == (1, False)

    assert (books(fix=True)[0].repaired, books()[1]) == (1, [])
    after = Posting.objects.values().get(key=key)
    for name in ("kind", "debit", "credit", "amount_minor", "currency", "reference"):
        assert after[name] == before[name]
    assert not Case.objects.filter(kind="reconciliation", status="open").exists()


def test_a_posting_without_a_row_is_never_mended() -> None:
    with transaction():
        ledger.post(kind="charge", key=f"charge:{uuid.uuid4()}", money=Money(100, "USD"), reference="x")

    report, found = books(fix=True)

    assert found == [("posted_charges", "missing_here"), ("purchases_in_clearing", "state")]
    assert (report.left, report.repaired, Posting.objects.count()) == (2, 0, 1)


def test_a_refund_that_came_back_is_whole_in_the_ledger() -> None:
    refund = given_back(paid_charge())
    refunds.record(refund_id=refund.pk, outcome=RefundOutcome("failed", "re_1"), actor="system:test")

    assert books()[1] == []


def test_unexplained_money_in_clearing_of_a_finished_purchase_is_found() -> None:
    bought = purchase()
    with transaction():
        ledger.post(kind="capture", key="adjustment:1", money=Money(4500, "USD"), reference=bought.reference)
    charge = intended_charge()
    charge.obligation.purchase = bought.reference
    charge.obligation.save()
    assert books()[1] == [], "a charge under way will clear it"

    FundingCharge.objects.update(status="canceled")
    charge.obligation.status = "failed"
    charge.obligation.save()
    assert books()[1] == [("purchases_in_clearing", "state")]

    Case.objects.create(
        kind="receivable",
        reference=f"obligation:{charge.obligation_id}",
        obligation=charge.obligation,
        summary="The cardholder owes it.",
        amount_minor=4500,
        currency="USD",
        opened_at=clock.now(),
    )
    assert books()[1] == [], "a person knows"


def test_a_purchase_that_nobody_pays_and_nobody_knows_of_is_found() -> None:
    bought = purchase("approved")

    assert books(fix=True)[1] == [("purchases_without_charge", "missing_here")]
    assert Case.objects.get().reference.endswith(f"purchases_without_charge:authorization:{bought.pk}")


def test_only_a_run_that_compared_the_row_closes_the_case_of_a_difference() -> None:
    charge = paid_charge()
    forget_posting(f"charge:{charge.public_id}")
    books()
    case = Case.objects.get(kind="reconciliation")
    with transaction():
        ledger.post_charge(FundingCharge.objects.select_related("obligation").get())
    now = clock.now()
    elsewhere = Window(since=now - 9 * AN_HOUR, until=now - 8 * AN_HOUR, now=now)

    books(span=elsewhere)
    case.refresh_from_db()
    assert case.status == "open"

    report, _found = books()
    case.refresh_from_db()
    assert (report.resolved, case.status) == (1, "resolved")
    assert Entry.objects.filter(action="case.resolved", subject_id=str(case.pk)).count() == 1


def test_a_list_with_a_row_that_cannot_be_read_concludes_nothing() -> None:
    record_movement(movement(), provider="stripe", source="webhook")

    class Unreadable(Pages):
        def get_transaction_history(self, issuer_card_id: str = "", **asked: Any) -> Page:
            return replace(super().get_transaction_history(issuer_card_id, **asked), unread=("tx_1",))

    with pytest.raises(UnreadRowsError, match="tx_1 cannot be read"):
        with_issuer(Unreadable([]))
    assert not Case.objects.filter(kind="reconciliation").exists()


def test_a_list_that_is_cut_short_concludes_nothing() -> None:
    bought = purchase()
    for name in ("ipi_1", "ipi_2"):
        record_movement(movement(name, card=bought.card.issuer_card_id), provider="stripe", source="webhook")

    with pytest.raises(NetworkError):
        with_issuer(Pages([movement("ipi_2")], NetworkError("The issuer does not answer.")))

    assert not Case.objects.exists()
    assert with_issuer(Pages([movement("ipi_2")], []))[1] == [("missing_there", "ipi_1", "")]


def test_a_list_without_an_end_is_refused() -> None:
    class Endless(Pages):
        def get_transaction_history(self, issuer_card_id: str = "", *, since: dt.datetime, cursor: str = "") -> Page:
            return Page((movement(),), cursor="again")

    with pytest.raises(EndlessListError):
        with_issuer(Endless())


def test_a_row_that_comes_again_with_the_next_page_is_one_row() -> None:
    told = movement()
    record_movement(told, provider="stripe", source="webhook")

    assert with_issuer(Pages([told], [told]))[1] == []


@pytest.mark.parametrize(
    ("theirs", "kind"),
    [
        ({"amount_minor": 4600}, "amount"),
        ({"currency": "EUR"}, "currency"),
        ({"kind": "refund", "amount_minor": -4500}, "state"),
    ],
)
def test_what_is_told_differently_is_classified_and_never_taken_over(theirs: dict[str, Any], kind: str) -> None:
    told = movement()
    record_movement(told, provider="stripe", source="webhook")
    before = CardTransaction.objects.values().get()

    assert with_issuer(Pages([replace(told, **theirs)]), fix=True)[1] == [(kind, "ipi_1", "")]

    assert CardTransaction.objects.values().get() == before
    assert Case.objects.get().amount_minor == (100 if kind == "amount" else 4500)


@pytest.mark.parametrize(
    "odd", [{"amount_minor": -5}, {"currency": "???"}, {"amount_minor": 10**30}, {"id": "x" * 120, "currency": "???"}]
)
def test_a_movement_that_cannot_be_is_a_case_that_people_can_read(odd: dict[str, Any]) -> None:
    report, found = with_issuer(Pages([replace(movement(), **odd)]), fix=True)

    assert (report.left, [kind for kind, *_ in found]) == (1, ["missing_here"])
    case = Case.objects.get()
    assert str(case.money)
    assert len(case.reference) <= 120
    assert not CardTransaction.objects.exists()
    assert with_issuer(Pages([replace(movement(), **odd)]), fix=True)[0].left == 1
    assert Case.objects.count() == 1


def test_what_happened_outside_the_window_or_just_now_is_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    from issuing.reconcile import window as windows

    monkeypatch.setattr(windows, "GRACE", AN_HOUR)
    assert with_issuer(Pages([movement()]))[1] == []

    monkeypatch.setattr(windows, "GRACE", dt.timedelta(0))
    long_ago = clock.now() - dt.timedelta(days=400)
    old = window(since=long_ago, until=long_ago + dt.timedelta(days=30))
    assert with_issuer(Pages([movement()]), span=old)[1] == []
    assert with_issuer(Pages([movement()]))[1] == [("missing_here", "ipi_1", "")]


def test_repairing_at_once_and_again_records_a_movement_once() -> None:
    card: VirtualCard = VirtualCardFactory()
    told = movement(card=card.issuer_card_id)

    def repair() -> int:
        try:
            return with_issuer(Pages([told]), fix=True)[0].repaired
        except ReconcileBusyError:
            return 0

    assert sum(at_once([repair] * 4)) == 1
    assert with_issuer(Pages([told]), fix=True)[1] == []
    assert CardTransaction.objects.count() == 1
    assert Entry.objects.filter(action="reconcile.repaired").count() == 1


def test_one_at_a_time() -> None:
    def inside() -> None:
        with pytest.raises(ReconcileBusyError):
            with_issuer(Pages([]))

    class Slow(Pages):
        def get_transaction_history(self, issuer_card_id: str = "", *, since: dt.datetime, cursor: str = "") -> Page:
            at_once([inside])
            return Page((), cursor="")

    with_issuer(Slow())
    with connection.cursor() as cursor:
        # Other databases of the server belong to other workers of the test run.
        here = "database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        cursor.execute(f"SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND {here}")
        assert cursor.fetchone() == (0,)


def test_very_many_differences_do_not_flood_the_cases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "MOST_CASES", 3)

    report, found = with_issuer(Pages([movement(f"ipi_{n}") for n in range(5)]))

    assert (len(found), report.left, report.without_case, Case.objects.count()) == (5, 5, 2, 3)
    assert report.found == {Kind.MISSING_HERE: 5}


def test_it_does_not_run_in_a_transaction() -> None:
    with pytest.raises(TransactionError), transaction():
        books()
