"""The system that meets the faults: its own PostgreSQL and broker, the sandbox, and the product's processes.

Every process reaches the others through a proxy, as over a network. The harness itself, and whoever plays the card
networks, go past the proxies. A process that ended is started again with the command that it was started with.
"""

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit

from onecard.dev.ports import HOST, claimed_port
from onecard.dev.private_postgres import SOCKET_FILE, database_url, socket_folder, start_postgres
from onecard.dev.private_redis import start_redis
from onecard.dev.services import BASE
from onecard.dev.stack import CELERY, MANAGE, READY_PATH, wait_for_answer, web_command
from onecard.dev.supervisor import Child, Supervisor
from tests.proofs.chaos.network import Network, network
from tests.proofs.stack import WORKER, product_environment, product_values, sandbox_command

# What the processes wrote, of the last run.
LOGS = BASE / "chaos-logs"
# The parts that have a proxy in front.
PROXIED = ("postgres", "redis", "web", "sandbox")
SERVERS = ("postgres", "redis", "sandbox")
WEB_PROCESSES, WORKERS = 2, 2
MIGRATED_WITHIN_S = 600.0


@dataclass(frozen=True, slots=True)
class Places:
    """Where each is reached past the proxies; `values` are the product's settings, which know only the proxies."""

    folder: Path
    sockets: Path
    database_url: str
    redis_url: str
    sandbox_url: str
    web_url: str
    values: Mapping[str, str]


@dataclass(slots=True)
class System:
    """What runs, by name; `web`, `worker-0` and so on. Whoever ends a process starts it again by its name."""

    places: Places
    network: Network
    supervisor: Supervisor
    environment: Mapping[str, str]
    children: dict[str, Child] = field(default_factory=dict)
    starts: Counter[str] = field(default_factory=Counter)

    def start(self) -> None:
        """Starts the product's processes and waits until the web server answers; raises LauncherError."""
        port = urlsplit(self.places.web_url).port or 0
        schedule = str(self.places.folder / "beat-schedule")
        self._start("web", [*web_command(port, processes=WEB_PROCESSES), "--log-level", "error"])
        self._start("clock", [*CELERY, "beat", "--schedule", schedule, "--loglevel", "WARNING"])
        self._start("relay", [*MANAGE, "relay"])
        for name in worker_names():
            address = ["--hostname", worker_address(name), "--loglevel", "WARNING"]
            self._start(name, [*CELERY, *WORKER, *address])
        wait_for_answer(self.places.web_url + READY_PATH, child=self.children["web"])

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

    def stop_product(self) -> None:
        """Ends the product's processes; the database, the broker and the sandbox stay."""
        for name in [name for name in self.children if name not in SERVERS]:
            self.end(name)
            del self.children[name]

    def _start(self, name: str, command: list[str]) -> None:
        # Each start has a log of its own.
        self.starts[name] += 1
        log = f"{name}-{self.starts[name]}"
        environment = None if name == "redis" else self.environment
        self.children[name] = self.supervisor.start(log, command, environment=environment)


def worker_names() -> list[str]:
    """Returns the names of the queue's workers."""
    return [f"worker-{number}" for number in range(WORKERS)]


def worker_address(name: str) -> str:
    """Returns the name by which the queue's remote control knows a worker."""
    return f"{name}@localhost"


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
        direct = {name: stack.enter_context(claimed_port()) for name in ("web", "sandbox")}
        stack.callback(_keep_logs, folder)
        supervisor = stack.enter_context(Supervisor(folder / "logs"))
        places = _start_servers(supervisor, folder, sockets, direct=direct, ports=ports)
        made = System(
            places,
            stack.enter_context(network(_ways(places, ports))),
            supervisor,
            product_environment(base, places.values),
            {child.name: child for child in supervisor.children},
        )
        command = sandbox_command(direct["sandbox"], ports["web"], world=world, events_kept=events_kept)
        made.children["sandbox"] = supervisor.start("sandbox", command, environment=made.environment)
        wait_for_answer(places.sandbox_url, child=made.children["sandbox"])
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
    values = _values(database, redis, ports)
    return Places(folder, sockets, database, redis, urls["sandbox"], urls["web"], values)


def _ways(places: Places, ports: Mapping[str, int]) -> dict[str, tuple[int, str]]:
    targets = {
        "postgres": f"{places.sockets}{SOCKET_FILE}",
        "redis": f"{HOST}:{urlsplit(places.redis_url).port}",
        "web": urlsplit(places.web_url).netloc,
        "sandbox": urlsplit(places.sandbox_url).netloc,
    }
    return {name: (ports[name], target) for name, target in targets.items()}


def _values(database_url: str, redis_url: str, ports: Mapping[str, int]) -> dict[str, str]:
    user, name = quote(str(urlsplit(database_url).username)), database_url.rpartition("/")[2]
    redis = urlsplit(redis_url)
    broker = redis._replace(netloc=f":{redis.password}@{HOST}:{ports['redis']}").geturl()
    database = f"postgres://{user}@{HOST}:{ports['postgres']}/{name}"
    return product_values(database, broker, f"http://{HOST}:{ports['sandbox']}")


def _keep_logs(folder: Path) -> None:
    shutil.rmtree(LOGS, ignore_errors=True)
    if (folder / "logs").is_dir():
        shutil.move(folder / "logs", LOGS)
