"""Other events of the processor: refunds that we did not ask for, fraud warnings, saved cards and customers."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from django.conf import settings

from audit.models import Entry
from issuing.reconcile import comparisons
from issuing.reconcile.window import Window
from onecard.kit.money import Money
from onecard.kit.transactions import transaction
from onecard.outbox.models import Message
from tests.issuing.handlers.charge_disputes import (
    balance,
    call_sandbox,
    deliver_event,
    open_cases,
    paid_charge,
    sandbox_events,
)
from tests.sandbox.running import RunningSandbox
from tests.support.factories import FundingMethodFactory
from tests.support.sandboxes import CUSTOMER, processor_sandbox
from tests.wallet.methods.saved_cards import begun, fill_in, newcomer
from wallet.accounts import Account
from wallet.ledger import check as ledger_check
from wallet.methods import setups
from wallet.models import Case, FundingCharge, FundingMethod, FundingRefund
from wallet.obligations import adjust
from wallet.refunds import records as refunds
from wallet.refunds import send as refund_sending

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with processor_sandbox() as running:
        yield running


def refund_in_dashboard(sandbox: RunningSandbox, charge: FundingCharge, amount: int) -> list[dict[str, Any]]:
    call_sandbox(sandbox, "/v1/refunds", payment_intent=charge.processor_charge_id, amount=amount)
    return sandbox_events(sandbox, "refund.created", "charge.refunded")


@pytest.mark.parametrize("order", [(0, 1), (1, 0), (0,), (1,), (1, 0, 1, 0)])
def test_refund_in_the_dashboard_is_booked_once_with_a_case(sandbox: RunningSandbox, order: tuple[int, ...]) -> None:
    charge = paid_charge()
    told = refund_in_dashboard(sandbox, charge, 1500)

    for place in order:
        assert (
            deliver_event(told[place] | {"id": f"evt_{len(Case.objects.all())}_{place}_{id(place)}_{order}"})
            == "handled"
        )

    refund = FundingRefund.objects.get()
    assert (refund.amount_minor, refund.status, refund.charge) == (1500, "succeeded", charge)
    assert open_cases() == ["event_contradiction"]
    assert balance(Account.PROCESSOR) == 3000
    assert balance(Account.GOODWILL) == 1500
    assert ledger_check.check() == []


def test_refund_in_the_dashboard_is_not_charged_again(sandbox: RunningSandbox) -> None:
    charge = paid_charge()
    for event in refund_in_dashboard(sandbox, charge, 1500):
        deliver_event(event)

    with transaction():
        change = adjust.bring_to(
            purchase=charge.obligation.purchase,
            amount_due=Money(4500, "USD"),
            description="",
            is_over=True,
            actor="system:t",
        )

    assert (change, FundingCharge.objects.count()) == (0, 1)


def test_our_own_refund_is_not_taken_for_a_foreign_one(sandbox: RunningSandbox) -> None:
    charge = paid_charge()
    with transaction():
        refund = refunds.begin(obligation=charge.obligation, amount_minor=1500, reason="Less.", actor="user:1")
    sandbox.order(method="POST", path="/v1/refunds", do="drop_answer")
    assert refund_sending.refund(refund_id=refund.pk) == "unknown"

    for event in sandbox_events(sandbox, "charge.refunded", "refund.created"):
        deliver_event(event)

    refund.refresh_from_db()
    assert (refund.status, FundingRefund.objects.count(), open_cases()) == ("succeeded", 1, [])


def test_rest_of_a_part_captured_hold_is_no_refund(sandbox: RunningSandbox) -> None:
    charge = paid_charge()
    content = {
        "id": "ch_1",
        "object": "charge",
        "payment_intent": charge.processor_charge_id,
        "captured": True,
        "amount": 6000,
        "amount_captured": 4500,
        "amount_refunded": 1500,
        "currency": "usd",
    }
    from tests.support import stripe_events

    assert deliver_event(stripe_events.event("charge.refunded", content)) == "handled"
    assert not FundingRefund.objects.exists()


def test_foreign_refund_that_fails_is_turned_round(sandbox: RunningSandbox) -> None:
    charge = paid_charge()
    told = refund_in_dashboard(sandbox, charge, 1500)
    deliver_event(told[0])
    failed = told[0] | {"id": "evt_failed", "type": "refund.failed"}
    failed["data"]["object"]["status"] = "failed"
    assert deliver_event(failed) == "handled"

    assert balance(Account.PROCESSOR) == 4500
    assert "refund_failed" in open_cases()
    assert ledger_check.check() == []


def test_refund_of_a_strangers_charge_is_kept(sandbox: RunningSandbox) -> None:
    charge = paid_charge()
    told = refund_in_dashboard(sandbox, charge, 1500)[0]
    told["data"]["object"]["payment_intent"] = "pi_other"

    assert deliver_event(told) == "kept"
    assert not FundingRefund.objects.exists()


def test_fraud_warning_is_one_case_and_changes_no_card(sandbox: RunningSandbox) -> None:
    charge = paid_charge()
    call_sandbox(sandbox, f"/v1/test_helpers/payment_intents/{charge.processor_charge_id}/warn_of_fraud")
    (told,) = sandbox_events(sandbox, "radar.early_fraud_warning.created")

    deliver_event(told)
    deliver_event(told | {"id": "evt_again"})

    assert open_cases() == ["charge_warning"]
    assert "made with stolen card" in Case.objects.get().summary
    assert not FundingMethod.objects.exclude(status="active").exists()


def test_detached_card_is_out_at_once(sandbox: RunningSandbox) -> None:
    method = paid_charge().method
    call_sandbox(sandbox, f"/v1/payment_methods/{method.processor_method_id}/detach")

    for event in sandbox_events(sandbox, "payment_method.detached"):
        assert deliver_event(event) == "handled"

    method.refresh_from_db()
    assert method.status == "detached"
    assert Entry.objects.filter(action="method.detached", subject_id=str(method.pk)).count() == 1


def test_successor_of_a_card_is_followed_with_its_history(sandbox: RunningSandbox) -> None:
    method = paid_charge().method
    params = {"card[exp_month]": 3, "card[exp_year]": 2041, "card[last4]": "1881", "card[brand]": "mastercard"}
    call_sandbox(sandbox, f"/v1/test_helpers/payment_methods/{method.processor_method_id}/replace", **params)
    (told,) = sandbox_events(sandbox, "payment_method.automatically_updated")

    deliver_event(told)
    deliver_event(told | {"id": "evt_again"})

    was = method.last_four
    method.refresh_from_db()
    assert (method.expiry_month, method.expiry_year, method.last_four, method.network) == (
        3,
        2041,
        "1881",
        "mastercard",
    )
    entry = Entry.objects.get(action="method.renewed", subject_id=str(method.pk))
    assert entry.details["was_last_four"] == was
    assert method.renewed_at is not None


def test_successor_with_another_cards_number_keeps_its_fingerprint(sandbox: RunningSandbox) -> None:
    method = paid_charge().method
    FundingMethodFactory(cardholder=method.cardholder, fingerprint="f_other")
    FundingMethod.objects.filter(pk=method.pk).update(fingerprint="f_own")
    params = {"card[exp_year]": 2041, "card[fingerprint]": "f_other"}
    call_sandbox(sandbox, f"/v1/test_helpers/payment_methods/{method.processor_method_id}/replace", **params)

    (update,) = sandbox_events(sandbox, "payment_method.automatically_updated")
    assert deliver_event(update) == "handled"

    method.refresh_from_db()
    assert (method.expiry_year, method.fingerprint) == (2041, "f_own")


def test_a_saved_card_comes_into_its_wallet_without_the_persons_device(sandbox: RunningSandbox) -> None:
    holder = newcomer()
    fill_in(begun(holder).setup_id, "discover")
    (update,) = sandbox_events(sandbox, "setup_intent.succeeded")

    for name in ("evt_one", "evt_two"):
        assert deliver_event(update | {"id": name}) == "handled"
    assert setups.complete_reported(**Message.objects.get(topic="card.setup_succeeded").arguments) == "completed"

    method = FundingMethod.objects.get(cardholder=holder)
    assert (method.network, method.last_four, method.status) == ("discover", "1117", "active")
    foreign = update | {"id": "evt_foreign"}
    foreign["data"] = {"object": update["data"]["object"] | {"metadata": {}}}
    assert deliver_event(foreign) == "kept"


@pytest.mark.parametrize("card", [None, {}, {"exp_month": 13, "exp_year": 2041, "last4": "12", "brand": "new brand"}])
def test_update_that_says_nothing_readable_changes_nothing(sandbox: RunningSandbox, card: Any) -> None:
    from tests.support import stripe_events

    method = paid_charge().method
    before = FundingMethod.objects.filter(pk=method.pk).values().get()
    content = {"id": method.processor_method_id, "object": "payment_method", "customer": CUSTOMER, "card": card}

    assert deliver_event(stripe_events.event("payment_method.updated", content)) == "handled"
    assert FundingMethod.objects.filter(pk=method.pk).values().get() == before


def test_deleted_customer_takes_all_their_cards_out_with_one_case(sandbox: RunningSandbox) -> None:
    method = paid_charge().method
    url = f"{sandbox.url}/v1/customers/{CUSTOMER}"
    assert requests.delete(url, auth=(settings.STRIPE_API_KEY, ""), timeout=10).status_code == 200
    (told,) = sandbox_events(sandbox, "customer.deleted")

    deliver_event(told)
    deliver_event(told | {"id": "evt_again"})

    method.refresh_from_db()
    assert (method.status, open_cases()) == ("detached", ["event_contradiction"])


def test_reconciliation_knows_a_refund_made_in_the_dashboard(sandbox: RunningSandbox) -> None:
    import datetime as dt

    from onecard.kit import clock

    for event in refund_in_dashboard(sandbox, paid_charge(), 1500):
        deliver_event(event)

    until = clock.now() + dt.timedelta(days=3)
    window = Window(since=until - dt.timedelta(days=6), until=until, now=until)
    for each in comparisons.of_processor():
        with each.differences(window, lambda _rows: None) as found:
            assert list(found) == [], each
