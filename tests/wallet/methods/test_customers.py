"""The processor's customer of a wallet: made once, and anew after it was deleted (wallet/methods/customers.py)."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from audit.models import Entry
from tests.sandbox.running import RunningSandbox
from tests.support.sandboxes import processor_sandbox
from tests.support.threads import at_once
from tests.wallet.charges.cascades import owe
from tests.wallet.methods.saved_cards import CUSTOMERS, SETUPS, added, begun, customers_made, newcomer
from wallet.methods.customers import ChargesUnderWayError
from wallet.methods.usable import lock_wallet
from wallet.models import Case, FundingCharge, FundingMethod
from wallet.processors.base import ProcessorAwayError
from wallet.processors.stripe.client import stripe_client

pytestmark = pytest.mark.django_db


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with processor_sandbox() as running:
        yield running


def test_a_deleted_customer_is_made_anew(sandbox: RunningSandbox) -> None:
    holder = newcomer()
    old = added(holder)
    holder.refresh_from_db()
    gone = holder.processor_customer_id
    stripe_client().v1.customers.delete(gone)

    method = added(holder)

    holder.refresh_from_db()
    assert holder.processor_customer_id not in ("", gone)
    old.refresh_from_db()
    assert (old.status, method.status) == ("detached", "active")
    assert Entry.objects.filter(action="wallet.customer_deleted").count() == 1
    assert customers_made(sandbox) == 2


@pytest.mark.usefixtures("sandbox")
def test_a_customer_with_a_charge_in_doubt_is_not_replaced() -> None:
    holder = newcomer()
    owe(added(holder))
    FundingCharge.objects.update(status="unknown")
    holder.refresh_from_db()
    stripe_client().v1.customers.delete(holder.processor_customer_id)

    with pytest.raises(ChargesUnderWayError):
        begun(holder)

    assert FundingMethod.objects.get().status == "active"


@pytest.mark.usefixtures("sandbox")
def test_a_customer_that_another_account_has_is_kept() -> None:
    holder = newcomer()
    added(holder)
    type(holder).objects.update(processor_customer_id="cus_of_another_account")

    for _ in range(2):
        with pytest.raises(ProcessorAwayError):
            begun(holder)

    assert FundingMethod.objects.get().status == "active"
    assert "does not know the customer cus_of_another_account" in Case.objects.get().summary


@pytest.mark.parametrize("path", [CUSTOMERS, SETUPS])
@pytest.mark.parametrize("fault", ["error_500", "drop_answer", "drop_request", "rate_limit"])
def test_after_a_lost_answer_a_repeat_goes_on(sandbox: RunningSandbox, path: str, fault: str) -> None:
    holder, request_id = newcomer(), uuid.uuid4()
    sandbox.order(method="POST", path=path, do=fault)
    try:
        begun(holder, request_id=request_id)
    except ProcessorAwayError:
        setup = begun(holder, request_id=request_id)
    else:
        setup = begun(holder, request_id=request_id)

    assert setup.client_secret
    holder.refresh_from_db()
    assert setup.customer_id == holder.processor_customer_id


def test_a_process_that_dies_between_call_and_record_leaves_one_customer(
    sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    holder, request_id = newcomer(), uuid.uuid4()
    with monkeypatch.context() as dying:
        dying.setattr("wallet.methods.usable.lock_wallet", _dies_at_call(2))
        with pytest.raises(KeyboardInterrupt):
            begun(holder, request_id=request_id)
    assert customers_made(sandbox) == 1
    holder.refresh_from_db()
    assert not holder.processor_customer_id

    begun(holder, request_id=request_id)

    assert customers_made(sandbox) == 1


@pytest.mark.django_db(transaction=True)
def test_two_who_ask_at_once_make_one_customer(sandbox: RunningSandbox) -> None:
    holder = newcomer()

    made = at_once([lambda: begun(holder) for _ in range(4)])

    assert len({setup.customer_id for setup in made}) == 1
    assert len({setup.setup_id for setup in made}) == 4
    assert customers_made(sandbox) == 1


def _dies_at_call(number: int) -> Any:
    calls = iter(range(1, 100))

    def lock(cardholder_id: int) -> Any:
        if next(calls) == number:
            raise KeyboardInterrupt
        return lock_wallet(cardholder_id)

    return lock
