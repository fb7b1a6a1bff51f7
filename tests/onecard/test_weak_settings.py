"""Values that would work and protect nothing stop the start of a production system."""

import secrets

import pytest
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import strategies as st

from onecard.production import refuse_unsafe_production
from tests.support.starts import MARQETA, PRODUCTION, start

GOOD = "Aa1!Zt4kQw9sLm2xVb7n"


@pytest.mark.some_in_suite(20)
@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"STRIPE_API_BASE": "http://127.0.0.1:12111"}, "STRIPE_API_BASE"),
        ({"STRIPE_PUBLISHABLE_KEY": "pk_test_x"}, "STRIPE_PUBLISHABLE_KEY"),
        ({"STRIPE_API_BASE": "http://api.stripe.com"}, "STRIPE_API_BASE"),
        ({"STRIPE_API_BASE": "https://api.stripe.com.example.org"}, "STRIPE_API_BASE"),
        ({"STRIPE_API_BASE": "https://notstripe.com"}, "STRIPE_API_BASE"),
        ({"STRIPE_API_KEY": "sk_test_x", "STRIPE_API_BASE": "http://sandbox.internal"}, "STRIPE_API_BASE"),
        ({"STRIPE_API_KEY": "pk_live_x"}, "STRIPE_API_KEY"),
        ({"STRIPE_API_KEY": "whatever"}, "STRIPE_API_KEY"),
        ({"STRIPE_API_KEY": "_".join(("sk", "live", ""))}, "STRIPE_API_KEY"),
        ({"STRIPE_API_KEY": "_".join(("sk", "LIVE", "x"))}, "STRIPE_API_KEY"),
        ({"STRIPE_API_KEY": PRODUCTION["STRIPE_API_KEY"] + "'"}, "STRIPE_API_KEY"),
        ({"STRIPE_API_KEY": PRODUCTION["STRIPE_API_KEY"] + "\\n"}, "STRIPE_API_KEY"),
        ({"STRIPE_API_KEY": PRODUCTION["STRIPE_API_KEY"] + ",sk_test_x"}, "STRIPE_API_KEY"),
        ({"STRIPE_API_BASE": "https://api.stripe.com/v1"}, "STRIPE_API_BASE"),
        ({"EMAIL_URL": ""}, "EMAIL_URL"),
        ({"EMAIL_URL": "consolemail://"}, "EMAIL_URL"),
        ({"EMAIL_URL": "dummymail://"}, "EMAIL_URL"),
        ({"WEBHOOKS_TO_LOOPBACK": "on"}, "WEBHOOKS_TO_LOOPBACK"),
        ({"PUBLIC_URL": "http://cards.example.com"}, "PUBLIC_URL"),
        ({"PUBLIC_URL": "http://localhost:8000"}, "PUBLIC_URL"),
        ({"ADMINS": "ops@example.com\nBcc: x@example.com"}, "ADMINS"),
        ({"ADMINS": "nobody"}, "ADMINS"),
        ({"MARQETA_BASE_URL": "http://example-api.marqeta.com/v3/"}, "MARQETA_BASE_URL"),
        ({"MARQETA_BASE_URL": "https://sandbox-api.marqeta.com/v3/"}, "MARQETA_BASE_URL"),
        ({"MARQETA_BASE_URL": "https://marqeta.example.com/v3/"}, "MARQETA_BASE_URL"),
        ({"ALLOWED_HOSTS": "*"}, "ALLOWED_HOSTS"),
        ({"ALLOWED_HOSTS": "cards.example.com,*"}, "ALLOWED_HOSTS"),
        ({"ALLOWED_HOSTS": ".com"}, "ALLOWED_HOSTS"),
        ({"ALLOWED_HOSTS": ".co.uk"}, "ALLOWED_HOSTS"),
        ({"ALLOWED_HOSTS": "."}, "ALLOWED_HOSTS"),
        ({"ALLOWED_HOSTS": "*.example.com"}, "ALLOWED_HOSTS"),
        ({"ALLOWED_HOSTS": "https://cards.example.com"}, "ALLOWED_HOSTS"),
        ({"ALLOWED_HOSTS": "cards.example.com:443"}, "ALLOWED_HOSTS"),
        ({"STRIPE_WEBHOOK_SECRETS": "x"}, "STRIPE_WEBHOOK_SECRETS"),
        ({"STRIPE_WEBHOOK_SECRETS": "whsec_x"}, "STRIPE_WEBHOOK_SECRETS"),
        ({"STRIPE_WEBHOOK_SECRETS": "whsec_" + "a" * 40}, "STRIPE_WEBHOOK_SECRETS"),
        ({"STRIPE_WEBHOOK_SECRETS": f"{PRODUCTION['STRIPE_WEBHOOK_SECRETS']},x"}, "STRIPE_WEBHOOK_SECRETS"),
        ({"STRIPE_WEBHOOK_SECRETS": "whsec_" + "ChangeMe" * 4 + "9"}, "STRIPE_WEBHOOK_SECRETS"),
        ({"SECRET_KEY": "a" * 32}, "SECRET_KEY"),
        ({"SECRET_KEY": "your-secret-key-goes-here-and-is-long"}, "SECRET_KEY"),
        ({"SECRET_KEY": "replace_me_with_a_long_random_string_"}, "SECRET_KEY"),
        ({"SECRET_KEY": "ab" * 40}, "SECRET_KEY"),
        ({"SECRET_KEY": "0123456789abcdef" * 4}, "SECRET_KEY"),
        ({"SECRET_KEY": "abcdefghijklmnopqrstuvwxyz0123456789"}, "SECRET_KEY"),
        ({"SECRET_KEY": "django-insecure-Zt4kQw9sLm2xVb7nRc5yGh8pJd3f"}, "SECRET_KEY"),
        ({"SECRET_KEY": "for-development-only-Zt4kQw9sLm2xVb7nRc5y"}, "SECRET_KEY"),
        ({"SECRET_KEY": "please-CHANGEME-before-you-go-to-production-9"}, "SECRET_KEY"),
        ({"MARQETA_JIT_PASSWORD": "jit-password"}, "MARQETA_JIT_PASSWORD"),
        ({"MARQETA_JIT_PASSWORD": "f" * 40}, "MARQETA_JIT_PASSWORD"),
        ({"MARQETA_WEBHOOK_PASSWORD": GOOD + "x" * 40}, "MARQETA_WEBHOOK_PASSWORD"),
        ({"MARQETA_WEBHOOK_SECRET": "short"}, "MARQETA_WEBHOOK_SECRET"),
        ({"MARQETA_JIT_PASSWORD": GOOD, "MARQETA_WEBHOOK_PASSWORD": GOOD}, "MARQETA_WEBHOOK_PASSWORD"),
        ({"MARQETA_WEBHOOK_SECRET": MARQETA["MARQETA_WEBHOOK_PASSWORD"]}, "MARQETA_WEBHOOK_SECRET"),
        ({"MARQETA_APPLICATION_TOKEN": "admin"}, "MARQETA_APPLICATION_TOKEN"),
        ({"METRICS_TOKEN": PRODUCTION["SECRET_KEY"]}, "METRICS_TOKEN"),
        ({"METRICS_TOKEN": "token"}, "METRICS_TOKEN"),
        ({"METRICS_TOKEN": "passwordpassword12345"}, "METRICS_TOKEN"),
        ({"MARQETA_JIT_PASSWORD": "Aa1!" * 6}, "MARQETA_JIT_PASSWORD"),
        ({"MARQETA_WEBHOOK_PASSWORD": "Password1!Password1!x"}, "MARQETA_WEBHOOK_PASSWORD"),
        ({"METRICS_TOKEN": "a" * 30}, "METRICS_TOKEN"),
    ],
)
def test_a_weak_production_value_is_refused_with_a_sentence(changes: dict[str, str], names: str) -> None:
    refused = start(base=PRODUCTION, **changes)
    assert refused.returncode != 0
    assert refused.stderr.startswith("One Card cannot start: ")
    assert names in refused.stderr
    assert "Traceback" not in refused.stderr
    # What is shorter than that may stand in any sentence.
    assert not [value for value in changes.values() if len(value) > 12 and value in refused.stderr]


def values(**changes: object) -> dict[str, object]:
    given = dict.fromkeys(("ISSUER_BACKUP_PROVIDER", "STRIPE_API_BASE", "MARQETA_WEBHOOK_SECRET"), "")
    lists = ("STRIPE_WEBHOOK_SECRETS", "SECOND_FACTOR_KEYS", "CARD_DATA_KEYS")
    listed = {"ALLOWED_HOSTS": ["cards.example.com"], **{name: [PRODUCTION[name]] for name in lists}}
    return {**given, **PRODUCTION, "ISSUER_PROVIDER": "stripe", "DEBUG": False, **listed, **changes}


@given(st.integers(24, 64))
def test_random_secrets_are_taken_as_they_are_made(length: int) -> None:
    made = (secrets.token_urlsafe(length), secrets.token_hex(length))
    for key in made:
        given = values(SECRET_KEY=key, STRIPE_WEBHOOK_SECRETS=[f"whsec_{key}"], METRICS_TOKEN=key[::-1])
        assert refusal_of(given) == ""


def refusal_of(given: dict[str, object]) -> str:
    try:
        refuse_unsafe_production(given)
    except ImproperlyConfigured as error:
        return str(error)
    return ""


@given(st.text("abcdef", min_size=1, max_size=8), st.integers(32, 100))
def test_a_key_that_repeats_a_short_text_is_refused(part: str, length: int) -> None:
    with pytest.raises(ImproperlyConfigured, match="SECRET_KEY"):
        refuse_unsafe_production(values(SECRET_KEY=(part * length)[:length]))
