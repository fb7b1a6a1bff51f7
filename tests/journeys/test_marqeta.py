"""The same purchase through Marqeta, over real HTTP: its gateway asks, its webhooks report, our cards are charged."""

import datetime as dt
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from issuing.handlers import dispatch
from issuing.models import Authorization, CardTransaction, Decision, Dispute, IssuerEvent, SpendWindow, VirtualCard
from onecard.demo.world import seed_demo_world
from onecard.kit import clock
from tests.journeys.conftest import CARD, our_program, running_worker
from tests.sandbox.marqeta.conduct import Conduct
from tests.sandbox.running import RunningSandbox
from tests.sandbox.settings import MarqetaSettings
from tests.support.sandboxes import intents, processor_sandbox
from wallet.models import Case, FundingCharge

Simulate = Callable[..., dict[str, Any]]


@pytest.fixture
def sandbox(our_server: str) -> Iterator[RunningSandbox]:
    """The demo world, with the demo card moved to the other issuer."""
    seed_demo_world()
    VirtualCard.objects.filter(issuer_card_id=CARD).update(issuer_provider="marqeta", issuer_card_id="demo-card")
    doors = {
        "marqeta_gateway_url": f"{our_server}/api/webhooks/marqeta/jit",
        "marqeta_webhook_url": f"{our_server}/api/webhooks/marqeta",
    }
    with processor_sandbox(marqeta=our_program(), **doors) as running, running_worker():
        yield running


@pytest.fixture
def simulate(sandbox: RunningSandbox) -> Simulate:
    program = sandbox.marqeta.settings if hasattr(sandbox.marqeta, "settings") else MarqetaSettings()

    def call(kind: str, **body: Any) -> dict[str, Any]:
        answer = requests.post(
            f"{sandbox.url}/v3/simulations/cardtransactions/{kind}",
            json=body,
            auth=(program.application_token, program.admin_access_token),
            timeout=10,
        )
        assert answer.status_code == 201, answer.text
        transaction: dict[str, Any] = answer.json()["transaction"]
        return transaction

    return call


MERCHANT = {"mid": "123456789", "mcc": "5812", "name": "Starbucks Coffee", "city": "Seattle", "state": "WA"}


def settle(wanted: Callable[[], bool]) -> None:
    """Until the queue and the inbox have done what is wanted."""
    until = time.monotonic() + 15
    while not wanted():
        assert time.monotonic() < until, list(IssuerEvent.objects.values_list("event_type", "status", "reason"))
        dispatch.sweep(now=clock.now() + dt.timedelta(seconds=30))
        time.sleep(0.05)


def test_the_walkthroughs_purchase_chooses_the_same_card_and_charges_it(simulate: Simulate, sandbox: Any) -> None:
    made = simulate("authorization", card_token="demo-card", amount=45.0, network="VISA", card_acceptor=MERCHANT)

    assert made["state"] == "PENDING", made
    decision = Decision.objects.get()
    assert (decision.approved, decision.rule, decision.amount_minor) == (True, "backup_without_cash", 4500)
    settle(lambda: FundingCharge.objects.filter(status="succeeded").exists())
    assert FundingCharge.objects.get().method.name == "Citi Double Cash Card"
    assert [intent["amount"] for intent in intents(sandbox)] == [4500]
    assert Authorization.objects.get().status == "approved"


def test_a_purchase_over_the_limit_is_declined_at_the_till(simulate: Simulate) -> None:
    VirtualCard.objects.update(per_transaction_limit_minor=4499)

    made = simulate("authorization", card_token="demo-card", amount=45.0, network="VISA", card_acceptor=MERCHANT)

    assert made["state"] == "DECLINED"
    assert Decision.objects.get().decline_reason == "per_transaction_limit_exceeded"
    assert not FundingCharge.objects.exists()


def test_an_increment_adds_to_its_authorization_and_a_reversal_ends_it(simulate: Simulate) -> None:
    first = simulate("authorization", card_token="demo-card", amount=30.0, network="VISA", card_acceptor=MERCHANT)
    more = simulate("authorization.incremental", preceding_related_transaction_token=first["token"], amount=5.0)
    assert more["state"] == "PENDING", more
    assert Authorization.objects.get().approved_minor == 3500

    simulate("authorization.reversal", preceding_related_transaction_token=first["token"], amount=35.0)

    settle(lambda: Authorization.objects.filter(status="reversed").exists())
    assert set(SpendWindow.objects.values_list("spent_minor", flat=True)) == {0}


def test_a_payment_into_an_account_is_declined_at_the_till(simulate: Simulate) -> None:
    asked = simulate(
        "account.funding.authorization", card_token="demo-card", amount=45.00, network="VISA", card_acceptor=MERCHANT
    )

    assert asked["state"] == "DECLINED"
    assert Decision.objects.get().decline_reason == "cash_not_allowed"
    assert not FundingCharge.objects.exists()


def test_an_account_funding_approved_by_stand_in_is_followed_to_its_end(simulate: Simulate, sandbox: Any) -> None:
    sandbox.marqeta.conduct = Conduct(commando="manual")
    made = simulate("account.funding.authorization", card_token="demo-card", amount=45.0, card_acceptor=MERCHANT)
    assert made["state"] == "PENDING", made
    settle(lambda: Case.objects.filter(kind="approved_without_us", status="open").exists())

    simulate("account.funding.authorization.reversal", preceding_related_transaction_token=made["token"], amount=45.0)

    settle(lambda: Authorization.objects.filter(status="reversed").exists())
    assert not Case.objects.filter(status="open").exists()
    assert not FundingCharge.objects.exists()


def test_money_that_comes_in_is_a_case_and_no_refund(simulate: Simulate) -> None:
    credit = simulate("original.credit.authorization", card_token="demo-card", amount=45.0, card_acceptor=MERCHANT)
    simulate("original.credit.authorization.clearing", preceding_related_transaction_token=credit["token"], amount=45.0)

    settle(lambda: IssuerEvent.objects.filter(status="kept", event_type__contains="original.credit").count() == 2)
    case = Case.objects.get()
    assert (case.kind, str(case.money)) == ("unhandled_money", "45.00 USD")
    assert not CardTransaction.objects.exists()


def test_a_won_dispute_whose_credit_is_refused_stays_open(simulate: Simulate) -> None:
    made = simulate("authorization", card_token="demo-card", amount=45.0, card_acceptor=MERCHANT)
    taken = simulate("authorization.clearing", preceding_related_transaction_token=made["token"], amount=45.0)
    about = {"preceding_related_transaction_token": taken["token"], "amount": 45.0}
    simulate("authorization.clearing.chargeback", **about, state="PENDING")

    simulate("authorization.clearing.chargeback.completed", **about, state="DECLINED")

    unhandled = Case.objects.filter(kind="unhandled_money")
    settle(lambda: unhandled.exists() and Dispute.objects.filter(status="won").exists())
    assert Case.objects.get(kind="dispute").status == "open"
    assert not CardTransaction.objects.filter(transaction_type="chargeback").exists()
