"""Charges that were paid, their disputes at the sandbox, and the events that it sends of them."""

import itertools
from typing import Any

import requests
from django.conf import settings

from issuing.handlers import dispatch
from issuing.models import IssuerEvent
from onecard.kit import clock
from onecard.kit.money import Money
from onecard.kit.transactions import transaction
from tests.sandbox.running import RunningSandbox
from tests.support import stripe_events
from tests.support.sandboxes import intended_charge
from wallet.charges import charge as charges
from wallet.ledger import postings as ledger
from wallet.models import Case, FundingCharge, Posting

HELPERS = "/v1/test_helpers"


_numbers = itertools.count(1)


def paid_charge(amount_minor: int = 4500, **fields: Any) -> FundingCharge:
    """A purchase that its merchant has captured and a card has paid."""
    name = fields.pop("purchase", f"authorization:77{next(_numbers):06d}")
    charge = intended_charge(amount_minor=amount_minor, purchase=name, **fields)
    assert charges.charge(charge_id=charge.pk) == "succeeded"
    if name.startswith("authorization:"):
        with transaction():
            money = Money(amount_minor, charge.obligation.currency)
            ledger.post(kind=Posting.Kind.CAPTURE, key=f"capture:{name}", money=money, reference=name)
    charge.refresh_from_db()
    return charge


def call_sandbox(sandbox: RunningSandbox, path: str, **params: Any) -> dict[str, Any]:
    answer = requests.post(f"{sandbox.url}{path}", data=params, auth=(settings.STRIPE_API_KEY, ""), timeout=10)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def open_dispute(sandbox: RunningSandbox, charge: FundingCharge, **params: Any) -> dict[str, Any]:
    return call_sandbox(sandbox, f"{HELPERS}/payment_intents/{charge.processor_charge_id}/dispute", **params)


def end_dispute(sandbox: RunningSandbox, disputed: dict[str, Any], how: str) -> None:
    call_sandbox(sandbox, f"{HELPERS}/disputes/{disputed['id']}/{how}")


def sandbox_events(sandbox: RunningSandbox, *types: str) -> list[dict[str, Any]]:
    """What the processor has told of these kinds, the oldest first."""
    params = {f"types[{place}]": each for place, each in enumerate(types)} | {"limit": "100"}
    url = f"{sandbox.url}/v1/events"
    listed = requests.get(url, params=params, auth=(settings.STRIPE_API_KEY, ""), timeout=10).json()["data"]
    return listed[::-1]


def dispute_events(sandbox: RunningSandbox) -> list[dict[str, Any]]:
    kinds = ("created", "updated", "funds_withdrawn", "funds_reinstated", "closed")
    return sandbox_events(sandbox, *[f"charge.dispute.{kind}" for kind in kinds])


def deliver_event(event: dict[str, Any]) -> str:
    assert stripe_events.post(event).json() == {"received": True}
    late = clock.now() + dispatch.WAIT_FOR_DECISION
    return dispatch.handle(event_pk=IssuerEvent.objects.get(event_id=event["id"]).pk, now=late)


def deliver_dispute_events(sandbox: RunningSandbox) -> None:
    for event in dispute_events(sandbox):
        deliver_event(event)


def balance(account: str, reference: str | None = None) -> int:
    return ledger.balance(account, currency="USD", reference=reference)


def open_cases() -> list[str]:
    return sorted(Case.objects.filter(status="open").values_list("kind", flat=True))
