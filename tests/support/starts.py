"""Starts of the product in a process of its own, with an environment that the test writes."""

import atexit
import functools
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SAFE = {
    "DATABASE_URL": "postgres://u:p@localhost:5432/x",
    "SECRET_KEY": "Zt4kQw9sLm2xVb7nRc5yGh8pJd3fTa6eUo1iXs0z-Ww_Nq4Kv7",
    "SECOND_FACTOR_KEYS": "q3Jm0o0v8m0i7zXbqkq2m5i1u6Cq0m8n9s2r4t6v8xA=",
    "CARD_DATA_KEYS": "c2b0Yx9Wm4Qe7Rt1Lk8Jh5Gf3Ds6Az0Pv2Nn4Bb7Uu8=",
    "ALLOWED_HOSTS": "cards.example.com",
    "EMAIL_URL": "smtp+tls://mail.example.com:587",
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
    "STAND_IN_DIR": "/var/lib/onecard/stand-in",
    "EMAIL_URL": "smtp+tls://mail:Ws6xE9cR3v@mail.internal:587",
    "SERVER_EMAIL": "cards@example.com",
}


def start(
    *words: str, base: dict[str, str] = SAFE, cwd: Path = ROOT, **changes: str | None
) -> subprocess.CompletedProcess[str]:
    """Runs a `manage.py` command (`check`) with a safe environment and these changes; None takes a variable away.

    In a fork of a process that has imported our dependencies: a start of a new interpreter takes ten times as long.
    """
    wanted = {**base, "ONECARD_STACK_FILE": "", **changes}
    environment = _of_a_shell() | {name: value for name, value in wanted.items() if value is not None}
    command = ["manage.py", *(words or ("check",))]
    with tempfile.NamedTemporaryFile("r") as stdout, tempfile.NamedTemporaryFile("r") as stderr:
        asked = {"words": command, "environment": environment, "cwd": str(cwd)}
        status = _forked(asked | {"stdout": stdout.name, "stderr": stderr.name})
        return subprocess.CompletedProcess(command, status, stdout.read(), stderr.read())


def run(command: list[str], environment: dict[str, str], *, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Runs a command with exactly this environment and what a shell needs."""
    return subprocess.run(command, cwd=cwd, env=_of_a_shell() | environment, capture_output=True, text=True, timeout=60)


def _of_a_shell() -> dict[str, str]:
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}


def _forked(asked: dict[str, object]) -> int:
    server = _server()
    assert server.stdin
    assert server.stdout
    server.stdin.write(json.dumps(asked) + "\n")
    server.stdin.flush()
    return int(server.stdout.readline())


@functools.cache
def _server() -> subprocess.Popen[str]:
    command = [sys.executable, str(ROOT / "tests" / "support" / "start_server.py")]
    server = subprocess.Popen(command, env=_of_a_shell(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    # The end of its input ends it.
    atexit.register(server.communicate)
    return server
