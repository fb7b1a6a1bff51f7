"""Purchases from the tap to the charge, over real HTTP: the walkthrough, its neighbours, and what goes wrong."""

import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.core import mail

from issuing.handlers import dispatch
from issuing.models import Decision, Hold, IssuerEvent, SpendWindow, VirtualCard
from onecard.demo.purchase import Report
from onecard.demo.timeline import render
from onecard.notices.models import Notice
from tests.journeys.conftest import CARD
from tests.sandbox.running import RunningSandbox
from tests.support.sandboxes import intents
from wallet.models import Case, FundingCharge, FundingMethod, FundingObligation, FundingRefund
from wallet.processors.stripe.client import stripe_client

Buy = Callable[..., Report]


def test_the_walkthrough_comes_out_exactly(buy: Buy, sandbox: RunningSandbox) -> None:
    report = buy()

    assert report.issuer_approved
    assert report.issuer_reason == "webhook_approved"
    charge = report.charge
    assert charge is not None
    assert (charge.method.name, charge.method.processor_method_id) == (
        "Citi Double Cash Card",
        "pm_1SG9fyQLFtcEJSwHCV4rm2SC",
    )
    assert (charge.status, charge.obligation.amount_minor) == ("succeeded", 4500)
    assert report.decision is not None
    effective = [Decimal(candidate["effective_reward"]) for candidate in report.decision.trace["candidates"]]
    assert effective == [Decimal("2.00"), Decimal("1.50"), Decimal("0.50"), Decimal("0.50")]
    told = render(report)
    for words in ("APPROVED", "135 points", "1.35 USD", "0.675 / 1.35 / 2.025", "+0.90 USD (+200 %)", "4500"):
        assert words in told
    assert "Notice        45.00 USD at " in told
    kinds = list(Notice.objects.order_by("pk").values_list("kind", flat=True))
    assert {"kyc_changed", "card_unfrozen", "purchase_approved"} <= {*kinds}, kinds
    assert kinds.count("purchase_approved") == 1
    (intent,) = intents(sandbox)
    assert (intent["amount"], intent["customer"], intent["status"]) == (4500, "cus_T3CgWDrN0e0AMe", "succeeded")


def test_groceries_go_to_discover(buy: Buy) -> None:
    report = buy(mcc="5411", amount="120.00", merchant="Whole Foods")

    assert report.charge is not None
    assert (report.charge.method.network, report.charge.status) == ("discover", "succeeded")
    assert report.decision is not None
    assert report.decision.rule == "significantly_better_than_backup"


def test_a_category_without_rows_goes_to_the_backup_card(buy: Buy) -> None:
    report = buy(mcc="7230", amount="30.00", merchant="Barber")

    assert report.charge is not None
    assert report.charge.method.is_backup
    assert report.decision is not None
    assert report.decision.rule == "backup_unranked"
    assert "not ranked" in render(report)


def test_a_wallet_without_usable_cards_declines(buy: Buy, sandbox: RunningSandbox) -> None:
    FundingMethod.objects.update(status="disabled")

    report = buy()

    assert (report.issuer_approved, report.charge, report.succeeded) == (False, None, True)
    assert "DECLINED: no_funding_card" in render(report)
    assert intents(sandbox) == []
    assert not FundingObligation.objects.exists()


def test_after_a_funding_card_is_declined_the_next_best_card_pays(buy: Buy, sandbox: RunningSandbox) -> None:
    sandbox.order(method="POST", path="/v1/payment_intents", do="decline", decline_code="insufficient_funds")

    report = buy()

    assert report.charge is not None
    assert (report.charge.sequence, report.charge.method.network, report.charge.status) == (2, "amex", "succeeded")
    assert [intent["status"] for intent in intents(sandbox)].count("succeeded") == 1
    assert not Case.objects.exists()
    # With the backup cooling down, no cash card and no backup candidate: the highest reward pays.
    following = buy()
    assert following.charge is not None
    assert (following.charge.sequence, following.charge.method.network) == (1, "amex")


def test_a_purchase_that_no_card_pays_is_owed_and_freezes_the_card(buy: Buy, sandbox: RunningSandbox) -> None:
    sandbox.order(method="POST", path="/v1/payment_intents", do="decline", decline_code="stolen_card", times=None)

    report = buy()

    assert report.decision is not None
    assert (report.issuer_approved, report.succeeded) == (True, False)
    case = Case.objects.get()
    assert (case.kind, case.amount_minor) == ("receivable", 4500)
    assert "succeeded" not in [intent["status"] for intent in intents(sandbox)]
    wait_until(lambda: [each for each in mail.outbox if each.subject.startswith("Not paid yet")] != [])
    assert VirtualCard.objects.get(issuer_card_id=CARD).status == "frozen"
    declined = buy()
    assert (declined.issuer_approved, declined.charge) == (False, None)


def wait_until(holds: Callable[[], bool], *, timeout_s: float = 15) -> None:
    until = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.02)


@pytest.mark.parametrize("issuer_waits_s", [30.0])
def test_the_same_request_twenty_times_at_once_is_one_purchase(
    buy: Buy, sandbox: RunningSandbox, settings: Any
) -> None:
    # Twenty at once wait for each other in one process; how long is no matter here.
    settings.DECISION_DEADLINE_MS = 30_000
    sandbox.order(webhook="issuing_authorization.request", do="concurrent", copies=20)

    report = buy()

    assert report.issuer_approved
    bodies = {delivery.body for delivery in sandbox.deliveries.find(event_type="issuing_authorization.request")}
    assert len(bodies) == 1
    wait_until(lambda: len(intents(sandbox)) == 1)
    assert (Decision.objects.count(), Hold.objects.count(), FundingCharge.objects.count()) == (1, 1, 1)


def settle_inbox() -> None:
    """Everything that waits in the inbox is handled, as the sweeper would."""
    for event in IssuerEvent.objects.filter(status="received"):
        dispatch.handle(event_pk=event.pk)


@pytest.mark.parametrize(
    "order",
    [
        {"webhook": "*", "do": "duplicate", "times": None},
        {"webhook": "issuing_authorization.created", "do": "out_of_order", "times": 1},
        {"webhook": "issuing_authorization.created", "do": "drop", "times": 1},
    ],
)
def test_events_repeated_out_of_order_or_lost_end_the_same(
    buy: Buy, sandbox: RunningSandbox, order: dict[str, Any]
) -> None:
    sandbox.order(**order)

    report = buy()
    stripe_client().v1.test_helpers.issuing.authorizations.reverse(report.authorization.issuer_authorization_id)
    sandbox.deliveries.wait_for(count=1, timeout_s=10, event_type="issuing_authorization.updated")
    settle_inbox()

    authorization = report.authorization
    authorization.refresh_from_db()
    assert (authorization.status, authorization.approved_minor) == ("reversed", 0)
    assert set(SpendWindow.objects.values_list("spent_minor", flat=True)) == {0}
    assert list(FundingRefund.objects.values_list("amount_minor", flat=True)) == [4500]
    assert not Case.objects.exists()


def test_an_increment_asks_again_and_charges_only_what_is_new(buy: Buy, sandbox: RunningSandbox) -> None:
    report = buy(amount="30.00")
    more: Any = {"increment_amount": 500}

    stripe_client().v1.test_helpers.issuing.authorizations.increment(report.authorization.issuer_authorization_id, more)

    report.authorization.refresh_from_db()
    assert report.authorization.approved_minor == 3500
    assert sorted(FundingObligation.objects.values_list("amount_minor", flat=True)) == [500, 3000]
    assert SpendWindow.objects.get(kind="day").spent_minor == 3500


def test_a_purchase_that_only_the_issuer_declines_is_recorded_from_events(buy: Buy, sandbox: RunningSandbox) -> None:
    stripe_client().v1.issuing.cards.update(CARD, {"status": "inactive"})

    report = buy()

    assert (report.issuer_approved, report.decision) == (False, None)
    assert "did not ask us" in render(report)
    assert report.authorization.status == "declined"
