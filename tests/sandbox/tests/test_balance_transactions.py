"""Balance transactions: one for each charge that was taken and each refund, with its fee, in the account's currency."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import stripe

from tests.sandbox.running import RunningSandbox, running_sandbox
from tests.sandbox.stripe import shapes_funding
from tests.sandbox.tests.conftest import CITI, CUSTOMER, make_client
from tests.sandbox.tests.receiver import Json

pytestmark = pytest.mark.only_in_proofs

FIELDS = {
    "amount", "available_on", "balance_type", "created", "currency", "description", "exchange_rate", "fee",
    "fee_details", "id", "net", "object", "reporting_category", "source", "status", "type",
}  # fmt: skip


@pytest.fixture
def in_dollars() -> Iterator[stripe.StripeClient]:
    """An account that settles in US dollars, whatever it charges."""
    with running_sandbox(webhook_url=None, settlement_currency="usd") as sandbox:
        yield make_client(sandbox)


def listed(client: stripe.StripeClient, **wanted: Any) -> list[Any]:
    return list(client.v1.balance_transactions.list(wanted).data)  # type: ignore[arg-type]


def test_a_charge_has_one_with_its_fee(client: stripe.StripeClient, charge: Callable[..., Any]) -> None:
    intent = charge(amount=4500, expand=["latest_charge.balance_transaction"])

    entered = intent.latest_charge.balance_transaction
    assert set(entered.to_dict()) == FIELDS
    assert (entered.amount, entered.fee, entered.net, entered.currency) == (4500, 161, 4339, "usd")
    assert [(each.amount, each.type, each.currency) for each in entered.fee_details] == [(161, "stripe_fee", "usd")]
    assert (entered.type, entered.reporting_category, entered.source) == ("charge", "charge", intent.latest_charge.id)
    assert (entered.exchange_rate, entered.status) == (None, "pending")
    assert client.v1.balance_transactions.retrieve(entered.id).to_dict() == entered.to_dict()


def test_a_refund_has_one_without_a_fee(client: stripe.StripeClient, charge: Callable[..., Any]) -> None:
    refund = client.v1.refunds.create(
        {"payment_intent": charge().id, "amount": 1500, "expand": ["balance_transaction"]}
    )

    entered: Any = refund.balance_transaction
    assert (entered.amount, entered.fee, entered.net, entered.fee_details) == (-1500, 0, -1500, [])
    assert (entered.type, entered.reporting_category, entered.source) == ("refund", "refund", refund.id)
    assert listed(client)[0].id == entered.id, "the newest first"


def test_what_is_not_taken_has_none(client: stripe.StripeClient, charge: Callable[..., Any]) -> None:
    held = charge(capture_method="manual", expand=["latest_charge"])
    with pytest.raises(stripe.CardError):
        charge(payment_method="pm_card_chargeDeclined")
    assert (listed(client), held.latest_charge.balance_transaction) == ([], None)

    client.v1.payment_intents.cancel(held.id)
    assert listed(client) == []


def test_what_was_held_has_one_once_it_is_captured(client: stripe.StripeClient, charge: Callable[..., Any]) -> None:
    held = charge(capture_method="manual")
    captured = client.v1.payment_intents.capture(held.id, {"expand": ["latest_charge"]})

    (entered,) = listed(client)
    assert (entered.amount, entered.fee) == (4500, 161)
    charged: Any = captured.latest_charge
    assert charged.balance_transaction == entered.id


def test_a_part_that_was_captured_is_the_whole_less_what_was_let_go(
    client: stripe.StripeClient, charge: Callable[..., Any]
) -> None:
    held = charge(capture_method="manual")
    client.v1.payment_intents.capture(held.id, {"amount_to_capture": 3000})

    let_go, whole = listed(client)
    assert (whole.amount, let_go.amount) == (4500, -1500)
    assert (let_go.type, let_go.reporting_category) == ("refund", "partial_capture_reversal")
    assert whole.fee + let_go.fee == 117, "2.9 % of 30.00 and 0.30"


def test_a_charge_that_settles_later_has_one_then(
    client: stripe.StripeClient, charge: Callable[..., Any], sandbox: RunningSandbox, receiver: Any
) -> None:
    sandbox.order(path="/v1/payment_intents", do="processing", delay_s=0.2)
    charge()
    assert listed(client) == []

    receiver.wait_for("payment_intent.succeeded")
    assert [each.amount for each in listed(client)] == [4500]


def test_another_currency_is_exchanged_and_its_fee_is_the_accounts(in_dollars: stripe.StripeClient) -> None:
    made = in_dollars.v1.payment_intents.create(charge_of("eur", 1000))
    in_dollars.v1.refunds.create({"payment_intent": made.id, "amount": 500})

    back, paid = listed(in_dollars)
    assert (paid.amount, paid.currency, paid.fee, paid.net, paid.exchange_rate) == (1080, "usd", 61, 1019, 1.08)
    assert (back.amount, back.currency, back.fee, back.exchange_rate) == (-540, "usd", 0, 1.08)


def test_a_currency_without_a_rate_stays_as_it_is(in_dollars: stripe.StripeClient) -> None:
    in_dollars.v1.payment_intents.create(charge_of("sek", 1000))

    (paid,) = listed(in_dollars)
    assert (paid.amount, paid.currency, paid.exchange_rate) == (1000, "sek", None)


def test_pages_go_from_the_newest_to_the_oldest(client: stripe.StripeClient, charge: Callable[..., Any]) -> None:
    for amount in range(100, 600, 100):
        charge(amount=amount)

    found = client.v1.balance_transactions.list({"limit": 2})
    assert (len(found.data), found.has_more) == (2, True)
    assert [each.amount for each in found.auto_paging_iter()] == [500, 400, 300, 200, 100]


def test_the_list_is_narrowed(client: stripe.StripeClient, charge: Callable[..., Any]) -> None:
    intent = charge(expand=["latest_charge"])
    client.v1.refunds.create({"payment_intent": intent.id, "amount": 1})
    (paid,) = listed(client, type="charge")

    assert [each.id for each in listed(client, source=intent.latest_charge.id)] == [paid.id]
    assert listed(client, currency="eur") == listed(client, type="payout") == []
    assert listed(client, created={"gte": paid.created + 60}) == []
    assert len(listed(client, created={"gte": paid.created - 60, "lt": paid.created + 60})) == 2


def test_the_source_is_spelt_out_on_request(client: stripe.StripeClient, charge: Callable[..., Any]) -> None:
    intent = charge(metadata={"funding_charge": "ours"})
    refund = client.v1.refunds.create({"payment_intent": intent.id, "amount": 1})

    back, paid = listed(client, expand=["data.source"])
    assert (back.source.object, back.source.id, back.source.payment_intent) == ("refund", refund.id, intent.id)
    assert (paid.source.object, paid.source.payment_intent) == ("charge", intent.id)
    assert paid.source.metadata.to_dict() == {"funding_charge": "ours"}


def test_a_source_that_the_sandbox_does_not_keep_stays_an_id(
    client: stripe.StripeClient, sandbox: RunningSandbox
) -> None:
    paid_out = {"amount": -900, "currency": "usd", "kind": "payout", "category": "payout", "source": "po_1"}
    sandbox.state.add(shapes_funding.balance_transaction(**paid_out))  # type: ignore[arg-type]

    (entered,) = listed(client, expand=["data.source"])
    assert (entered.source, entered.net, entered.fee_details) == ("po_1", -900, [])


@pytest.mark.parametrize(
    ("wanted", "param"),
    [({"limit": 101}, "limit"), ({"starting_after": "txn_none"}, "starting_after"), ({"kind": "charge"}, "kind")],
)
def test_bad_parameters(client: stripe.StripeClient, wanted: Json, param: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        listed(client, **wanted)
    assert caught.value.param == param


def test_one_that_never_was(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.balance_transactions.retrieve("txn_none")
    assert (caught.value.http_status, caught.value.code) == (404, "resource_missing")


def charge_of(currency: str, amount: int) -> Any:
    return {
        "amount": amount,
        "currency": currency,
        "customer": CUSTOMER,
        "payment_method": CITI,
        "off_session": True,
        "confirm": True,
    }
