"""A sandbox in a thread of this process, for tests."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from tests.sandbox.server import SandboxServer, make_server
from tests.sandbox.settings import FIXTURES, MarqetaSettings, Settings
from tests.sandbox.state import State

DEFAULT_API_KEY = "sk_test_sandbox"
DEFAULT_SECRET = "whsec_sandbox"


class RunningSandbox:
    """What a test needs of a sandbox that serves: where it is, what it saw, and how to make it misbehave."""

    def __init__(self, server: SandboxServer) -> None:
        self.server = server
        self.url = server.url
        self.sandbox = server.sandbox
        self.requests = server.sandbox.requests
        self.deliveries = server.sandbox.deliveries
        self.gate = server.sandbox.gate
        self.order = server.sandbox.order
        self.release = server.sandbox.release
        self.reset = server.sandbox.reset
        self.marqeta = server.sandbox.marqeta
        self.limits = server.sandbox.limits

    @property
    def state(self) -> State:
        """What the issuer knows now; a reset replaces it."""
        return self.sandbox.state

    def send_webhooks_to(self, url: str, *, events_url: str | None = None) -> None:
        """Change the account's endpoints, for a receiver that starts after the sandbox."""
        self.sandbox.outgoing.request_url = url
        self.sandbox.outgoing.events_url = events_url or url

    def send_marqeta_to(self, *, gateway_url: str, webhook_url: str) -> None:
        """Change where the Marqeta program asks and reports, for a receiver that starts after the sandbox."""
        self.marqeta.point_to(gateway_url=gateway_url, webhook_url=webhook_url)


@contextmanager
def running_sandbox(
    *,
    webhook_url: str | None,
    secret: str = DEFAULT_SECRET,
    api_key: str = DEFAULT_API_KEY,
    world: Path = FIXTURES / "demo_world.json",
    events_url: str | None = None,
    settlement_currency: str | None = None,
    opening_top_up: bool = False,
    decision_timeout_s: float = 2.0,
    retry_delays_s: tuple[float, ...] = (0.1, 0.2, 0.4, 0.8, 1.6),
    marqeta_gateway_url: str | None = None,
    marqeta_webhook_url: str | None = None,
    marqeta: MarqetaSettings | None = None,
) -> Iterator[RunningSandbox]:
    """Serve a sandbox on a free port for the length of a `with` block.

    `marqeta` holds the program's credentials and manners; the two URLs beside it win over those in it.
    """
    program = marqeta or MarqetaSettings()
    settings = Settings(
        api_key=api_key,
        webhook_secret=secret,
        webhook_url=webhook_url,
        events_url=events_url,
        world=world,
        settlement_currency=settlement_currency,
        opening_top_up=opening_top_up,
        decision_timeout_s=decision_timeout_s,
        retry_delays_s=retry_delays_s,
        marqeta=replace(
            program,
            gateway_url=marqeta_gateway_url or program.gateway_url,
            webhook_url=marqeta_webhook_url or program.webhook_url,
        ),
    )
    server = make_server(settings)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield RunningSandbox(server)
    finally:
        server.shutdown()
        server.close()
        thread.join()
