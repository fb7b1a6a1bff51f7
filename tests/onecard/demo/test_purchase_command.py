"""`manage.py purchase` says in a sentence what is wrong and what to do; how it ends well, the journeys show."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from tests.support.sandboxes import processor_sandbox
from wallet.processors.stripe.client import stripe_client

pytestmark = pytest.mark.django_db


def refusal(*arguments: str) -> str:
    out = StringIO()
    with pytest.raises(CommandError) as refused:
        call_command("purchase", *arguments, stdout=out, stderr=StringIO())
    return f"{refused.value}"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--amount", "much"], "is not an amount"),
        (["--amount", "1.234"], "is not an amount"),
        (["--currency", "zzz"], "not an ISO 4217"),
        (["--mcc", "0000"], "MCC '0000'"),
        (["--mcc", "dinner"], "MCC 'dinner'"),
    ],
)
def test_a_wrong_argument_is_named(arguments: list[str], says: str) -> None:
    assert says in refusal(*arguments)


def test_when_nothing_runs_it_says_how_to_start() -> None:
    stripe_client.cache_clear()
    assert "make run" in refusal()


def test_a_live_key_is_never_used_to_simulate() -> None:
    with override_settings(STRIPE_API_KEY="sk_live_x"):
        assert "live key" in refusal()


def test_an_issuer_that_does_not_reach_us_is_said_so() -> None:
    with processor_sandbox(webhook_url="http://127.0.0.1:1/stripe-webhook"):
        assert "no webhook" in refusal("--wait", "0.2")


def test_an_issuer_that_refuses_is_quoted() -> None:
    with processor_sandbox():
        assert "The issuer refused the purchase" in refusal("--card", "ic_nobody")
