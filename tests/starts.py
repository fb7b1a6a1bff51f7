"""Starts of the product in a process of its own, with an environment that the test writes."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SAFE = {
    "DATABASE_URL": "postgres://u:p@localhost:5432/x",
    "SECRET_KEY": "Zt4kQw9sLm2xVb7nRc5yGh8pJd3fTa6eUo1iXs0z-Ww_Nq4Kv7",
    "SECOND_FACTOR_KEYS": "q3Jm0o0v8m0i7zXbqkq2m5i1u6Cq0m8n9s2r4t6v8xA=",
    "ALLOWED_HOSTS": "cards.example.com",
    "STRIPE_API_KEY": "sk_test_x",
    "STRIPE_WEBHOOK_SECRETS": "_".join(("whsec", "9fK2mQ7xVb4nRc8yGh1p")),
}
MARQETA = {
    "MARQETA_BASE_URL": "https://example-api.marqeta.com/v3/",
    "MARQETA_APPLICATION_TOKEN": "application",
    "MARQETA_ADMIN_ACCESS_TOKEN": "admin",
    "MARQETA_CARD_PRODUCT_TOKEN": "product",
    "MARQETA_JIT_USERNAME": "jit",
    "MARQETA_JIT_PASSWORD": "Jit-door-4-the-gateway!",
    "MARQETA_WEBHOOK_USERNAME": "webhook",
    "MARQETA_WEBHOOK_PASSWORD": "News-door-7-of-events!",
}
# What a finished production system has: real keys, TLS to everything that is elsewhere.
PRODUCTION = {
    **SAFE,
    **MARQETA,
    "DATABASE_URL": "postgres://onecard:Pq8rT2vX5z@db.internal:5432/onecard?sslmode=verify-full",
    "REDIS_URL": "rediss://:Hn4jK7mP1s@redis.internal:6379/0",
    "STRIPE_API_KEY": "_".join(("sk", "live", "4eC39HqLyjWDarjtT1")),
    "METRICS_TOKEN": "Yb3nM8kQ2wE5rT7uI9oP",
    "EMAIL_URL": "smtp+tls://mail:Ws6xE9cR3v@mail.internal:587",
}


def start(
    *words: str, base: dict[str, str] = SAFE, cwd: Path = ROOT, **changes: str | None
) -> subprocess.CompletedProcess[str]:
    """Runs a `manage.py` command (`check`) with a safe environment and these changes; None takes a variable away."""
    wanted = {**base, "ONECARD_STACK_FILE": "", **changes}
    command = [sys.executable, "manage.py", *(words or ("check",))]
    return run(command, {name: value for name, value in wanted.items() if value is not None}, cwd=cwd)


def run(command: list[str], environment: dict[str, str], *, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Runs a command with exactly this environment and what a shell needs."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return subprocess.run(command, cwd=cwd, env=kept | environment, capture_output=True, text=True, timeout=60)
