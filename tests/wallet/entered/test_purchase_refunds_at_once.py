"""Refunds by staff while others, a merchant or a bank move the same money; and what the database refuses.

Real threads, each with a connection of its own (money-safety I9, F17).
"""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError
from django.db import transaction as django_transaction

from onecard.kit import clock
from tests.support.threads import at_once
from tests.wallet.casework.desks import WHY, clerk
from tests.wallet.casework.refund_cases import bring_to, ends, merchant_gives_back
from tests.wallet.entered.paid_purchases import assert_refused, disputed, given_back_minor, goodwill, paid, refund
from wallet.accounts import Account
from wallet.disputes import lifecycle as disputes
from wallet.entered import amounts as entered_amounts
from wallet.entered.amounts import EnteredRefusedError
from wallet.entered.purchase_refunds import RefundRefusedError
from wallet.ledger import check as ledger_check
from wallet.ledger import postings as ledger
from wallet.models import Case, FundingDispute, FundingObligation, FundingRefund
from wallet.processors.stripe.disputes import ProcessorDispute

pytestmark = pytest.mark.django_db


class TestDatabase:
    def begin(self, obligation: FundingObligation, minor: int, status: str = "intended") -> None:
        now = clock.now()
        with django_transaction.atomic():
            FundingRefund.objects.create(
                obligation=obligation,
                amount_minor=minor,
                reason="?",
                status=status,
                idempotency_key=f"odd:{minor}:{status}",
                created_at=now,
                updated_at=now,
            )

    def test_it_refuses_more_than_was_paid_whoever_writes(self) -> None:
        charge = paid(4500)
        refund(4000)

        with pytest.raises(IntegrityError, match="4000 of 4500 is given back"):
            self.begin(charge.obligation, 501)
        self.begin(charge.obligation, 500)
        assert given_back_minor() == 4500

    def test_what_a_bank_took_for_good_counts(self) -> None:
        charge = paid(4500)
        disputed(charge.pk, "lost")
        FundingDispute.objects.update(withdrawn_minor=4000, lost_minor=4000)

        with pytest.raises(IntegrityError):
            self.begin(charge.obligation, 501)

    def test_what_somebody_gave_back_at_the_processor_is_kept(self) -> None:
        charge = paid(4500)
        refund(4000)

        self.begin(charge.obligation, 1000, status="succeeded")

        assert given_back_minor() == 5000


@pytest.mark.django_db(transaction=True)
class TestRaces:
    def tried(self, call: Callable[[], Any]) -> Callable[[], str]:
        def run() -> str:
            try:
                call()
            except (RefundRefusedError, EnteredRefusedError) as error:
                return error.message
            return "done"

        return run

    def test_eight_presses_at_once_give_back_once(self) -> None:
        paid(4500)
        people = [clerk() for _ in range(8)]

        results = at_once([self.tried(lambda user=user: refund(1000, user=user, seen=0)) for user in people])

        assert results.count("done") == 1
        assert (given_back_minor(), goodwill()) == (1000, 1000)

    def test_a_merchants_refund_at_the_same_moment_is_not_given_back_twice(self) -> None:
        for number in range(4):
            purchase = f"authorization:{number + 1}"
            paid(4500, purchase=purchase, method_id=f"pm_{number}")
            merchant_gives_back(4500, purchase)

            results = at_once(
                [
                    self.tried(lambda name=purchase: refund(4500, purchase=name, seen=0)),
                    lambda name=purchase: bring_to(0, name),
                ]
            )

            back = given_back_minor(purchase)
            assert back == 4500
            won = ledger.balance(Account.GOODWILL, currency="USD", reference=purchase)
            assert won == 0, (results, won)

    def test_a_dispute_at_the_same_moment_leaves_the_books_right(self) -> None:
        charge = paid(4500)
        charge.refresh_from_db()
        now = clock.now()
        found = ProcessorDispute(
            id="du_1",
            status="needs_response",
            reason="fraudulent",
            amount_minor=4500,
            currency="USD",
            payment_intent_id=charge.processor_charge_id or "",
            charge_id="ch_1",
            due_at=None,
            opened_at=now,
            movements=(),
        )

        results = at_once(
            [
                self.tried(lambda: refund(2000, seen=0)),
                lambda: disputes.apply_update(found, reported_at=now, moved="withdrawn"),
            ]
        )

        # Whoever is second sees the first: a refund that came before is refused by the processor, and a case asks.
        assert "bank disputes" in results[0] or (results[0], given_back_minor(), goodwill()) == ("done", 2000, 2000)
        for row in FundingRefund.objects.all():
            ends(row, "failed")
            assert Case.objects.filter(kind="refund_failed", status="open").exists()
        assert FundingDispute.objects.get().withdrawn_minor == 4500
        assert ledger_check.check() == []
        assert_refused(lambda: refund(1), "bank disputes")

    def test_two_people_who_agree_at_once_give_back_once(self, settings: Any) -> None:
        settings.TWO_PERSON_ABOVE = 100
        paid(4500)
        row = refund(4500)

        def agree(user: Any) -> None:
            entered_amounts.agree(entered=row, user=user, reason=WHY, shown_minor=4500)

        results = at_once([self.tried(lambda user=user: agree(user)) for user in (clerk(), clerk(), clerk())])

        assert results.count("done") == 1
        assert given_back_minor() == 4500
