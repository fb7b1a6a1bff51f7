"""The system that meets the faults: its own PostgreSQL and broker, the sandbox, and the product's processes.

Every process reaches the others through a proxy, as over a network. The harness itself, and whoever plays the card
networks, go past the proxies. A process that ended is started again with the command that it was started with.
"""

import shutil
import tempfile
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from onecard.dev.errors import LauncherError
from onecard.dev.ports import HOST, claimed_port
from onecard.dev.private_postgres import database_url, socket_folder, start_postgres
from onecard.dev.private_redis import start_redis
from onecard.dev.services import BASE
from onecard.dev.stack import CELERY, MANAGE, READY_PATH, wait_for_answer, web_command
from onecard.dev.supervisor import Child, Supervisor
from tests.proofs.chaos.network import Network, network
from tests.proofs.chaos.places import (
    OURS,
    PROXIED,
    WEBS,
    WORKERS,
    Places,
    nginx_in_front,
    port_of,
    product_settings,
    ways,
    worker_address,
)
from tests.proofs.stack import WORKER, product_environment, sandbox_command

# What the processes wrote, of the last run.
LOGS = BASE / "chaos-logs"
SERVERS = ("postgres", "redis", "sandbox")
WEB_PROCESSES = 2
MIGRATED_WITHIN_S, FROZEN_WITHIN_S = 600.0, 60.0


@dataclass(slots=True)
class System:
    """What runs, by name; `web-0`, `worker-0` and so on. Whoever ends a process starts it again by its name."""

    places: Places
    network: Network
    supervisor: Supervisor
    environment: Mapping[str, str]
    children: dict[str, Child] = field(default_factory=dict)
    starts: Counter[str] = field(default_factory=Counter)

    def start(self) -> None:
        """Starts the product's processes and waits until the web services answer; raises LauncherError."""
        places = self.places
        schedule = str(places.folder / "beat-schedule")
        for name in WEBS:
            command = web_command(port_of(places.urls[name]), processes=WEB_PROCESSES)
            self._start(name, [*command, "--log-level", "error"])
        self._start("front", nginx_in_front(places))
        self._start("clock", [*CELERY, "beat", "--schedule", schedule, "--loglevel", "WARNING"])
        self._start("relay", [*MANAGE, "relay"])
        for name in WORKERS:
            address = ["--hostname", worker_address(name), "--loglevel", "WARNING"]
            self._start(name, [*CELERY, *WORKER, *address])
        for name in WEBS:
            wait_for_answer(places.urls[name] + READY_PATH, child=self.children[name])

    def end(self, name: str) -> None:
        """Asks it to end, and kills what is left of it after the grace period."""
        self.supervisor.stop_one(self.children[name])

    def start_again(self, name: str) -> None:
        """Starts it with its own command, and PostgreSQL with what its crash left; raises LauncherError."""
        if name == "postgres":
            start_postgres(self.supervisor, folder=self.places.folder, sockets=self.places.sockets, durable=True)
            self.children[name] = self.supervisor.children[-1]
        else:
            self._start(name, [str(word) for word in self.children[name].process.args])  # type: ignore[union-attr]

    def freeze_sandbox(self) -> None:
        """Has it write down what it knows and do nothing more; raises LauncherError."""
        order = urllib.request.Request(f"{self.places.urls['sandbox']}/_sandbox/freeze", b"", method="POST")  # noqa: S310
        try:
            with urllib.request.urlopen(order, timeout=FROZEN_WITHIN_S):  # noqa: S310  (our own loopback address)
                pass
        except OSError as error:
            raise LauncherError(f"The sandbox does not write down what it knows: {error}") from error

    def stop_product(self) -> None:
        """Ends the product's processes; the database, the broker and the sandbox stay."""
        for name in [name for name in self.children if name not in SERVERS]:
            self.end(name)
            del self.children[name]

    def _start(self, name: str, command: list[str]) -> None:
        # Each start has a log of its own.
        self.starts[name] += 1
        log = f"{name}-{self.starts[name]}"
        more = self.places.behind_nginx if name in WEBS else {}
        environment = None if name == "redis" else {**self.environment, **more}
        self.children[name] = self.supervisor.start(log, command, environment=environment)


@contextmanager
def system(base: Mapping[str, str], *, world: Path, events_kept: int) -> Iterator[System]:
    """Migrated servers, and a product that has yet to be started; all ends with the block. Raises LauncherError.

    `base` is the caller's environment.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="onecard-chaos-")))
        # The database may run as another user.
        folder.chmod(0o755)
        sockets = stack.enter_context(socket_folder(folder))
        ports = {name: stack.enter_context(claimed_port()) for name in PROXIED}
        direct = {name: stack.enter_context(claimed_port()) for name in OURS}
        stack.callback(_keep_logs, folder)
        supervisor = stack.enter_context(Supervisor(folder / "logs"))
        places = _start_servers(supervisor, folder, sockets, direct=direct, ports=ports)
        made = System(
            places,
            stack.enter_context(network(ways(places))),
            supervisor,
            product_environment(base, places.values),
            {child.name: child for child in supervisor.children},
        )
        command = sandbox_command(direct["sandbox"], ports["front"], world=world, events_kept=events_kept)
        command += ["--memory", str(folder / "sandbox-memory")]
        made.children["sandbox"] = supervisor.start("sandbox", command, environment=made.environment)
        wait_for_answer(places.urls["sandbox"], child=made.children["sandbox"])
        _migrate(made)
        yield made


def _migrate(made: System) -> None:
    command = [*MANAGE, "migrate", "--verbosity", "0"]
    made.supervisor.run("migrate", command, environment=made.environment, timeout_s=MIGRATED_WITHIN_S)


def _start_servers(
    supervisor: Supervisor, folder: Path, sockets: Path, *, direct: Mapping[str, int], ports: Mapping[str, int]
) -> Places:
    # What was committed outlives a crash, as in production; the broker forgets everything.
    start_postgres(supervisor, folder=folder, sockets=sockets, durable=True)
    database, redis = database_url(sockets), start_redis(supervisor, folder=folder, durable=False)
    urls = {name: f"http://{HOST}:{port}" for name, port in direct.items()}
    values = product_settings(database, redis, ports)
    return Places(folder, sockets, database, redis, urls, ports, values)


def _keep_logs(folder: Path) -> None:
    shutil.rmtree(LOGS, ignore_errors=True)
    if (folder / "logs").is_dir():
        shutil.move(folder / "logs", LOGS)
