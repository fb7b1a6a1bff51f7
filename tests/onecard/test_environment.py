"""A wrong environment stops the start with a sentence that says what to set; a safe one starts."""

import pytest

from tests.support.starts import MARQETA, SAFE, start

pytestmark = pytest.mark.only_in_proofs


@pytest.mark.some_in_suite(3)
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"DEBUG": "on", "ALLOWED_HOSTS": None, "SECRET_KEY": None, "STRIPE_WEBHOOK_SECRETS": None},
        {"DEBUG": "on", "ALLOWED_HOSTS": None, "ISSUER_PROVIDER": "mock"},
        {"DATABASE_URL": "postgres://u:p@localhost:5432/x?sslmode=require"},
        {"ISSUER_PROVIDER": "marqeta", "STRIPE_WEBHOOK_SECRETS": None, **MARQETA},
        {"STRIPE_CALLS_PER_SECOND": "0", "MARQETA_CALLS_PER_SECOND": "100", "MARQETA_CURRENCY": " eur"},
        {"CASCADE_RETRIES_H": "", "FREEZE_ON_RECEIVABLE": "off"},
        {"CASCADE_RETRIES_H": "2, 720"},
        {"ISSUER_BALANCE_LOW": "usd:500000, EUR:0", "ISSUER_BALANCE_LOW_DAYS": "0"},
        {"ALLOWED_HOSTS": "cards.example.com,.example.co.uk,10.0.0.7,[2001:db8::1],localhost"},
        {"STRIPE_API_BASE": "http://127.0.0.1:12111"},
        {"STRIPE_API_KEY": "sk_live_x", "STRIPE_API_BASE": "https://api.stripe.com"},
        {"STRIPE_API_KEY": "rk_live_x"},
        {"DATABASE_URL": "postgres://onecard@//some/where/onecard"},
        {"DATABASE_URL": "postgresql://u:a%5Db%40c%2Fd@[::1]:5432/x"},
        {"REDIS_URL": "unix:///run/redis.sock"},
        {"EMAIL_URL": "smtp+tls://u:p@mail.example.com:587"},
        {"METRICS_TOKEN": "Yb3nM8kQ2wE5rT7uI9oP"},
    ],
)
def test_a_safe_environment_starts(changes: dict[str, str | None]) -> None:
    started = start(**changes)
    assert started.returncode == 0, started.stderr


@pytest.mark.some_in_suite(14)
@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"SECRET_KEY": None}, "SECRET_KEY"),
        ({"CASCADE_RETRIES_H": "6,1"}, "CASCADE_RETRIES_H"),
        ({"ISSUER_BALANCE_LOW": "5000"}, "ISSUER_BALANCE_LOW"),
        ({"ISSUER_BALANCE_LOW": "USD:-1"}, "ISSUER_BALANCE_LOW"),
        ({"ISSUER_BALANCE_LOW": "USD:1,USD:2"}, "ISSUER_BALANCE_LOW"),
        ({"ISSUER_BALANCE_LOW_DAYS": "61"}, "ISSUER_BALANCE_LOW_DAYS"),
        ({"CASCADE_RETRIES_H": "1,1"}, "CASCADE_RETRIES_H"),
        ({"CASCADE_RETRIES_H": "0,5"}, "CASCADE_RETRIES_H"),
        ({"CASCADE_RETRIES_H": "1,soon"}, "CASCADE_RETRIES_H"),
        ({"CASCADE_RETRIES_H": "721"}, "CASCADE_RETRIES_H"),
        ({"FREEZE_ON_RECEIVABLE": "maybe"}, "FREEZE_ON_RECEIVABLE"),
        ({"EMAIL_URL": "nonsense://host"}, "EMAIL_URL"),
        ({"SECRET_KEY": "short"}, "SECRET_KEY"),
        ({"ALLOWED_HOSTS": None}, "ALLOWED_HOSTS"),
        ({"SECOND_FACTOR_KEYS": None}, "SECOND_FACTOR_KEYS"),
        ({"SECOND_FACTOR_KEYS": "short"}, "SECOND_FACTOR_KEYS"),
        ({"CARD_DATA_KEYS": SAFE["SECOND_FACTOR_KEYS"]}, "SECOND_FACTOR_KEYS"),
        ({"CARD_DATA_KEYS": None}, "CARD_DATA_KEYS"),
        ({"SECOND_FACTOR_WAIT_H": "0"}, "SECOND_FACTOR_WAIT_H"),
        ({"STAFF_IDLE_MIN": "0"}, "STAFF_IDLE_MIN"),
        ({"STAFF_SESSION_H": "100"}, "STAFF_SESSION_H"),
        ({"TRUSTED_PROXY_COUNT": "-1"}, "TRUSTED_PROXY_COUNT"),
        ({"PUBLIC_URL": "cards.example.com"}, "PUBLIC_URL"),
        ({"DEBUG": "on"}, "DEBUG"),
        ({"DEBUG": "on", "ALLOWED_HOSTS": None, "STRIPE_API_KEY": "sk_live_x"}, "DEBUG"),
        ({"DEBUG": "on", "ALLOWED_HOSTS": None, **MARQETA}, "MARQETA_BASE_URL"),
        ({"DEBUG": "perhaps"}, "DEBUG"),
        ({"ISSUER_PROVIDER": "mock"}, "ISSUER_PROVIDER"),
        ({"ISSUER_BACKUP_PROVIDER": "mock"}, "mock"),
        ({"ISSUER_PROVIDER": "paypal"}, "ISSUER_PROVIDER"),
        ({"STRIPE_WEBHOOK_SECRETS": None}, "STRIPE_WEBHOOK_SECRETS"),
        ({"STRIPE_WEBHOOK_SECRETS": " , "}, "STRIPE_WEBHOOK_SECRETS"),
        ({"ISSUER_PROVIDER": "marqeta", **MARQETA, "MARQETA_JIT_PASSWORD": None}, "MARQETA_JIT_PASSWORD"),
        ({"ISSUER_BACKUP_PROVIDER": "marqeta", **MARQETA, "MARQETA_BASE_URL": None}, "MARQETA_BASE_URL"),
        ({"MARQETA_BASE_URL": "marqeta.com"}, "MARQETA_BASE_URL"),
        ({"STRIPE_API_KEY": None}, "STRIPE_API_KEY"),
        ({"STRIPE_API_BASE": "ftp://x"}, "STRIPE_API_BASE"),
        ({"DATABASE_URL": None}, "DATABASE_URL"),
        ({"DATABASE_URL": "sqlite:///x.db"}, "DATABASE_URL"),
        ({"REDIS_URL": "localhost:6379"}, "REDIS_URL"),
        ({"STRIPE_CALLS_PER_SECOND": "-1"}, "STRIPE_CALLS_PER_SECOND"),
        ({"STRIPE_CALLS_PER_SECOND": "2.5"}, "STRIPE_CALLS_PER_SECOND"),
        ({"MARQETA_CALLS_PER_SECOND": "fast"}, "MARQETA_CALLS_PER_SECOND"),
        ({"MARQETA_CURRENCY": "dollars"}, "MARQETA_CURRENCY"),
        ({"MARQETA_CURRENCY": "XAU"}, "MARQETA_CURRENCY"),
        ({"DECISION_DEADLINE_MS": "soon"}, "DECISION_DEADLINE_MS"),
        ({"DECISION_DEADLINE_MS": "5000"}, "DECISION_DEADLINE_MS"),
        ({"DECISION_DEADLINE_MS": "-1"}, "DECISION_DEADLINE_MS"),
    ],
)
def test_an_unsafe_or_wrong_environment_is_refused_with_a_sentence(changes: dict[str, str | None], names: str) -> None:
    refused = start(**changes)
    assert refused.returncode != 0
    assert refused.stderr.startswith("One Card cannot start: ")
    assert names in refused.stderr
    assert "Traceback" not in refused.stderr
