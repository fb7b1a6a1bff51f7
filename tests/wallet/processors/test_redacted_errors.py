"""What Stripe or its library says of our key is stored and logged without it."""

from typing import Any

import pytest
import stripe
from django.urls import reverse

from onecard.kit.redaction import protect
from tests.support.back_office import logged_in
from tests.support.sandboxes import intended_charge, processor_sandbox
from wallet.charges import charge as charges
from wallet.models import FundingCharge
from wallet.processors.stripe import client as processor
from wallet.processors.stripe import errors as stripe_errors

MARK = "PLANTEDmarker7"
KEY = f"sk_test_{MARK}"


@pytest.mark.parametrize(
    "error",
    [
        stripe.AuthenticationError(f"Invalid API Key provided: sk_test_********{MARK[-4:]}"),
        stripe.APIConnectionError(f"Invalid header value b'Bearer {KEY}\\n'"),
        stripe.PermissionError(f"The provided key '{KEY}' does not have access to account 'acct_1'"),
        stripe.InvalidRequestError(f"No such thing: {KEY}", param=None),
    ],
)
def test_no_error_of_stripe_keeps_a_part_of_our_key(error: stripe.StripeError) -> None:
    said = stripe_errors.message(error)
    assert "[secret]" in said
    assert MARK[-4:] not in said


@pytest.mark.django_db(transaction=True)
def test_a_refused_key_is_in_no_row_log_or_page(settings: Any, caplog: pytest.LogCaptureFixture) -> None:
    with processor_sandbox():
        charge = intended_charge()
        settings.STRIPE_API_KEY = KEY
        protect([KEY])
        processor.stripe_client.cache_clear()
        try:
            charges.charge(charge_id=charge.pk)
        finally:
            processor.stripe_client.cache_clear()

    kept = FundingCharge.objects.get()
    assert kept.failure_message
    page = logged_in().get(reverse("admin:wallet_fundingcharge_change", args=[kept.pk])).content.decode()
    for said in (kept.failure_message, page, caplog.text):
        assert MARK not in said
        assert MARK[-4:] not in said
