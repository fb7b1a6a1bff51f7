"""The nginx configuration of docs/deployment.md, with a real nginx in front of a real server of ours."""

import contextlib
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from onecard.dev.ports import HOST, claimed_port
from tests.faults.slow_clients import ATTACKS, assert_all_in_time, attackers, chunked, exchange
from tests.support import stripe_events
from tests.support.starts import ROOT
from tests.support.wallets import walkthrough_card
from tests.support.web_servers import Buyers, get, web_server

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.only_in_proofs]

FRAME = """
{user}
daemon off;
pid {folder}/nginx.pid;
error_log stderr crit;
events {{ worker_connections 2048; }}
http {{
access_log off;
client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
{documented}
}}
"""


def documented(*, listen: int, backend: int) -> str:
    """The block of docs/deployment.md, for this machine: no TLS, other ports, and one backend for both."""
    text = (ROOT / "docs" / "deployment.md").read_text()
    found = re.search(r"# --8<-- http\n(.*?)# --8<-- end", text, re.DOTALL)
    assert found is not None
    block = found.group(1).replace("443 ssl", f"{HOST}:{listen}").replace("cards.example.com", "_")
    return re.sub(r"127\.0\.0\.1:800[12]", f"{HOST}:{backend}", block)


@contextlib.contextmanager
def nginx(backend: int, folder: Path) -> Iterator[int]:
    """Yields the port of an nginx that stands in front of the backend."""
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        assert not os.environ.get("CI"), "nginx is missing; CI installs it (.ci/run)"
        pytest.skip("NGINX IS MISSING, SO THE DOCUMENTED PROXY WAS NOT TRIED: apt-get install nginx-light")
    with claimed_port() as listen:
        configuration = folder / "nginx.conf"
        # Its workers write bodies into our folder, so they are run by us: as root it would give them to nobody.
        user = "user root;" if os.geteuid() == 0 else ""
        block = documented(listen=listen, backend=backend)
        configuration.write_text(FRAME.format(user=user, folder=folder, documented=block))
        with subprocess.Popen([program, "-p", folder, "-c", configuration]) as process:
            try:
                _wait_for(listen, process)
                yield listen
            finally:
                process.terminate()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        assert process.poll() is None, "nginx ended"
        with contextlib.suppress(OSError):
            if get(port, "/health/live", Host=HOST) == 200:
                return
        time.sleep(0.1)
    raise AssertionError("nginx did not become ready")


def test_purchases_pass_the_documented_proxy_whatever_slow_clients_do(tmp_path: Path) -> None:
    card = walkthrough_card(daily_limit_minor=10**9, monthly_limit_minor=10**9).issuer_card_id
    with web_server(TRUST_REQUEST_START="on") as backend, nginx(backend, tmp_path) as port:
        asked = stripe_events.authorization_request(card=card, amount=100)
        assert exchange(port, chunked(asked, 50))[1]["approved"] is True
        large = stripe_events.event("issuing_card.updated", {"id": "ic_1", "padding": "x" * 1024 * 1024})
        assert exchange(port, chunked(large, 60_000))[0] == 413
        for name in ("half bodies, as many as threads", "half headers"):
            with attackers(port, 30, ATTACKS[name][1]), Buyers(port, card, a_second=10) as buyers:
                time.sleep(2)
            assert_all_in_time(buyers.purchases, f"behind nginx, {name}")
