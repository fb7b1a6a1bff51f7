"""A product of its own for a proof: sandbox, web, workers, beat and relays on a given database, and its own broker.

As `make run` starts it, but for three things: the sandbox speaks for both issuers, the broker may be wiped without
asking anybody, and there are several workers of one process each (`--pool solo`), which on few cores carry more than a
worker that hands each task on to a child.
"""

import base64
import secrets
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from onecard.dev.ports import HOST, claimed_port
from onecard.dev.private_redis import start_redis
from onecard.dev.stack import CELERY, MANAGE, READY_PATH, wait_for_answer, web_command
from onecard.dev.supervisor import Child, Supervisor

API_KEY: Final = "sk_test_sandbox"
MARQETA: Final = "/v3/"
# What such a program subscribes to: news of cards, and the network's messages without their book-keeping twins.
MARQETA_EVENTS: Final = (
    "cardtransition.*",
    "usertransition.*",
    "transaction.authorization",
    "transaction.authorization.incremental",
    "transaction.authorization.reversal",
    "transaction.authorization.reversal.issuerexpiration",
    "transaction.authorization.clearing",
    "transaction.refund",
)
WORKER: Final = ("worker", "--pool", "solo", "--without-gossip", "--without-mingle", "--without-heartbeat")


@dataclass(frozen=True, slots=True)
class ProofStack:
    """What runs: the sandbox answers from the start, the rest from `start` to `stop`."""

    sandbox_url: str
    redis_url: str
    values: Mapping[str, str]
    environment: Mapping[str, str]
    supervisor: Supervisor
    web_port: int
    running: list[Child]

    def start(self, *, workers: int, relays: int) -> None:
        """Starts the product and waits until it answers; raises LauncherError."""
        web = self._start("web", [*web_command(self.web_port), "--log-level", "error"])
        for number in range(workers):
            name = f"proof-{number}@localhost"
            self._start(f"worker-{number}", [*CELERY, *WORKER, "--loglevel", "WARNING", "--hostname", name])
        schedule = str(web.log.with_name("beat-schedule"))
        self._start("beat", [*CELERY, "beat", "--schedule", schedule, "--loglevel", "WARNING"])
        for number in range(relays):
            self._start(f"relay-{number}", [*MANAGE, "relay"])
        wait_for_answer(f"http://{HOST}:{self.web_port}{READY_PATH}", child=web)

    def check(self) -> None:
        """Raises ChildDiedError when something has ended that should run."""
        self.supervisor.check()

    def stop(self) -> None:
        """Stops the product and leaves the sandbox; the database is the caller's."""
        for child in reversed(self.running):
            self.supervisor.stop_one(child)
        self.running.clear()

    def _start(self, name: str, command: list[str]) -> Child:
        child = self.supervisor.start(name, command, environment=self.environment)
        self.running.append(child)
        return child


@contextmanager
def proof_stack(
    base: Mapping[str, str], *, database_url: str, world: Path, events_kept: int, more: Mapping[str, str]
) -> Iterator[ProofStack]:
    """A sandbox and a broker for a proof, and all that it takes to start the product beside them.

    `base` is the caller's environment and `more` what shall be otherwise in it. Raises LauncherError.
    """
    with (
        claimed_port() as web_port,
        claimed_port() as sandbox_port,
        tempfile.TemporaryDirectory(prefix="onecard-proof-") as name,
    ):
        folder = Path(name)
        with Supervisor(folder / "logs") as supervisor:
            redis_url = start_redis(supervisor, folder=folder, durable=False)
            sandbox_url = f"http://{HOST}:{sandbox_port}"
            values = product_values(database_url, redis_url, sandbox_url) | dict(more)
            environment = product_environment(base, values)
            command = sandbox_command(sandbox_port, web_port, world=world, events_kept=events_kept)
            wait_for_answer(sandbox_url, child=supervisor.start("sandbox", command, environment=environment))
            yield ProofStack(sandbox_url, redis_url, values, environment, supervisor, web_port, [])


def product_environment(base: Mapping[str, str], values: Mapping[str, str]) -> dict[str, str]:
    """Returns the environment of the product's processes; `base` is the caller's."""
    return {name: text for name, text in base.items() if name != "CELERY_BROKER_URL"} | dict(values)


def product_values(database_url: str, redis_url: str, sandbox: str) -> dict[str, str]:
    """Returns the settings of a product whose issuers and processor are the sandbox at this URL."""
    return {
        "ONECARD_STACK_FILE": "",
        # As in production: DEBUG keeps every query in memory.
        "DEBUG": "off",
        "SECRET_KEY": secrets.token_urlsafe(48),
        "SECOND_FACTOR_KEYS": base64.b64encode(secrets.token_bytes(32)).decode(),
        "CARD_DATA_KEYS": base64.b64encode(secrets.token_bytes(32)).decode(),
        "EMAIL_URL": "smtp://127.0.0.1:9",
        # A proof's cards are all used in a burst, and each would have a case of suspected fraud.
        "FRAUD_HOOKS": "",
        "ALLOWED_HOSTS": f"{HOST},localhost",
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "STRIPE_API_BASE": sandbox,
        "STRIPE_API_KEY": API_KEY,
        "STRIPE_WEBHOOK_SECRETS": f"whsec_{secrets.token_hex(24)}",
        # The budgets have a proof of their own (prove_cards).
        "STRIPE_CALLS_PER_SECOND": "0",
        "MARQETA_CALLS_PER_SECOND": "0",
        "MARQETA_BASE_URL": f"{sandbox}{MARQETA}",
        "MARQETA_APPLICATION_TOKEN": "sandbox_application_token",
        "MARQETA_ADMIN_ACCESS_TOKEN": "sandbox_admin_access_token",
        "MARQETA_CARD_PRODUCT_TOKEN": "demo-card-product",
        **{f"MARQETA_{door}_USERNAME": f"marqeta_{door.lower()}" for door in ("JIT", "WEBHOOK")},
        **{f"MARQETA_{door}_PASSWORD": f"Aa1!{secrets.token_hex(16)}" for door in ("JIT", "WEBHOOK")},
        "MARQETA_WEBHOOK_SECRET": f"Aa1!{secrets.token_hex(16)}",
    }


def sandbox_command(port: int, web_port: int, *, world: Path, events_kept: int) -> list[str]:
    """Returns the command of a sandbox that speaks for both issuers and asks the web server at this port."""
    web = f"http://{HOST}:{web_port}"
    places = ["--webhook-url", f"{web}/stripe-webhook", "--marqeta-gateway-url", f"{web}/api/webhooks/marqeta/jit"]
    places += ["--marqeta-webhook-url", f"{web}/api/webhooks/marqeta"]
    places += ["--marqeta-events", ",".join(MARQETA_EVENTS)]
    kept = ["--world", str(world), "--events-kept", str(events_kept)]
    return [*MANAGE, "sandbox", "--host", HOST, "--port", str(port), *places, *kept]
