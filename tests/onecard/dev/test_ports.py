"""A port is ours from the moment it is chosen, so two products on one machine never share one."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest

from onecard.dev.ports import HOST, claimed_port, free_port, is_free
from tests.onecard.dev.processes import CHECKOUT
from tests.support.threads import at_once

HOLD_A_PORT = """
import sys
from onecard.dev.ports import claimed_port
with claimed_port(preferred=int(sys.argv[1])) as port:
    print(port, flush=True)
    sys.stdin.read()
"""
# As some servers listen.
SHARE_A_PORT = """
import socket, sys
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind((sys.argv[2], int(sys.argv[1])))
listener.listen()
print("listens", flush=True)
sys.stdin.read()
"""


@contextmanager
def process(code: str, *words: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", code, *words]
    with subprocess.Popen(
        command, cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ}
    ) as started:
        try:
            yield started
        finally:
            started.kill()


def line_of(started: subprocess.Popen[str]) -> str:
    assert started.stdout is not None
    return started.stdout.readline().strip()


def test_a_claimed_port_without_a_listener_is_not_given_away() -> None:
    wanted = free_port()
    with process(HOLD_A_PORT, str(wanted)) as first, process(HOLD_A_PORT, str(wanted)) as second:
        one, other = int(line_of(first)), int(line_of(second))
        assert {one, other} & {wanted} == {wanted}
        assert one != other
        with claimed_port(preferred=wanted) as third:
            assert third not in (one, other)


def test_a_claim_ends_with_its_process() -> None:
    wanted = free_port()
    with process(HOLD_A_PORT, str(wanted)) as first:
        assert int(line_of(first)) == wanted
        first.send_signal(signal.SIGKILL)
        first.wait()
        with claimed_port(preferred=wanted) as mine:
            assert mine == wanted


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])  # noqa: S104  (that is the case)
def test_a_port_that_another_shares_with_reuseport_is_left_alone(address: str) -> None:
    wanted = free_port()
    with process(SHARE_A_PORT, str(wanted), address) as other:
        assert line_of(other) == "listens"
        assert not is_free(wanted)
        with claimed_port(preferred=wanted) as mine:
            assert mine != wanted


@pytest.mark.parametrize("address", ["::", "::1"])
def test_a_port_of_ipv6_is_left_alone(address: str) -> None:
    wanted = free_port()
    with socket.socket(socket.AF_INET6) as listener:
        try:
            listener.bind((address, wanted))
        except OSError:
            pytest.fail("this machine has no IPv6 on its loopback address")
        listener.listen()
        with claimed_port(preferred=wanted) as mine:
            assert mine != wanted


def test_a_listener_whose_queue_is_full_is_left_alone() -> None:
    with socket.socket() as listener, ExitStack() as callers:
        listener.bind((HOST, 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        for _ in range(3):
            caller = callers.enter_context(socket.socket())
            caller.setblocking(False)
            caller.connect_ex((HOST, port))
        assert not is_free(port)


def test_threads_that_want_one_port_at_once_get_ports_of_their_own() -> None:
    wanted = free_port()
    with ExitStack() as held:
        ports = at_once([lambda: held.enter_context(claimed_port(preferred=wanted)) for _ in range(8)])
        assert len(set(ports)) == 8
        assert wanted in ports


@pytest.mark.only_in_proofs
@pytest.mark.timeout(300)
def test_two_launchers_at_once_have_two_products(tmp_path: Path) -> None:
    """The real ones, each in a checkout of its own: both answer, each at its own address."""
    with ExitStack() as started:
        launchers = [started.enter_context(launcher(tmp_path / name)) for name in ("one", "other")]
        addresses = {address_of(each) for each in launchers}
        assert len(addresses) == 2
        for address in addresses:
            with urlopen(f"{address}/health/ready", timeout=10) as answer:  # noqa: S310  (our own address)
                assert answer.status == 200
        # A second terminal reaches the product of its own checkout, without a word of configuration.
        for name in ("one", "other"):
            bought = purchase_in(tmp_path / name)
            assert bought.returncode == 0, bought.stderr
            assert "APPROVED" in bought.stdout


@contextmanager
def launcher(checkout: Path) -> Iterator[subprocess.Popen[str]]:
    """`make run` in a copy of this checkout, as a person starts it."""
    for name in ("onecard", "issuing", "routing", "wallet", "audit", "tests", "templates", "fixtures"):
        shutil.copytree(CHECKOUT / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(CHECKOUT / "manage.py", checkout)
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    words = [sys.executable, "-m", "onecard.dev", "run"]
    with subprocess.Popen(words, cwd=checkout, env=kept, stderr=subprocess.PIPE, text=True) as started:
        try:
            yield started
        finally:
            started.send_signal(signal.SIGINT)
            started.communicate(timeout=60)


def purchase_in(checkout: Path) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "manage.py", "purchase", "--expect", "approved"]
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return subprocess.run(words, cwd=checkout, env=kept, capture_output=True, text=True, timeout=120, check=False)


def address_of(started: subprocess.Popen[str]) -> str:
    assert started.stderr is not None
    told = ""
    for line in started.stderr:
        told += line
        if found := re.search(r"One Card is up at (http://[0-9.:]+)/admin/", line):
            return found[1]
    raise AssertionError(told)
