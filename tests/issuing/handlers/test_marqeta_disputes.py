"""Marqeta's chargeback messages and transitions, through its door: every order of them ends in the same money."""

from typing import Any

import pytest

from issuing.handlers import dispatch
from issuing.models import CardTransaction, Dispute, IssuerEvent, VirtualCard
from tests.issuing.disputes.dispute_events import (
    EventBody,
    dispute_totals,
    expected_totals,
    orders_of,
    rest_of,
)
from tests.support import marqeta_events
from tests.support.orders import in_each_order
from tests.support.purchases import run_workers
from tests.support.wallets import marqeta_card
from wallet.ledger import check as ledger_check

pytestmark = pytest.mark.django_db


class TestMarqeta:
    """Chargeback messages and transitions, through Marqeta's door."""

    @pytest.fixture
    def asked(self) -> EventBody:
        return bought()

    @pytest.mark.some_in_suite(8)
    @pytest.mark.parametrize(
        ("story", "status", "first"),
        [
            (story, status, first)
            for story, status in (
                (("chargeback PENDING", "completed"), "won"),
                (("chargeback PENDING", "reversal"), "lost"),
                (("chargeback", "completed"), "won"),
                (("chargeback", "reversal"), "lost"),
                (("provisional.credit", "CASE_WON"), "won"),
                (("provisional.credit", "provisional.debit", "reversal"), "lost"),
            )
            for _, first in orders_of(len(story) + 1)
        ],
    )
    def test_every_order_of_its_messages_ends_in_the_same_money(
        self, story: tuple[str, ...], status: str, first: tuple[int, ...]
    ) -> None:
        end = expected_totals(status, paid=0 if status == "won" else 4500)
        asked = bought(captured=False)
        clearing = marqeta_events.later(asked, "authorization.clearing", is_final_clearing=True)
        told = [("transactions", clearing), *(message(clearing, words) for words in story)]

        def ends_alike(order: tuple[int, ...]) -> None:
            run_workers()
            run_workers()
            assert dispute_totals() == end, order
            assert ledger_check.check() == []

        in_each_order(rest_of(len(story) + 1, first), tell=lambda place: report(*told[place]), at_end=ends_alike)

    def test_a_provisional_credit_changes_nothing_that_anybody_owes(self, asked: EventBody) -> None:
        clearing = last_clearing(asked)
        report(*message(clearing, "chargeback PENDING"))
        report(*message(clearing, "provisional.credit"))
        run_workers()

        assert dispute_totals() == expected_totals("submitted", paid=4500) | {
            "provisional": -4500,
            "open cases": ["dispute"],
        }

    def test_a_lost_dispute_is_watched_until_its_provisional_credit_is_gone(self, asked: EventBody) -> None:
        clearing = last_clearing(asked)
        for words in ("provisional.credit", "CASE_LOST"):
            report(*message(clearing, words))
        assert dispute_totals()["open cases"] == ["dispute"]

        report(*message(clearing, "provisional.debit"))

        assert dispute_totals() == expected_totals("lost", paid=4500)

    def test_a_won_dispute_that_is_lost_later_takes_the_kept_credit_back(self, asked: EventBody) -> None:
        clearing = last_clearing(asked)
        for words in ("provisional.credit", "CASE_WON", "CASE_LOST"):
            report(*message(clearing, words))
            run_workers()
        run_workers()
        assert dispute_totals() == expected_totals("lost", paid=4500)

    def test_messages_without_the_chargeback_are_of_what_they_follow(self, asked: EventBody) -> None:
        for ending in ("", ".reversal"):
            report("transactions", marqeta_events.later(asked, f"authorization.clearing.chargeback{ending}"))
        run_workers()
        run_workers()
        assert dispute_totals() == expected_totals("lost", paid=4500)

    @pytest.mark.parametrize("state", ["MADE_UP", "", None, 7])
    def test_a_state_that_is_new_is_kept(self, asked: EventBody, state: Any) -> None:
        report("chargebacktransitions", {"token": "t1", "chargeback_token": "c1", "state": state})
        assert IssuerEvent.objects.latest("pk").status == "kept"
        assert not Dispute.objects.exists()

    def test_a_transition_of_nothing_is_rejected(self, asked: EventBody) -> None:
        report("chargebacktransitions", {"token": "t1", "state": "CASE_WON"})
        assert IssuerEvent.objects.latest("pk").status == "rejected"
        assert not Dispute.objects.exists()


def bought(*, captured: bool = True) -> EventBody:
    card = VirtualCard.objects.filter(issuer_provider="marqeta").first() or marqeta_card()
    asked = marqeta_events.gateway_request(card=card.issuer_card_id)
    assert marqeta_events.ask(asked).status_code == 200
    if captured:
        report("transactions", marqeta_events.later(asked, "authorization.clearing", is_final_clearing=True))
    run_workers()
    return asked


def last_clearing(asked: EventBody) -> EventBody:
    captured = CardTransaction.objects.get(transaction_type="settlement")
    return {**asked, "token": captured.issuer_transaction_id}


MOMENTS = {"CASE_WON": "2026-06-01T00:00:00Z", "CASE_LOST": "2026-07-01T00:00:00Z"}


def message(clearing: EventBody, words: str) -> tuple[str, EventBody]:
    """A row about the dispute of a clearing, in either envelope; `chargeback PENDING` has moved no money yet."""
    name, _, state = words.partition(" ")
    about = {"token": f"chg-{clearing['token']}", "transaction_token": clearing["token"]}
    if name.isupper():
        row = {"token": marqeta_events.token(), "chargeback_token": about["token"], "state": name}
        return "chargebacktransitions", {
            **row,
            "transaction_token": clearing["token"],
            "created_time": MOMENTS[name],
        }
    kind = "authorization.clearing.chargeback" + ("" if name == "chargeback" else f".{name}")
    row = marqeta_events.later(clearing, kind, amount=45, state=state or "COMPLETION", chargeback=about)
    return "transactions", row


def report(key: str, row: EventBody) -> None:
    assert marqeta_events.report({key: [row]}).status_code == 200
    for event in IssuerEvent.objects.filter(status="received").order_by("pk"):
        dispatch.handle(event_pk=event.pk)
