"""Increments that we, the issuer alone, or a late answer approved: the funding card pays each at most once."""

from decimal import Decimal
from typing import Any

import pytest

from issuing.models import Authorization, Hold, SpendWindow
from tests.issuing.billing.balances import increment
from tests.issuing.clearing.postings import report
from tests.support import marqeta_events, stripe_events
from tests.support.purchases import (
    amount_update_event,
    approve_purchase,
    deliver_events,
    run_workers,
    transaction_event,
    update_event,
)
from tests.support.wallets import marqeta_card, walkthrough_card
from wallet.models import Case, FundingCharge, FundingObligation, FundingRefund

pytestmark = pytest.mark.django_db
EventBody = dict[str, Any]


def asked_of_cards() -> int:
    """What the cards were asked for and are not given back, in minor units."""
    owing = FundingObligation.objects.exclude(status="released").values_list("amount_minor", flat=True)
    return sum(owing) - sum(FundingRefund.objects.exclude(status="failed").values_list("amount_minor", flat=True))


def spent() -> set[int]:
    return set(SpendWindow.objects.values_list("spent_minor", flat=True))


def test_the_word_of_an_increment_ends_what_was_asked_for_twice() -> None:
    asked = approve_purchase(walkthrough_card())
    run_workers()
    deliver_events(transaction_event(asked, 5400))
    assert asked_of_cards() == 5400
    assert stripe_events.post(increment(asked, 900)).json()["approved"] is True

    deliver_events(amount_update_event(asked, 5400, rounds=2))

    assert asked_of_cards() == 5400
    run_workers()
    assert Authorization.objects.get().approved_minor == 5400


def test_so_it_does_at_marqeta() -> None:
    asked = marqeta_events.gateway_request(card=marqeta_card().issuer_card_id, amount=Decimal("45.00"))
    marqeta_events.ask(asked)
    run_workers()
    report(marqeta_events.later(asked, "authorization.clearing", amount=Decimal("54.00"), is_final_clearing=False))
    assert asked_of_cards() == 5400
    more = marqeta_events.increment(asked, amount=Decimal("9.00"))
    assert marqeta_events.ask(more).status_code == 200

    report(marqeta_events.outcome(more))

    assert asked_of_cards() == 5400


def test_a_foreign_clearing_of_a_finished_purchase_opens_a_case() -> None:
    asked = marqeta_events.gateway_request(card=marqeta_card().issuer_card_id, amount=Decimal("45.00"))
    marqeta_events.ask(asked)
    report(marqeta_events.later(asked, "authorization.reversal", state="CLEARED", method="pgfs.authorization.reversal"))
    assert Authorization.objects.get().approved_minor == 0

    abroad = marqeta_events.later(asked, "authorization.clearing", amount=Decimal(9000), currency_code="JPY")
    report(abroad)
    run_workers()

    assert Authorization.objects.get().approved_minor == 0
    assert not FundingCharge.objects.filter(status="succeeded").exists()
    assert asked_of_cards() == 0
    assert "currency_differs" in Case.objects.filter(status="open").values_list("kind", flat=True)


class TestDeclinedByTheIssuer:
    """Stripe: our yes to an increment came too late, so it was declined there (webhook_timeout)."""

    @pytest.fixture
    def asked(self) -> EventBody:
        asked = approve_purchase(walkthrough_card())
        assert stripe_events.post(increment(asked, 3000)).json()["approved"] is True
        run_workers()
        assert (asked_of_cards(), spent()) == (7500, {7500})
        return asked

    def amount_event(self, asked: EventBody, total: int, **more: object) -> EventBody:
        yes = {"approved": True, "reason": "webhook_approved", "amount": 4500}
        no = {"approved": False, "reason": "webhook_timeout", "amount": 3000} | more
        return update_event(asked, "pending", amount=total, request_history=[yes, no])

    def test_what_it_asked_for_is_given_back_once(self, asked: EventBody) -> None:
        for _ in range(2):
            deliver_events(self.amount_event(asked, 4500))
            run_workers()

        purchase = Authorization.objects.get()
        assert (purchase.status, purchase.approved_minor) == ("approved", 4500)
        assert (asked_of_cards(), spent(), FundingRefund.objects.get().amount_minor) == (4500, {4500}, 3000)

    def test_a_later_partial_reversal_is_recognized(self, asked: EventBody) -> None:
        deliver_events(self.amount_event(asked, 4500), self.amount_event(asked, 2000), self.amount_event(asked, 2000))
        assert (asked_of_cards(), spent()) == (2000, {2000})

    def test_so_is_one_that_is_told_at_once(self, asked: EventBody) -> None:
        deliver_events(self.amount_event(asked, 2000))
        assert (asked_of_cards(), spent()) == (2000, {2000})

    @pytest.mark.parametrize("order", [(0, 1), (1, 0)])
    def test_an_older_event_and_the_end_of_the_purchase_fit_in_any_order(
        self, asked: EventBody, order: tuple[int, int]
    ) -> None:
        closed = self.amount_event(asked, 4500)
        closed["data"]["object"]["status"] = "closed"
        before = [amount_update_event(asked, 4500), closed]
        deliver_events(*(before[place] for place in order), transaction_event(asked, 4500))
        run_workers()
        assert (Authorization.objects.get().status, asked_of_cards(), spent()) == ("settled", 4500, {4500})

    @pytest.mark.parametrize("amount", [2999, 4500])
    def test_a_round_of_another_amount_is_none_of_ours(self, asked: EventBody, amount: int) -> None:
        deliver_events(self.amount_event(asked, 7500, amount=amount))
        assert (asked_of_cards(), spent()) == (7500, {7500})

    def test_a_purchase_that_is_over_stays_so(self, asked: EventBody) -> None:
        deliver_events(update_event(asked, "expired", amount=0), self.amount_event(asked, 4500))
        assert (Authorization.objects.get().status, asked_of_cards(), spent()) == ("expired", 0, {0})
        assert not Hold.objects.filter(status="placed").exists()


class TestApprovedByTheIssuerAlone:
    """Marqeta: the network said yes to an increment that we had refused; its capture is charged by itself."""

    @pytest.fixture
    def asked(self) -> EventBody:
        asked = marqeta_events.gateway_request(card=marqeta_card().issuer_card_id, amount=Decimal("400.00"))
        assert marqeta_events.ask(asked).status_code == 200
        run_workers()
        return asked

    def word(self, asked: EventBody) -> EventBody:
        more = marqeta_events.increment(asked, amount=Decimal("200.00"))
        assert marqeta_events.ask(more).status_code == 402
        return marqeta_events.outcome(more, standin_approved_by="COMMANDO_AUTO")

    def test_whose_money_it_is_is_a_question_while_nobody_was_asked(self, asked: EventBody) -> None:
        report(self.word(asked))
        case = Case.objects.get()
        assert (case.kind, case.status, case.amount_minor) == ("approved_without_us", "open", 20_000)
        assert asked_of_cards() == 40_000

    @pytest.mark.parametrize("order", [(0, 1), (1, 0)])
    def test_once_a_card_was_asked_for_it_nobody_may_settle_it_again(
        self, asked: EventBody, order: tuple[int, int]
    ) -> None:
        taken = marqeta_events.later(asked, "authorization.clearing", amount=Decimal("600.00"), is_final_clearing=False)
        told = (self.word(asked), taken)
        report(*(told[place] for place in order))

        assert asked_of_cards() == 60_000
        assert list(Case.objects.values_list("kind", "status")) == [("approved_without_us", "resolved")]
