"""A person removes a card: refused while it owes, and forgotten by the processor once (wallet/card_removal.py)."""

import datetime as dt
from collections.abc import Iterator

import pytest

from audit.models import Entry
from onecard.kit import clock
from onecard.outbox.models import Message
from tests.sandbox.running import RunningSandbox
from tests.support.sandboxes import processor_sandbox
from tests.support.threads import at_once
from tests.wallet.charges.cascades import a_wallet, owe
from tests.wallet.methods.saved_cards import ME
from wallet import card_removal
from wallet.card_removal import CardOwesError
from wallet.methods import detachment
from wallet.methods.condition import condition_of
from wallet.models import CardDetachment, Case, FundingCharge, FundingMethod, FundingObligation
from wallet.processors.stripe.client import stripe_client

pytestmark = pytest.mark.django_db


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with processor_sandbox() as running:
        yield running


def remove(method: FundingMethod) -> CardDetachment:
    card_removal.remove(method.cardholder, method.pk, actor=ME)
    return CardDetachment.objects.get(method=method)


def customer_at_processor(method: FundingMethod) -> object:
    return stripe_client().v1.payment_methods.retrieve(method.processor_method_id).customer


def make_due(row: CardDetachment) -> None:
    CardDetachment.objects.filter(pk=row.pk).update(
        next_attempt_at=clock.now() - dt.timedelta(seconds=30), claimed_until=None
    )


@pytest.mark.usefixtures("sandbox")
def test_a_removed_card_pays_nothing_and_is_detached_once() -> None:
    method, other = a_wallet(cards=2, backup=0)
    version = method.cardholder.wallet_version

    rows = {remove(method).pk for _ in range(2)}

    method.refresh_from_db()
    assert (method.status, method.is_backup, condition_of(method).state) == ("detached", False, "removed")
    method.cardholder.refresh_from_db()
    assert method.cardholder.wallet_version > version, "a decision under way sees it"
    message = Message.objects.get(topic="card.detach_requested")
    assert rows == {message.payload["detachment_id"]}
    for _ in range(2):
        assert detachment.detach(**message.arguments) == "done"
    assert customer_at_processor(method) is None
    assert customer_at_processor(other) is not None
    told = Entry.objects.order_by("pk").values_list("action", "actor")
    assert list(told) == [("method.removed", ME), ("method.detached", "system:card_removal")]


@pytest.mark.parametrize("status", ["intended", "sending", "unknown", "processing", "held", "requires_action"])
def test_a_card_that_is_being_charged_stays(status: str) -> None:
    method, other = a_wallet(cards=2)
    owe(method)
    FundingCharge.objects.update(status=status)

    with pytest.raises(CardOwesError, match=r"45\.00 USD are being charged to .* •••• \d{4}: remove it once"):
        remove(method)

    method.refresh_from_db()
    assert method.status == "active"
    assert remove(other).status == "intended"


def test_a_card_stays_while_its_purchase_is_owed() -> None:
    method, other = a_wallet(cards=2)
    for _ in range(2):
        obligation = owe(method)
        FundingObligation.objects.filter(pk=obligation.pk).update(status="failed")
    FundingCharge.objects.update(status="declined")

    with pytest.raises(CardOwesError, match=r"90\.00 USD are still owed"):
        remove(method)
    remove(other)

    FundingObligation.objects.update(status="funded")
    assert remove(method).status == "intended"


def test_the_last_card_stays_while_anything_is_owed() -> None:
    gone, last = a_wallet(cards=2)
    obligation = owe(gone)
    FundingCharge.objects.update(status="declined")
    FundingObligation.objects.filter(pk=obligation.pk).update(status="failed")
    FundingMethod.objects.filter(pk=gone.pk).update(status="disabled")

    with pytest.raises(CardOwesError, match=r"45\.00 USD are still owed"):
        remove(last)


@pytest.mark.parametrize("do", ["error_500", "drop_answer", "drop_request", "rate_limit"])
def test_a_removal_without_an_answer_is_tried_again(sandbox: RunningSandbox, do: str) -> None:
    (method,) = a_wallet(cards=1)
    row = remove(method)
    sandbox.order(method="POST", path=f"/v1/payment_methods/{method.processor_method_id}/detach", do=do)

    assert detachment.detach(detachment_id=row.pk) == "intended"
    assert detachment.detach(detachment_id=row.pk) == "intended", "it is not due yet"
    make_due(row)

    assert detachment.sweep() == 1
    row.refresh_from_db()
    assert (row.status, row.attempts) == ("done", 2)
    assert customer_at_processor(method) is None


@pytest.mark.usefixtures("sandbox")
def test_a_worker_that_dies_between_call_and_record_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    (method,) = a_wallet(cards=1)
    row = remove(method)
    with monkeypatch.context() as dying:
        dying.setattr("wallet.methods.detachment.cases.resolve_cases", _dies)
        with pytest.raises(KeyboardInterrupt):
            detachment.detach(detachment_id=row.pk)
    row.refresh_from_db()
    assert row.status == "sending"
    assert customer_at_processor(method) is None
    assert detachment.sweep() == 0, "its claim lasts"
    CardDetachment.objects.update(claimed_until=clock.now() - dt.timedelta(seconds=30))

    assert detachment.sweep() == 1

    row.refresh_from_db()
    assert row.status == "done"


def _dies(**_any: object) -> None:
    raise KeyboardInterrupt


def test_staff_hear_of_a_removal_that_keeps_failing(sandbox: RunningSandbox) -> None:
    (method,) = a_wallet(cards=1)
    row = remove(method)
    path = f"/v1/payment_methods/{method.processor_method_id}/detach"
    sandbox.order(method="POST", path=path, do="error_500", times=6)
    for _ in range(6):
        make_due(row)
        detachment.detach(detachment_id=row.pk)

    case = Case.objects.get()
    assert (case.kind, case.status) == ("card_removal_failing", "open")
    assert "6 attempts" in case.summary
    make_due(row)
    assert detachment.detach(detachment_id=row.pk) == "done"
    case.refresh_from_db()
    assert case.status == "resolved"


@pytest.mark.usefixtures("sandbox")
@pytest.mark.parametrize("processor_id", ["pm_never_made", "detached before"])
def test_a_card_that_the_processor_has_no_more_is_done(processor_id: str) -> None:
    (method,) = a_wallet(cards=1, ids=[processor_id] if processor_id.startswith("pm_") else _FIRST)
    if processor_id == "detached before":
        stripe_client().v1.payment_methods.detach(method.processor_method_id)

    assert detachment.detach(detachment_id=remove(method).pk) == "done"


_FIRST = ("pm_1SG9flQLFtcEJSwHFoqxTXqT",)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("sandbox")
def test_removals_and_workers_at_once_detach_once() -> None:
    (method,) = a_wallet(cards=1)

    at_once([lambda: remove(method)] * 4)
    row = CardDetachment.objects.get()
    at_once([lambda: detachment.detach(detachment_id=row.pk)] * 4)

    row.refresh_from_db()
    assert (row.status, row.attempts) == ("done", 1)
    assert Entry.objects.filter(action="method.removed").count() == 1
