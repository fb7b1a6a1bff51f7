"""The sandbox issuer as the processor of a test, over real HTTP."""

import datetime as dt
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.test import override_settings

from onecard.kit import clock
from tests.sandbox.running import RunningSandbox, running_sandbox
from tests.support.factories import CardholderFactory, FundingMethodFactory
from wallet.models import FundingCharge, FundingObligation, ProcessorPause
from wallet.processors.stripe.client import stripe_client

CUSTOMER = "cus_T3CgWDrN0e0AMe"
CITI = "pm_1SG9fyQLFtcEJSwHCV4rm2SC"


@contextmanager
def processor_sandbox(webhook_url: str | None = None, **more: Any) -> Iterator[RunningSandbox]:
    """Serves a sandbox and points the product's processor at it.

    Each has a secret of its own, so that what an earlier test's sandbox delivers late is no longer genuine.
    """
    secret = f"whsec_{secrets.token_hex(16)}"
    with running_sandbox(webhook_url=webhook_url, secret=secret, api_key=settings.STRIPE_API_KEY, **more) as sandbox:
        with override_settings(STRIPE_API_BASE=sandbox.url, STRIPE_WEBHOOK_SECRETS=[secret]):
            stripe_client.cache_clear()
            yield sandbox
        stripe_client.cache_clear()


def intended_charge(
    *, amount_minor: int = 4500, currency: str = "USD", method_id: str = CITI, **obligation_fields: Any
) -> FundingCharge:
    """A charge as a decision leaves it: committed, and unknown to the processor."""
    now = clock.now()
    method = FundingMethodFactory(
        cardholder=CardholderFactory(processor_customer_id=CUSTOMER), processor_method_id=method_id, is_backup=True
    )
    obligation = FundingObligation.objects.create(
        cardholder=method.cardholder,
        reference=f"decision:test-{method.pk}",
        description="Starbucks Coffee",
        amount_minor=amount_minor,
        currency=currency,
        created_at=now,
        updated_at=now,
        **obligation_fields,
    )
    return FundingCharge.objects.create(
        obligation=obligation,
        method=method,
        idempotency_key=f"charge:test-{obligation.public_id}:1",
        next_attempt_at=now,
        created_at=now,
        updated_at=now,
    )


def intents(sandbox: RunningSandbox) -> list[dict[str, object]]:
    """What the processor has: every payment intent, by the real API."""
    found = stripe_client().v1.payment_intents.list({"limit": 100})
    return [intent.to_dict(for_json=True) for intent in found.auto_paging_iter()]


def given_back() -> list[dict[str, object]]:
    """What the processor gave back: every refund, by the real API."""
    found = stripe_client().v1.refunds.list({"limit": 100})
    return [refund.to_dict(for_json=True) for refund in found.auto_paging_iter()]


def let_probe() -> None:
    """As if the time until the next probe of a paused processor had passed."""
    past = clock.now() - dt.timedelta(seconds=1)
    ProcessorPause.objects.update(probe_at=past, since=past)
