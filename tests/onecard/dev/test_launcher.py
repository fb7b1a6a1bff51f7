"""What the launcher says, writes down for a second terminal, and does for a test run."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import environ
import pytest

from onecard.dev.services import Services
from onecard.dev.stack_environment import (
    WEB_URL,
    read_written_down,
    services_environment,
    stack_environment,
    written_down,
)
from onecard.dev.supervisor import Supervisor
from tests.onecard.dev.processes import CHECKOUT, eventually, is_alive

pytestmark = pytest.mark.only_in_proofs

PRINT_SERVICES = """
import os
def test_services_are_given():
    print(os.environ["DATABASE_URL"], os.environ["REDIS_URL"], os.environ["ONECARD_STACK_FILE"] == "")
"""
STAY_IN_A_TEST = """
import os, pathlib, time
def test_that_stays():
    pathlib.Path(os.environ["BOOK"]).write_text(os.environ["DATABASE_URL"])
    time.sleep(600)
"""


@pytest.fixture
def services(tmp_path: Path) -> Services:
    return Services(
        "postgres://onecard@//some/where/onecard", "redis://:word@127.0.0.1:1/0", tmp_path, Supervisor(tmp_path)
    )


def test_a_second_terminal_reads_what_only_the_owner_can(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    path = services.folder / "stack.env"
    values = stack_environment(services, web_port=8123, sandbox_port=8124)
    with written_down(values, path=path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert read_written_down(path) == values
        for name in values:
            monkeypatch.delenv(name, raising=False)
        environ.Env.read_env(str(path))
        assert {name: os.environ[name] for name in values} == values
    assert not path.exists()
    assert read_written_down(path) == {}


def test_the_environment_of_the_person_wins(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIPE_API_BASE", "http://127.0.0.1:12111")
    monkeypatch.setenv("DEBUG", "off")
    values = stack_environment(services, web_port=8123, sandbox_port=8124)
    assert values["STRIPE_API_BASE"] == "http://127.0.0.1:12111"
    assert values["DEBUG"] == "off"
    assert values[WEB_URL] == "http://127.0.0.1:8123"


def test_the_secret_key_is_kept_between_runs(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SECRET_KEY", raising=False)
    monkeypatch.delenv("STRIPE_WEBHOOK_SECRETS", raising=False)
    one, other = services_environment(services), services_environment(services)
    assert one["SECRET_KEY"] == other["SECRET_KEY"]
    assert len(one["SECRET_KEY"]) >= 50
    assert one["STRIPE_WEBHOOK_SECRETS"] != other["STRIPE_WEBHOOK_SECRETS"]


def test_an_unknown_command_shows_the_commands() -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "onecard.dev", "dmeo"], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 2
    assert "demo [--once]" in answer.stderr


def pytest_run(folder: Path, code: str, **more: str) -> subprocess.Popen[str]:
    (folder / "test_inner.py").write_text(code)
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **more}
    for name in ("DATABASE_URL", "REDIS_URL", "PYTEST_XDIST_WORKER", "PYTEST_ADDOPTS"):
        environment.pop(name, None)
    options = ["-c", os.devnull, "--rootdir", str(folder), "-p", "tests.support.plugin_services", "-sq"]
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", *options, str(folder)],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_a_test_run_gets_its_services_before_the_settings(tmp_path: Path) -> None:
    book = tmp_path / "book"
    killed = pytest_run(tmp_path, STAY_IN_A_TEST, BOOK=str(book))
    assert eventually(book.exists)
    killed.kill()
    killed.communicate()
    assert not is_alive(killed.pid)

    for _ in range(2):
        output, _nothing = pytest_run(tmp_path, PRINT_SERVICES).communicate()
        assert "1 passed" in output
        assert "postgres://onecard@//" in output
        assert " True" in output


PUTS_AWAY = """
import pathlib, signal, sys, time
from django.db import connection
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
try:
    print("works", flush=True)
    time.sleep(60)
finally:
    time.sleep(1)
    connection.cursor().execute("SELECT 1")
    pathlib.Path({done!r}).touch()
"""


@pytest.mark.only_in_proofs
@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_a_command_puts_away_what_it_made_before_its_services_end(tmp_path: Path, sent: signal.Signals) -> None:
    done = tmp_path / "done"
    code = PUTS_AWAY.format(done=str(done))
    command = [sys.executable, "-m", "onecard.dev", "manage", "shell", "-v", "0", "-c", code]
    with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True, start_new_session=True) as launcher:
        assert launcher.stdout is not None
        assert any(line == "works\n" for line in launcher.stdout)
        # Ctrl-C reaches the whole group, a SIGTERM the launcher alone.
        (os.killpg if sent is signal.SIGINT else os.kill)(launcher.pid, sent)
        launcher.wait(30)
    assert done.exists()
