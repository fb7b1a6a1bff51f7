"""The nginx configuration of docs/deployment.md, with a real nginx in front of a real server of ours."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from issuing import journal
from issuing.models import Decision
from onecard.dev.ports import HOST, claimed_port
from tests.faults.slow_clients import ATTACKS, assert_all_in_time, attackers, chunked, exchange
from tests.support import stripe_events
from tests.support.front_proxies import find_nginx, nginx_command
from tests.support.wallets import walkthrough_card
from tests.support.web_servers import Buyers, get, web_server, web_service

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.only_in_proofs]


@contextlib.contextmanager
def nginx(folder: Path, *doors: int) -> Iterator[int]:
    """Yields the port of an nginx that stands in front of these services; the first of them is the desk as well."""
    program = find_nginx()
    if program is None:
        assert not os.environ.get("CI"), "nginx is missing; CI installs it (.ci/run)"
        pytest.skip("NGINX IS MISSING, SO THE DOCUMENTED PROXY WAS NOT TRIED: apt-get install nginx-light")
    with claimed_port() as listen:
        command = nginx_command(program, folder, listen=listen, doors=doors, desk=doors[0])
        with subprocess.Popen(command) as process:
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
    with web_server(TRUST_REQUEST_START="on") as backend, nginx(tmp_path, backend) as port:
        asked = stripe_events.authorization_request(card=card, amount=100)
        assert exchange(port, chunked(asked, 50))[1]["approved"] is True
        large = stripe_events.event("issuing_card.updated", {"id": "ic_1", "padding": "x" * 1024 * 1024})
        assert exchange(port, chunked(large, 60_000))[0] == 413
        for name in ("half bodies, as many as threads", "half headers"):
            with attackers(port, 30, ATTACKS[name][1]), Buyers(port, card, a_second=10) as buyers:
                time.sleep(2)
            assert_all_in_time(buyers.purchases, f"behind nginx, {name}")


@pytest.mark.parametrize("harm", [signal.SIGKILL, signal.SIGSTOP])
def test_a_service_killed_or_silent_leaves_every_purchase_an_answer(harm: signal.Signals, tmp_path: Path) -> None:
    card = walkthrough_card(daily_limit_minor=10**9, monthly_limit_minor=10**9).issuer_card_id
    with (
        web_service(TRUST_REQUEST_START="on") as (first, harmed),
        web_server(TRUST_REQUEST_START="on") as second,
        nginx(tmp_path, first, second) as port,
    ):
        try:
            with Buyers(port, card, a_second=20) as buyers:
                time.sleep(1)
                os.killpg(harmed.pid, harm)
                time.sleep(3)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(harmed.pid, signal.SIGCONT)
    assert_all_in_time(buyers.purchases, f"behind nginx, {harm.name}")
    assert len(buyers.purchases.approved_ms) > len(buyers.purchases.answers_ms) * 0.7
    journal.write_all()
    # A service that goes on takes back what nginx gave up on and the other one declined as too late by then.
    taken_back = Decision.objects.exclude(corrects=None).values_list("decline_reason", flat=True)
    assert set(taken_back) <= ({"deadline_exceeded"} if harm == signal.SIGSTOP else set())
    standing = Decision.objects.filter(approved=True, corrected_by=None).count()
    assert standing >= len(buyers.purchases.approved_ms), "an approval that its issuer got was taken back"
