"""A whole product in one process: a real web server, the sandbox issuer, and the queue's work done in between."""

import threading
from collections.abc import Callable, Iterator, Mapping

import pytest
from celery import current_app
from django.conf import settings
from django.db import connections

from issuing import journal
from onecard.celery import SUBSCRIBERS
from onecard.demo.purchase import Report, simulate
from onecard.demo.world import seed_demo_world
from onecard.kit.money import Money
from onecard.outbox.relay import relay_once
from tests.sandbox.running import RunningSandbox
from tests.sandbox.settings import MarqetaSettings
from tests.support.sandboxes import processor_sandbox

CARD = "ic_1S769SQLFtcEJSwHLTAnsvQe"


@pytest.fixture
def issuer_waits_s() -> float:
    """How long the issuer waits for an answer; a test that is about something else may give it more."""
    return 2.0


@pytest.fixture
def sandbox(our_server: str, issuer_waits_s: float) -> Iterator[RunningSandbox]:
    seed_demo_world()
    doors = processor_sandbox(f"{our_server}/stripe-webhook", decision_timeout_s=issuer_waits_s)
    with doors as running, running_worker():
        yield running


@pytest.fixture
def buy(sandbox: RunningSandbox) -> Callable[..., Report]:
    """Makes one purchase with the demo card through the issuer, and waits for its charge."""

    def make(
        *, mcc: str = "5812", amount: str = "45.00", merchant: str = "Starbucks Coffee", wait_s: float = 15
    ) -> Report:
        return simulate(
            mcc=mcc,
            amount=Money.parse(amount, "USD"),
            merchant=merchant,
            card_id=CARD,
            wait_s=wait_s,
            waiting=lambda _what, _seconds: None,
        )

    return make


@pytest.fixture
def both(our_server: str) -> Iterator[RunningSandbox]:
    """The demo world at an issuer that is Stripe and Marqeta at once, each with its own doors to our server."""
    seed_demo_world()
    doors = {
        "webhook_url": f"{our_server}/stripe-webhook",
        "marqeta_gateway_url": f"{our_server}/api/webhooks/marqeta/jit",
        "marqeta_webhook_url": f"{our_server}/api/webhooks/marqeta",
    }
    with processor_sandbox(marqeta=our_program(), opening_top_up=True, **doors) as running, running_worker():
        yield running


def our_program() -> MarqetaSettings:
    """A Marqeta program with the credentials that our doors know."""
    return MarqetaSettings(
        gateway_username=settings.MARQETA_JIT_USERNAME,
        gateway_password=settings.MARQETA_JIT_PASSWORD,
        webhook_username=settings.MARQETA_WEBHOOK_USERNAME,
        webhook_password=settings.MARQETA_WEBHOOK_PASSWORD,
        webhook_secret=settings.MARQETA_WEBHOOK_SECRET,
    )


class running_worker:  # noqa: N801  (used as `with running_worker()`)
    """The relay and a worker in a thread: what the outbox holds is done at once, by the tasks' own code."""

    def __enter__(self) -> None:
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def __exit__(self, *_error: object) -> None:
        self.stop.set()
        self.thread.join()

    def _run(self) -> None:
        while not self.stop.is_set():
            journal.write_waiting()
            relay_once(_do_it_here, SUBSCRIBERS)
            self.stop.wait(0.02)
        connections.close_all()


def _do_it_here(task: str, payload: Mapping[str, object]) -> None:
    current_app.loader.import_default_modules()
    current_app.tasks[task](**payload)
