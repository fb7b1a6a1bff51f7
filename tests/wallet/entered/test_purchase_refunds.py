"""Staff give back a part or all of a purchase at our cost: never twice, and never more than was paid."""

from typing import Any

import pytest
from django.db import transaction as django_transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.models import Entry
from onecard.kit.money import Money
from onecard.outbox.models import Message
from tests.wallet.casework.desks import WHY, clerk
from tests.wallet.casework.refund_cases import bring_to, ends, merchant_gives_back
from tests.wallet.charges.unpaid import receivable
from tests.wallet.entered.paid_purchases import (
    PURCHASE,
    assert_refused,
    disputed,
    given_back_minor,
    goodwill,
    paid,
    pays_more,
    refund,
)
from wallet import cases
from wallet.accounts import Account
from wallet.entered import amounts as entered_amounts
from wallet.entered.amounts import EnteredRefusedError
from wallet.entered.purchase_refunds import RefundRefusedError
from wallet.ledger import check as ledger_check
from wallet.ledger import postings as ledger
from wallet.models import Case, EnteredAmount, FundingObligation, FundingRefund

pytestmark = pytest.mark.django_db


def parts() -> list[tuple[str, int]]:
    """What goes back, oldest refund first: the reference of what was owed, and the amount."""
    rows = FundingRefund.objects.exclude(status="canceled").order_by("pk")
    return list(rows.values_list("obligation__reference", "amount_minor"))


def clearing() -> int:
    return ledger.balance(Account.PURCHASES, currency="USD", reference=PURCHASE)


def all_arrive() -> None:
    for row in FundingRefund.objects.filter(status="intended"):
        ends(row, "succeeded")


def test_a_part_goes_back_to_the_card_that_paid_at_our_cost() -> None:
    charge, ada = paid(4500), clerk()

    row = refund(1000, user=ada)

    made = FundingRefund.objects.get()
    assert (row.status, made.charge, made.amount_minor, made.reason) == ("applied", charge, 1000, WHY)
    assert Message.objects.get(topic="refund.requested").payload["refund_id"] == made.pk
    entry = Entry.objects.get(action="refund.intended")
    assert (entry.actor, entry.details["reason"]) == (f"user:{ada.pk}", WHY)
    assert goodwill() == 1000
    all_arrive()
    assert clearing() == 0
    assert ledger_check.check() == []


def test_the_newest_charge_gives_back_first() -> None:
    paid(4500, 500, 300)

    refund(700)

    assert parts() == [(f"{PURCHASE}:3", 300), (f"{PURCHASE}:2", 400)]
    refund(4600)
    assert [minor for _, minor in parts()] == [300, 400, 100, 4500]
    assert given_back_minor() == 5300
    all_arrive()
    assert (clearing(), goodwill(), ledger_check.check()) == (0, 5300, [])


def test_no_more_goes_back_than_was_paid_and_is_left() -> None:
    paid(4500)

    assert_refused(lambda: refund(4501), "45.00 USD is left")
    refund(4000)
    assert_refused(lambda: refund(501), "5.00 USD is left")
    refund(500)
    assert_refused(lambda: refund(1), "All that was paid")


@pytest.mark.parametrize(
    ("minor", "currency", "words"), [(0, "USD", "is left"), (-1, "USD", "is left"), (100, "EUR", "No funding card")]
)
def test_no_wrong_amount_goes_back(minor: int, currency: str, words: str) -> None:
    paid(4500)

    assert_refused(lambda: refund(minor, currency=currency), words)


def test_a_second_press_gives_back_nothing_more() -> None:
    paid(4500)
    refund(1000, seen=0)

    assert_refused(lambda: refund(1000, seen=0), "Meanwhile 10.00 USD")


def test_what_nobody_paid_is_not_given_back() -> None:
    receivable()

    assert_refused(lambda: refund(100, purchase="authorization:1"), "No funding card has paid")
    assert_refused(lambda: refund(100, purchase="authorization:999"), "No funding card has paid")


def test_what_went_back_because_it_was_not_owed_is_not_given_back_again() -> None:
    paid(4500, taken_minor=3000)
    bring_to(3000)

    assert_refused(lambda: refund(3001), "30.00 USD is left")
    refund(3000)
    assert given_back_minor() == 4500


@pytest.mark.parametrize("status", ["needs_response", "under_review", "lost"])
def test_a_charge_that_its_bank_disputes_is_left_out(status: str) -> None:
    first = paid(4500)
    second = pays_more(first, 500)
    disputed(second.pk, status)

    refund(600)

    assert parts() == [(first.obligation.reference, 600)]
    disputed(first.pk, status)
    assert_refused(lambda: refund(1), "bank disputes")


@pytest.mark.parametrize("status", ["warning_needs_response", "won", "prevented"])
def test_a_bank_that_only_asks_or_has_lost_stops_nothing(status: str) -> None:
    disputed(paid(4500).pk, status)

    refund(600)

    assert given_back_minor() == 600


def test_while_money_may_be_taken_twice_nothing_goes_back() -> None:
    charge = paid(4500)
    with django_transaction.atomic():
        cases.open_obligation_case(kind=Case.Kind.TWO_CHARGES, obligation=charge.obligation, summary="?")

    assert_refused(lambda: refund(100), "twice")


def test_the_processors_step_is_kept() -> None:
    charge = paid(4500)
    FundingObligation.objects.filter(pk=charge.obligation_id).update(currency="KWD", amount_minor=4505)

    assert_refused(lambda: refund(1001, currency="KWD"), "steps of 0.010 KWD")
    refund(4505, currency="KWD")
    assert given_back_minor() == 4505


class TestTwoPeople:
    @pytest.fixture(autouse=True)
    def _threshold(self, settings: Any) -> None:
        settings.TWO_PERSON_ABOVE = 2_000

    def agree(self, row: EnteredAmount, user: Any = None) -> EnteredAmount:
        return entered_amounts.agree(entered=row, user=user or clerk(), reason=WHY, shown_minor=row.amount_minor)

    def test_above_the_threshold_nothing_goes_back_until_another_agrees(self) -> None:
        paid(4500)
        ada, bob = clerk(), clerk()
        row = refund(2001, user=ada)

        assert (row.status, FundingRefund.objects.count(), goodwill()) == ("proposed", 0, 0)
        with pytest.raises(EnteredRefusedError, match="yourself"):
            self.agree(row, ada)
        self.agree(row, bob)

        assert given_back_minor() == 2001
        assert Entry.objects.get(action="refund.intended").actor == f"user:{ada.pk}+user:{bob.pk}"

    def test_parts_within_a_day_add_up(self) -> None:
        paid(4500)
        ada = clerk()
        assert refund(1500, user=ada).status == "applied"

        assert refund(600, user=ada).status == "proposed"

    def test_what_changed_since_it_was_proposed_is_not_agreed_to(self) -> None:
        paid(4500)
        row = refund(4400)
        bring_to(4000)

        with pytest.raises(RefundRefusedError, match="Meanwhile"):
            self.agree(row)
        assert (given_back_minor(), goodwill()) == (500, 0)
        assert EnteredAmount.objects.get().status == "proposed"


class TestMerchantRefundsToo:
    """The merchant's refund pays our cost first; the card gets what is more than ours (docs/decisions/0046)."""

    def test_the_same_amount_later_makes_good_our_cost_alone(self) -> None:
        paid(4500)
        refund(2000)
        merchant_gives_back(2000)
        bring_to(2500)

        all_arrive()
        assert (given_back_minor(), goodwill(), clearing()) == (2000, 0, 0)

    def test_more_than_ours_goes_on_to_the_card(self) -> None:
        paid(4500)
        refund(2000)
        merchant_gives_back(3000)
        bring_to(1500)

        all_arrive()
        assert (given_back_minor(), goodwill(), clearing()) == (3000, 0, 0)

    def test_before_ours_only_the_rest_is_ours_to_give(self) -> None:
        paid(4500)
        merchant_gives_back(3000)
        bring_to(1500)

        refund(1500)

        all_arrive()
        assert (given_back_minor(), goodwill(), clearing()) == (4500, 1500, 0)

    def test_a_refund_that_failed_still_is_the_cardholders(self) -> None:
        paid(4500)
        refund(2000)
        ends(FundingRefund.objects.get(), "failed")
        merchant_gives_back(2000)
        bring_to(2500)

        # The merchant's 20.00 stand in clearing for the cardholder, whom the case names.
        assert (given_back_minor(), goodwill(), clearing()) == (2000, 0, -2000)
        assert Case.objects.get(kind="refund_failed").status == "open"

    def test_a_tip_after_our_refund_is_charged_as_it_is(self) -> None:
        paid(4500)
        refund(2000)

        bring_to(5000)

        more = FundingObligation.objects.get(reference=f"{PURCHASE}:2")
        assert (more.amount_minor, given_back_minor(), goodwill()) == (500, 2000, 2000)

    @pytest.mark.only_in_proofs
    @given(
        steps=st.lists(st.tuples(st.sampled_from(["staff", "merchant", "more"]), st.integers(1, 3000)), max_size=7),
        start=st.integers(1, 6000),
    )
    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_in_any_order_each_gets_back_what_is_theirs(self, steps: list[tuple[str, int]], start: int) -> None:
        with django_transaction.atomic():
            first = paid(start)
            due, back, ours, charged = start, 0, 0, start
            for number, (who, minor) in enumerate(steps, start=2):
                if who == "staff" and 0 < minor <= charged - back:
                    refund(minor)
                    back, ours = back + minor, ours + minor
                elif who == "staff":
                    with pytest.raises(RefundRefusedError):
                        refund(minor)
                elif who == "merchant":
                    part = min(minor, due)
                    if not part:
                        continue
                    gives_back(part, number)
                    due -= part
                    bring_to(due)
                    won = min(ours, part)
                    ours, back = ours - won, back + part - won
                else:
                    takes_more(first, minor, number)
                    due, charged = due + minor, charged + minor
                assert (given_back_minor(), goodwill()) == (back, ours)
                assert charged - back == due - ours >= 0
            all_arrive()
            assert clearing() == 0
            assert ledger_check.check() == []
            django_transaction.set_rollback(True)


def gives_back(minor: int, number: int) -> None:
    with django_transaction.atomic():
        ledger.post(kind="merchant_refund", key=f"back:{number}", money=Money(minor, "USD"), reference=PURCHASE)


def takes_more(first: Any, minor: int, number: int) -> None:
    with django_transaction.atomic():
        ledger.post(kind="capture", key=f"more:{number}", money=Money(minor, "USD"), reference=PURCHASE)
    pays_more(first, minor, number)
