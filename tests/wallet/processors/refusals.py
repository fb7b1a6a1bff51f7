"""How a test has the processor refuse calls, and how it passes the time until the next one."""

from typing import Any

from onecard.kit import clock
from tests.sandbox.running import RunningSandbox
from tests.support.sandboxes import let_probe
from wallet.models import FundingCharge

INTENTS = "/v1/payment_intents"


LIVE = "This account cannot currently make live charges."


def refuse(
    sandbox: RunningSandbox, path: str = INTENTS, method: str = "POST", times: int | None = 1, **what: Any
) -> None:
    sandbox.order(method=method, path=path, do="refuse", times=times, **what)


def sandbox_calls(sandbox: RunningSandbox) -> int:
    """How often the processor was asked to charge."""
    found: list[object] = sandbox.sandbox.requests.to_json(method="POST", path=INTENTS)
    return len(found)


def make_due(charge: FundingCharge) -> None:
    """As if the time until the next probe had passed."""
    let_probe()
    FundingCharge.objects.filter(pk=charge.pk).update(next_attempt_at=clock.now())
