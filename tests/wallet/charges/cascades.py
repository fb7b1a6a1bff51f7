"""A wallet of several cards with one obligation, and the queue's part of the cascade done at once."""

import datetime as dt
import itertools
from collections.abc import Iterator, Sequence

import pytest

from onecard.kit import clock
from tests.sandbox.running import RunningSandbox
from tests.support.factories import CardholderFactory, FundingMethodFactory
from tests.support.sandboxes import CUSTOMER, intents, processor_sandbox
from wallet import states
from wallet.charges import cancel, cascade
from wallet.charges import charge as charges
from wallet.models import Case, FundingCharge, FundingMethod, FundingObligation

# The payment methods that the demo world's customer has at the sandbox.
PAYMENT_METHODS = (
    "pm_1SG9flQLFtcEJSwHFoqxTXqT",
    "pm_1SG9gFQLFtcEJSwHx3K1Ak03",
    "pm_1SG9fyQLFtcEJSwHCV4rm2SC",
    "pm_1SG9gRQLFtcEJSwHXKtuCu0T",
)
GOOD = PAYMENT_METHODS[0]
INTENTS = "/v1/payment_intents"
ME = "system:test"
_numbers = itertools.count(1)


def a_wallet(*, cards: int = 3, backup: int | None = None, ids: Sequence[str] = PAYMENT_METHODS) -> list[FundingMethod]:
    """So many cards in their order; `backup` is the place of the backup card."""
    holder = CardholderFactory(processor_customer_id=CUSTOMER)
    return [
        FundingMethodFactory(cardholder=holder, processor_method_id=ids[place], is_backup=place == backup)
        for place in range(cards)
    ]


def owe(method: FundingMethod, *, purchase: str = "", amount_minor: int = 4500) -> FundingObligation:
    """An obligation with its first charge, as a decision leaves it."""
    now, number = clock.now(), next(_numbers)
    obligation = FundingObligation.objects.create(
        cardholder=method.cardholder,
        reference=f"decision:cascade-{number}",
        purchase=purchase or f"authorization:9{number:08d}",
        description="Starbucks Coffee",
        amount_minor=amount_minor,
        currency="USD",
        created_at=now,
        updated_at=now,
    )
    FundingCharge.objects.create(
        obligation=obligation,
        method=method,
        idempotency_key=f"charge:cascade-{number}:1",
        next_attempt_at=now,
        created_at=now,
        updated_at=now,
    )
    return obligation


def step(obligation: FundingObligation, order: Sequence[FundingMethod]) -> None:
    """What the queue does for an obligation, once: the charge that is due, and what follows its failure."""
    due = FundingCharge.objects.filter(obligation=obligation, status="intended", next_attempt_at__lte=clock.now())
    for charge_id in due.values_list("pk", flat=True):
        charges.charge(charge_id=charge_id)
    cancel.cancel_waiting(obligation_id=obligation.pk, actor=ME)
    cascade.next_charge(obligation_id=obligation.pk, method_ids=[method.pk for method in order], actor=ME)


def run_out(obligation: FundingObligation, order: Sequence[FundingMethod], *, steps: int = 8) -> str:
    """Steps until nothing is due any more; gives the obligation's status."""
    for _ in range(steps):
        step(obligation, order)
    obligation.refresh_from_db()
    return obligation.status


def make_retry_due(obligation: FundingObligation) -> bool:
    """As if the time until the next retry had passed; False when there is none."""
    waiting = FundingCharge.objects.filter(obligation=obligation, status=states.Charge.INTENDED)
    return bool(waiting.update(next_attempt_at=clock.now() - dt.timedelta(seconds=1)))


def story(obligation: FundingObligation) -> list[tuple[int, str, str]]:
    """The obligation's charges: card, status, and why."""
    charges = obligation.charges.order_by("sequence")
    return [(charge.method_id, charge.status, charge.failure_code) for charge in charges]


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with processor_sandbox() as running:
        yield running


def decline(sandbox: RunningSandbox, method: FundingMethod, code: str, times: int | None = 1) -> None:
    sandbox.order(
        method="POST",
        path=INTENTS,
        do="decline",
        decline_code=code,
        payment_method=method.processor_method_id,
        times=times,
    )


def paid(sandbox: RunningSandbox) -> int:
    return [intent["status"] for intent in intents(sandbox)].count("succeeded")


def receivable() -> Case:
    return Case.objects.get(kind="receivable", status="open")
