"""The environment of a development stack, and the file that passes it to a second terminal.

The person's own environment wins over the values invented here.
"""

import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from onecard.dev.ports import HOST
from onecard.dev.services import BASE, Services

STACK_FILE: Final = BASE / "run" / "stack.env"
WEB_URL: Final = "ONECARD_WEB_URL"


def services_environment(services: Services) -> dict[str, str]:
    """Returns what a management command needs: the database, the broker and settings for development."""
    return _unless_given(
        {
            "DEBUG": "on",
            "SECRET_KEY": _kept_secret(services.folder / "secret_key"),
            "ALLOWED_HOSTS": f"{HOST},localhost,[::1]",
            "DATABASE_URL": services.database_url,
            "REDIS_URL": services.redis_url,
            "ISSUER_PROVIDER": "stripe",
            "STRIPE_API_KEY": "sk_test_sandbox",
            "STRIPE_PUBLISHABLE_KEY": "pk_test_sandbox",
            "STRIPE_WEBHOOK_SECRETS": f"whsec_{secrets.token_hex(24)}",
        }
    )


def stack_environment(services: Services, *, web_port: int, sandbox_port: int) -> dict[str, str]:
    """Returns the same with the addresses of the web server and the sandbox issuer."""
    more = {
        "STRIPE_API_BASE": f"http://{HOST}:{sandbox_port}",
        "STAND_IN_DIR": str((services.folder / "stand-in").resolve()),
    }
    return services_environment(services) | _unless_given(more) | {WEB_URL: f"http://{HOST}:{web_port}"}


@contextmanager
def written_down(values: Mapping[str, str], *, path: Path = STACK_FILE) -> Iterator[dict[str, str]]:
    """Keeps the values in a file that only its owner can read, and yields them with the rest of the environment."""
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:  # noqa: PTH123  (mode at birth)
        file.writelines(f"{name}={value}\n" for name, value in values.items())
    new.replace(path)
    try:
        yield {**os.environ, **values}
    finally:
        path.unlink(missing_ok=True)


def read_written_down(path: Path = STACK_FILE) -> dict[str, str]:
    """Returns the values of a running stack; none when there is no file."""
    if not path.exists():
        return {}
    pairs = (line.partition("=") for line in path.read_text().splitlines())
    return {name: value for name, _, value in pairs}


def _unless_given(values: dict[str, str]) -> dict[str, str]:
    return {name: os.environ.get(name) or value for name, value in values.items()}


def _kept_secret(path: Path) -> str:
    if not path.exists():
        path.touch(mode=0o600)
    if not path.read_text():
        path.write_text(secrets.token_urlsafe(48))
    return path.read_text()
