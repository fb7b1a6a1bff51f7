"""Saves a person's card at Stripe: the customer, the setup that the person confirms, the hosted page, the removal."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import stripe
from stripe.params import CustomerCreateParams

from onecard.kit.errors import OneCardError
from onecard.kit.text import clean_text
from wallet.processors.base import RequestRefusedError
from wallet.processors.stripe import errors as stripe_errors
from wallet.processors.stripe.client import stripe_client
from wallet.processors.stripe.methods import SavedMethod, read_saved_method

MISSING = "resource_missing"
# Our own id of a setup in Stripe's metadata: an event names it.
REQUEST = "card_setup"
SUCCEEDED, CANCELED = "succeeded", "canceled"


class CustomerMissingError(OneCardError):
    """The processor does not accept the customer: it was deleted, or never was there."""

    code = "customer_missing"


@dataclass(frozen=True, slots=True)
class Setup:
    """A setup as Stripe has it; `method_id` and `method` are empty until a card was given.

    `request_id` is our own id in its metadata, "" without one. The secret lets the person's own device give a card.
    """

    setup_id: str
    customer_id: str
    status: str
    request_id: str
    method_id: str = ""
    method: SavedMethod | None = None
    client_secret: str = field(default="", repr=False)


def make_customer(*, name: str, email: str, wallet: int, key: str) -> str:
    """Makes a customer, once per key, and returns its id. Raises OutcomeUnknownError or NotProcessedError."""
    wanted: CustomerCreateParams = {"name": name, "metadata": {"wallet": str(wallet)}}
    if email:
        wanted["email"] = email
    with _translated():
        return stripe_client().v1.customers.create(wanted, {"idempotency_key": key}).id


def is_deleted(customer_id: str) -> bool:
    """Returns whether Stripe has deleted the customer; False for one that it never had, by another account's key for
    instance. Raises OutcomeUnknownError or NotProcessedError.
    """
    with contextlib.suppress(_MissingError), _translated():
        return bool(getattr(stripe_client().v1.customers.retrieve(customer_id), "deleted", False))
    return False


def make_setup(*, customer_id: str, request_id: str, key: str) -> Setup:
    """Makes a setup for charges without the person, once per key.

    Raises CustomerMissingError, OutcomeUnknownError or NotProcessedError.
    """
    # As the API version of STRIPE_API_VERSION has it; the types are those of a newer one.
    wanted: Any = {
        "customer": customer_id,
        "usage": "off_session",
        "payment_method_types": ["card"],
        "metadata": {REQUEST: request_id},
    }
    with _customer_named(), _translated():
        made = stripe_client().v1.setup_intents.create(wanted, {"idempotency_key": key})
    return _read(made.to_dict())


def make_page(*, customer_id: str, request_id: str, key: str, back_to: str) -> str:
    """Makes a page of Stripe's on which the person saves a card, and returns its address; it lives for a day.

    Raises CustomerMissingError, OutcomeUnknownError or NotProcessedError.
    """
    wanted: Any = {
        "mode": "setup",
        "customer": customer_id,
        "payment_method_types": ["card"],
        "setup_intent_data": {"metadata": {REQUEST: request_id}},
        "success_url": back_to,
    }
    with _customer_named(), _translated():
        made = stripe_client().v1.checkout.sessions.create(wanted, {"idempotency_key": key})
    return made.url or ""


def find_setup(setup_id: str) -> Setup | None:
    """Reads a setup with the card that was given; None when there is none of that id.

    Raises OutcomeUnknownError or NotProcessedError.
    """
    try:
        with _translated():
            found = stripe_client().v1.setup_intents.retrieve(setup_id, {"expand": ["payment_method"]})
    except _MissingError:
        return None
    return _read(found.to_dict())


def detach(processor_method_id: str) -> None:
    """Takes a saved card from its customer for good; one that has none any more, or is unknown, is done.

    A repeat changes nothing, so it needs no key. Raises OutcomeUnknownError or NotProcessedError.
    """
    methods = stripe_client().v1.payment_methods
    with contextlib.suppress(_MissingError), _translated():
        try:
            methods.detach(processor_method_id)
        except stripe.InvalidRequestError:
            # Stripe has no code for a card that is detached already.
            if methods.retrieve(processor_method_id).customer is not None:
                raise


def read_request_id(setup: Mapping[str, Any]) -> str:
    """Returns our own id in a setup's metadata, or ""."""
    metadata = setup.get("metadata")
    return clean_text(metadata.get(REQUEST), limit=64) if isinstance(metadata, Mapping) else ""


class _MissingError(Exception):
    """Stripe has no such thing; `param` says which parameter named it."""

    def __init__(self, param: str) -> None:
        super().__init__(param)
        self.param = param


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """Raises what Stripe's error means: nothing of that id, a refused request or account, or no answer."""
    try:
        yield
    except stripe.InvalidRequestError as error:
        if stripe_errors.code(error) == MISSING:
            raise _MissingError(clean_text(error.param, limit=80)) from error
        refusal = stripe_errors.refused(error)
        raise RequestRefusedError(refusal.message, refusal_code=refusal.code) from error
    except stripe.StripeError as error:
        raise stripe_errors.without_answer(error) from error


@contextlib.contextmanager
def _customer_named() -> Iterator[None]:
    try:
        yield
    except _MissingError as error:
        raise CustomerMissingError("The processor does not accept this customer.") from error


def _read(setup: Mapping[str, Any]) -> Setup:
    customer, method = setup.get("customer"), setup.get("payment_method")
    return Setup(
        setup_id=clean_text(setup.get("id"), limit=64),
        customer_id=clean_text(customer.get("id") if isinstance(customer, Mapping) else customer, limit=64),
        status=clean_text(setup.get("status"), limit=40),
        request_id=read_request_id(setup),
        method_id=clean_text(method.get("id") if isinstance(method, Mapping) else method, limit=64),
        method=read_saved_method(method) if isinstance(method, Mapping) else None,
        client_secret=str(setup.get("client_secret") or ""),
    )
