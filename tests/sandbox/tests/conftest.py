from collections.abc import Callable, Iterator
from typing import Any

import pytest
import stripe

from tests.sandbox.running import DEFAULT_API_KEY, RunningSandbox, running_sandbox
from tests.sandbox.tests.marqeta import PROGRAM, Api, MarqetaReceiver, running_marqeta_receiver
from tests.sandbox.tests.receiver import SECRET, Json, Receiver, running_receiver

CARD = "ic_1S769SQLFtcEJSwHLTAnsvQe"
CUSTOMER = "cus_T3CgWDrN0e0AMe"
CITI = "pm_1SG9fyQLFtcEJSwHCV4rm2SC"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with running_receiver() as receiver:
        yield receiver


@pytest.fixture
def sandbox(receiver: Receiver) -> Iterator[RunningSandbox]:
    quick = {"decision_timeout_s": 0.6, "retry_delays_s": (0.05, 0.05, 0.1, 0.1, 0.2)}
    with running_sandbox(webhook_url=receiver.url, secret=SECRET, **quick) as sandbox:  # type: ignore[arg-type]
        yield sandbox


@pytest.fixture
def client(sandbox: RunningSandbox) -> stripe.StripeClient:
    return make_client(sandbox)


@pytest.fixture
def purchase(client: stripe.StripeClient) -> Callable[..., Any]:
    """Present the demo card."""

    def purchase(**more: Any) -> Any:
        return client.v1.test_helpers.issuing.authorizations.create({"card": CARD, "amount": 4500, **more})

    return purchase


@pytest.fixture
def charge(client: stripe.StripeClient) -> Callable[..., Any]:
    """Charge the demo customer's Citi card off session."""

    def charge(*, key: str | None = None, on: stripe.StripeClient | None = None, **more: Any) -> Any:
        params: Json = {
            "amount": 4500,
            "currency": "usd",
            "customer": CUSTOMER,
            "payment_method": CITI,
            "off_session": True,
            "confirm": True,
            **more,
        }
        return (on or client).v1.payment_intents.create(params, {"idempotency_key": key} if key else None)

    return charge


@pytest.fixture
def program() -> Iterator[MarqetaReceiver]:
    """Our side of the Marqeta program: the gateway and the webhook endpoint."""
    with running_marqeta_receiver(PROGRAM) as receiver:
        yield receiver


@pytest.fixture
def marqeta(program: MarqetaReceiver) -> Iterator[RunningSandbox]:
    with running_sandbox(
        webhook_url=None,
        retry_delays_s=(0.05, 0.05, 0.1),
        marqeta_gateway_url=program.gateway_url,
        marqeta_webhook_url=program.webhook_url,
        marqeta=PROGRAM,
    ) as sandbox:
        yield sandbox


@pytest.fixture
def api(marqeta: RunningSandbox) -> Iterator[Api]:
    api = Api(marqeta.url, PROGRAM)
    with api.session:
        yield api


def make_client(sandbox: RunningSandbox, *, timeout_s: float = 10.0, **more: Any) -> stripe.StripeClient:
    return stripe.StripeClient(
        more.pop("api_key", DEFAULT_API_KEY),
        base_addresses={"api": sandbox.url},
        http_client=stripe.RequestsClient(timeout=timeout_s),
        **more,
    )
