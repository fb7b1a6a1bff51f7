"""Where each part is reached, and the settings of a product and of an nginx that reach each other through proxies."""

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit

from onecard.dev.errors import LauncherError
from onecard.dev.ports import HOST
from onecard.dev.private_postgres import SOCKET_FILE
from tests.proofs.stack import product_values
from tests.support.front_proxies import MISSING, find_nginx, nginx_command

WEBS, WORKERS = ("web-0", "web-1"), ("worker-0", "worker-1")
# The parts that are several services.
PROCESSES: Final[Mapping[str, tuple[str, ...]]] = {"web": WEBS, "worker": WORKERS}
# Those that have a proxy in front, and those of them that this module gives a port.
PROXIED = ("postgres", "redis", "sandbox", "front", *WEBS)
OURS = ("sandbox", "front", *WEBS)
# All issuers ask from one address here.
CONNECTIONS_OF_AN_ADDRESS = 500
# What stand-in may approve for a card, in US cents: some purchases are above it.
STOOD_IN = "20000"


@dataclass(frozen=True, slots=True)
class Places:
    """Where each is reached past the proxies; `values` are the product's settings, which know only the proxies.

    `urls` has the sandbox, nginx (`front`) and each web service by name, `ports` the proxy in front of each.
    """

    folder: Path
    sockets: Path
    database_url: str
    redis_url: str
    urls: Mapping[str, str]
    ports: Mapping[str, int]
    values: Mapping[str, str]

    @property
    def stand_in(self) -> Path:
        """Where both web services keep what they answered without the database."""
        return self.folder / "stand-in"

    @property
    def behind_nginx(self) -> dict[str, str]:
        """What docs/deployment.md sets for the doors."""
        trust = {"TRUST_REQUEST_START": "on", "TRUSTED_PROXY_COUNT": "1"}
        stand_in = {"STAND_IN_DIR": str(self.stand_in), "STAND_IN_POLICY": "approve", "STAND_IN_CARD_AMOUNT": STOOD_IN}
        return {"ONECARD_ROLE": "doors", **trust, **stand_in}


def worker_address(name: str) -> str:
    """Returns the name by which the queue's remote control knows a worker."""
    return f"{name}@localhost"


def ways(places: Places) -> dict[str, tuple[int, str]]:
    """Returns for each proxy its port and its target."""
    targets = {
        "postgres": f"{places.sockets}{SOCKET_FILE}",
        "redis": f"{HOST}:{port_of(places.redis_url)}",
        **{name: urlsplit(url).netloc for name, url in places.urls.items()},
    }
    return {name: (places.ports[name], target) for name, target in targets.items()}


def nginx_in_front(places: Places) -> list[str]:
    """Returns the command of nginx, configured as docs/deployment.md says; raises LauncherError."""
    program = find_nginx()
    if program is None:
        raise LauncherError(f"The web services stand behind nginx, and {MISSING}")
    doors = [places.ports[name] for name in WEBS]
    folder = places.folder / "nginx"
    folder.mkdir()
    return nginx_command(
        program,
        folder,
        listen=port_of(places.urls["front"]),
        doors=doors,
        desk=doors[0],
        an_address=CONNECTIONS_OF_AN_ADDRESS,
    )


def port_of(url: str) -> int:
    """Returns the port of a URL."""
    return urlsplit(url).port or 0


def product_settings(database_url: str, redis_url: str, ports: Mapping[str, int]) -> dict[str, str]:
    """Returns the settings of a product that knows only the proxies."""
    user, name = quote(str(urlsplit(database_url).username)), database_url.rpartition("/")[2]
    redis = urlsplit(redis_url)
    broker = redis._replace(netloc=f":{redis.password}@{HOST}:{ports['redis']}").geturl()
    database = f"postgres://{user}@{HOST}:{ports['postgres']}/{name}"
    values = product_values(database, broker, f"http://{HOST}:{ports['sandbox']}")
    old_key = base64.b64encode(secrets.token_bytes(32)).decode()
    return values | {"CARD_DATA_KEYS": f"{values['CARD_DATA_KEYS']},{old_key}"}
