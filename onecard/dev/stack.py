"""The whole product on one machine: its services, a sandbox issuer, web, worker, beat and the outbox relay."""

import http.client
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from onecard.dev.ports import HOST, claimed_port
from onecard.dev.services import Services, private_services
from onecard.dev.stack_environment import WEB_URL, stack_environment, written_down
from onecard.dev.supervisor import CHECKOUT, Child, Supervisor
from onecard.dev.waiting import say, wait_until

MANAGE: Final = (sys.executable, str(CHECKOUT / "manage.py"))
CELERY: Final = (sys.executable, "-m", "celery", "-A", "onecard.celery")
DEMO_WORLD: Final = "fixtures/demo_world.json"
WEB_PORT: Final = 8000
READY_PATH: Final = "/health/ready"
START_TIMEOUT_S: Final = 120.0


@dataclass(frozen=True, slots=True)
class Stack:
    """A running product that answers; its processes belong to the supervisor."""

    web_url: str
    environment: Mapping[str, str]
    supervisor: Supervisor


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the stack's servers listen: `doors` is the process for issuers, `web` the one for people."""

    web: int
    doors: int
    sandbox: int


@contextmanager
def running_stack() -> Iterator[Stack]:
    """Starts everything, yields once it all answers, and stops it again; raises LauncherError."""
    with (
        claimed_port(preferred=WEB_PORT) as web_port,
        claimed_port() as doors_port,
        claimed_port() as sandbox_port,
        private_services("run") as services,
    ):
        values = stack_environment(services, web_port=web_port, sandbox_port=sandbox_port)
        with written_down(values) as environment:
            try:
                _start(services, environment, Ports(web_port, doors_port, sandbox_port))
                yield Stack(values[WEB_URL], environment, services.supervisor)
            finally:
                say("Stopping ...")


def wait_for_answer(url: str, *, child: Child | None = None) -> None:
    """Waits until the URL answers 200; raises LauncherError, at once when the child that should answer has ended."""

    def answers() -> bool:
        if child:
            child.raise_if_ended()
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310  (our own loopback address)
                return bool(answer.status == http.client.OK)
        except (OSError, http.client.HTTPException):
            return False

    wait_until(answers, what=f"{child.name if child else 'an answer'} at {url}", timeout_s=START_TIMEOUT_S)


def _start(services: Services, environment: Mapping[str, str], ports: Ports) -> None:
    supervisor = services.supervisor
    sandbox = supervisor.start("sandbox", _sandbox_command(ports), environment=environment)
    supervisor.run("migrate", [*MANAGE, "migrate"], environment=environment, timeout_s=START_TIMEOUT_S)
    supervisor.run("seed_demo", [*MANAGE, "seed_demo"], environment=environment, timeout_s=START_TIMEOUT_S)
    beat = [*CELERY, "beat", "--schedule", str(services.folder / "beat-schedule"), "--loglevel", "INFO"]
    doors = supervisor.start("doors", web_command(ports.doors), environment={**environment, "ONECARD_ROLE": "doors"})
    # It serves the issuers' webhooks as well, so that an event sent by hand needs no second address.
    web = supervisor.start("web", web_command(ports.web, processes=1), environment=environment)
    worker = supervisor.start("worker", _worker_command(), environment=environment)
    supervisor.start("beat", beat, environment=environment)
    supervisor.start("relay", [*MANAGE, "relay"], environment=environment)
    wait_for_answer(f"http://{HOST}:{ports.sandbox}/", child=sandbox)
    for port, child in ((ports.doors, doors), (ports.web, web)):
        wait_for_answer(f"http://{HOST}:{port}{READY_PATH}", child=child)
    _connect(supervisor, environment, ports)
    _wait_for_worker(worker)
    supervisor.check()


def _connect(supervisor: Supervisor, environment: Mapping[str, str], ports: Ports) -> None:
    """Registers our endpoint at the sandbox, as one does at Stripe; a person's own account is left alone."""
    if environment["STRIPE_API_BASE"] == f"http://{HOST}:{ports.sandbox}":
        command = [*MANAGE, "connect_issuer", "stripe", "--url", f"http://{HOST}:{ports.doors}"]
        supervisor.run("connect_issuer", command, environment=environment, timeout_s=START_TIMEOUT_S)


def _sandbox_command(ports: Ports) -> list[str]:
    place = ["--host", HOST, "--port", str(ports.sandbox)]
    webhook = f"http://{HOST}:{ports.doors}/stripe-webhook"
    # Decisions are asked where the dashboard says; events go where connect_issuer registers them.
    return [*MANAGE, "sandbox", *place, "--webhook-url", webhook, "--events-by-api", "--world", DEMO_WORLD]


def web_command(port: int, *, processes: int = 2) -> list[str]:
    """Returns the command of the web server (docs/decisions/0033), whose threads are those of onecard/asgi.py."""
    return [sys.executable, "-m", "onecard.serve", "--host", HOST, "--port", str(port), "--workers", str(processes)]


def _worker_command() -> list[str]:
    return [*CELERY, "worker", "--concurrency", "2", "--loglevel", "INFO", "--without-gossip", "--without-mingle"]


def _wait_for_worker(child: Child) -> None:
    def listens() -> bool:
        child.raise_if_ended()
        return b" ready." in child.log.read_bytes()

    wait_until(listens, what="worker to be ready", timeout_s=START_TIMEOUT_S)
