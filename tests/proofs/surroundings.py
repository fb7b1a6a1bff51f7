"""What a proof's own process sees: the sandbox, the broker and the settings of the product that it started."""

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.test.utils import override_settings

from issuing.issuers import registry
from issuing.issuers.guard.redis_scripts import shared
from wallet.processors.stripe.client import stripe_client

# In cents; what both issuers together may have approved at any time.
ISSUING_BALANCE_MINOR = 10**13


@contextmanager
def pointed_at(values: Mapping[str, str]) -> Iterator[None]:
    """This process sees the sandbox and the broker that the product's processes see."""
    same = {name: value for name, value in values.items() if isinstance(getattr(settings, name, None), str)}
    same.pop("SECRET_KEY")
    others = {"STRIPE_CALLS_PER_SECOND": 0, "MARQETA_CALLS_PER_SECOND": 0, "DEBUG": False}
    with override_settings(**same, **others, STRIPE_WEBHOOK_SECRETS=[values["STRIPE_WEBHOOK_SECRETS"]]):
        _forget_clients()
        yield
    _forget_clients()


def _forget_clients() -> None:
    stripe_client.cache_clear()
    shared.cache_clear()
    registry.clear()


@contextmanager
def rich_world() -> Iterator[Path]:
    """The demo world with a purse that is never empty."""
    world = json.loads((settings.FIXTURES_DIR / "demo_world.json").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory(prefix="onecard-world-") as folder:
        path = Path(folder) / "world.json"
        path.write_text(json.dumps({**world, "issuing_balance_minor": ISSUING_BALANCE_MINOR}), encoding="utf-8")
        yield path
