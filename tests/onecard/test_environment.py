"""A wrong environment stops the start with a sentence that says what to set; a safe one starts."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SAFE = {
    "DATABASE_URL": "postgres://u:p@localhost:5432/x",
    "SECRET_KEY": "x" * 50,
    "ALLOWED_HOSTS": "cards.example.com",
    "STRIPE_API_KEY": "sk_test_x",
    "STRIPE_WEBHOOK_SECRETS": "whsec_x",
}

MARQETA = {
    "MARQETA_BASE_URL": "https://example-api.marqeta.com/v3/",
    "MARQETA_APPLICATION_TOKEN": "application",
    "MARQETA_ADMIN_ACCESS_TOKEN": "admin",
    "MARQETA_CARD_PRODUCT_TOKEN": "product",
    "MARQETA_JIT_USERNAME": "jit",
    "MARQETA_JIT_PASSWORD": "jit-password",
    "MARQETA_WEBHOOK_USERNAME": "webhook",
    "MARQETA_WEBHOOK_PASSWORD": "webhook-password",
}


def start(**changes: str | None) -> subprocess.CompletedProcess[str]:
    """Runs `manage.py check` with a safe production environment and these changes; None takes a variable away."""
    wanted = {**SAFE, "ONECARD_STACK_FILE": "", **changes}
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    environment = kept | {name: value for name, value in wanted.items() if value is not None}
    command = [sys.executable, "manage.py", "check"]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)


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
    ],
)
def test_a_safe_environment_starts(changes: dict[str, str | None]) -> None:
    started = start(**changes)
    assert started.returncode == 0, started.stderr


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"SECRET_KEY": None}, "SECRET_KEY"),
        ({"CASCADE_RETRIES_H": "6,1"}, "CASCADE_RETRIES_H"),
        ({"CASCADE_RETRIES_H": "1,1"}, "CASCADE_RETRIES_H"),
        ({"CASCADE_RETRIES_H": "0,5"}, "CASCADE_RETRIES_H"),
        ({"CASCADE_RETRIES_H": "1,soon"}, "CASCADE_RETRIES_H"),
        ({"CASCADE_RETRIES_H": "721"}, "CASCADE_RETRIES_H"),
        ({"FREEZE_ON_RECEIVABLE": "maybe"}, "FREEZE_ON_RECEIVABLE"),
        ({"EMAIL_URL": "nonsense://host"}, "EMAIL_URL"),
        ({"SECRET_KEY": "short"}, "SECRET_KEY"),
        ({"ALLOWED_HOSTS": None}, "ALLOWED_HOSTS"),
        ({"DEBUG": "on"}, "DEBUG"),
        ({"DEBUG": "on", "ALLOWED_HOSTS": None, "STRIPE_API_KEY": "sk_live_x"}, "DEBUG"),
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
