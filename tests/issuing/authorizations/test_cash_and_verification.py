"""Cash is declined and a verification holds nothing. Cash that was taken without asking us is booked or is a case."""

from decimal import Decimal
from typing import Any

import pytest

from issuing.models import Authorization, CardTransaction, IssuerEvent, VirtualCard
from tests.issuing.clearing.foreign_captures import amounts_beside
from tests.issuing.handlers.test_marqeta_disputes import report
from tests.support import marqeta_events, stripe_events
from tests.support.purchases import approve_purchase, deliver_events, run_workers, transaction_event, update_event
from tests.support.wallets import marqeta_card, walkthrough_card
from wallet.models import Case, FundingCharge, FundingObligation, Posting

pytestmark = pytest.mark.django_db


@pytest.fixture
def card() -> VirtualCard:
    return walkthrough_card()


class TestCash:
    """Cash is refused where we are asked, and booked where we are not."""

    @pytest.mark.parametrize("cash", [1, 2000])
    def test_cash_with_a_purchase_is_refused_at_stripe(self, card: VirtualCard, cash: int) -> None:
        assert self._ask(card, cash).json()["approved"] is False
        decision = Authorization.objects.get().decisions.get()
        assert (decision.decline_reason, Authorization.objects.get().cash_minor) == ("cash_not_allowed", cash)
        assert not FundingCharge.objects.exists()

    @pytest.mark.parametrize("cash", [None, 0])
    def test_no_cash_is_none(self, card: VirtualCard, cash: int | None) -> None:
        assert self._ask(card, cash).json()["approved"] is True

    @pytest.mark.parametrize("cash", [-1, "20", 1.5, True, [], 10**14])
    def test_cash_that_cannot_be_read_is_refused(self, card: VirtualCard, cash: Any) -> None:
        assert self._ask(card, cash).json()["approved"] is False
        assert IssuerEvent.objects.get().status == "rejected"

    def _ask(self, card: VirtualCard, cash: Any) -> Any:
        asked = stripe_events.authorization_request(card=card.issuer_card_id)
        details = {"atm_fee": None, "cashback_amount": cash}
        asked["data"]["object"]["pending_request"]["amount_details"] = details
        return stripe_events.post(asked)

    def test_cash_in_any_method_is_refused_at_marqeta(self) -> None:
        asked = marqeta_events.gateway_request(card=marqeta_card().issuer_card_id, cash_back_amount=Decimal("20.00"))
        assert marqeta_events.ask(asked).status_code == 402
        assert Authorization.objects.get().cash_minor == 2000

    def test_cash_that_stand_in_approved_is_booked_with_the_machines_fee(self) -> None:
        asked = marqeta_events.standin(card=marqeta_card().issuer_card_id, amount=Decimal("103.00"))
        cash = {"type": "authorization.atm.withdrawal", "acquirer_fee_amount": Decimal("3.00")}
        report("transactions", asked | cash)
        clearing = marqeta_events.later(asked, "authorization.clearing.atm.withdrawal", acquirer_fee_amount=3)
        report("transactions", clearing)

        assert amounts_beside(Authorization.objects.get()) == (None, "", 10000, 300)
        assert amounts_beside(CardTransaction.objects.get()) == (None, "", 10000, 300)
        assert Posting.objects.get().amount_minor == 10300
        assert Case.objects.get().kind == "approved_without_us"

    def test_stripes_cash_and_fee_are_kept_with_purchase_and_capture(self, card: VirtualCard) -> None:
        asked = stripe_events.authorization_request(card=card.issuer_card_id)
        details = {"amount_details": {"atm_fee": 250, "cashback_amount": 1000}}
        deliver_events(
            update_event(asked, "pending", request_history=[{"approved": True, "reason": "network_stip"}], **details)
        )
        capture = transaction_event(asked, 4500)
        capture["data"]["object"] |= details
        deliver_events(capture)

        assert amounts_beside(Authorization.objects.get()) == (None, "", 1000, 250)
        assert amounts_beside(CardTransaction.objects.get()) == (None, "", 1000, 250)


class TestVerification:
    """Nothing is asked for: nothing is held or charged, and what is taken after it is for a person."""

    def test_a_capture_after_a_verification_at_stripe_is_a_case(self, card: VirtualCard) -> None:
        asked = approve_purchase(card, amount=0)
        assert _nothing_happened()

        deliver_events(transaction_event(asked, 4500), update_event(asked, "closed", amount=0))
        run_workers()

        assert [(case.kind, case.amount_minor) for case in Case.objects.all()] == [("approved_without_us", 4500)]
        assert not FundingCharge.objects.exists()

    def test_a_capture_after_a_verification_at_marqeta_is_a_case(self) -> None:
        asked = marqeta_events.gateway_request(
            card=marqeta_card().issuer_card_id, amount=0, method="pgfs.authorization.account_verification"
        )
        assert marqeta_events.ask(asked).status_code == 200
        assert _nothing_happened()

        report("transactions", marqeta_events.later(asked, "authorization.clearing", amount=45))

        assert [(case.kind, case.amount_minor) for case in Case.objects.all()] == [("approved_without_us", 4500)]
        assert not FundingCharge.objects.exists()


def _nothing_happened() -> bool:
    purchase = Authorization.objects.get()
    assert (purchase.status, purchase.approved_minor, purchase.holds.count()) == ("approved", 0, 0)
    return not FundingObligation.objects.exists() and not Case.objects.exists()
