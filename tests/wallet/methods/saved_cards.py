"""A person without a customer and cards, and what their device does in the processor's form."""

import uuid
from typing import Any

from tests.support.factories import CardholderFactory
from wallet.methods import setups
from wallet.models import Cardholder, FundingMethod
from wallet.processors.stripe.client import stripe_client
from wallet.processors.stripe.saving import Setup

ME = "user:1"
SETUPS, CUSTOMERS = "/v1/setup_intents", "/v1/customers"


def newcomer(**more: Any) -> Cardholder:
    holder: Cardholder = CardholderFactory(processor_customer_id="", **more)
    return holder


def begun(holder: Cardholder, *, request_id: uuid.UUID | None = None) -> Setup:
    return setups.begin(holder, request_id=request_id or uuid.uuid4(), actor=ME)


def fill_in(setup_id: str, card: str = "visa") -> None:
    """The form is done, with one of the documented test cards."""
    stripe_client().v1.setup_intents.confirm(setup_id, {"payment_method": f"pm_card_{card}"})


def added(holder: Cardholder, card: str = "visa", **more: Any) -> FundingMethod:
    """A card that the person added from beginning to end."""
    setup = begun(holder)
    fill_in(setup.setup_id, card)
    return setups.complete(holder, setup_id=setup.setup_id, actor=ME, **more)


def customers_made(sandbox: Any) -> int:
    """How many the processor has beside the demo world's one."""
    return len(sandbox.state.objects["customer"]) - 1
