"""When a command may take its settings from a development stack's file: never where it is not that stack's own."""

import fcntl
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from onecard.dev.running_stack import completed, take_its_environment
from tests.support.starts import PRODUCTION, SAFE, run

pytestmark = pytest.mark.only_in_proofs

FILE = {
    "DEBUG": "on",
    "SECRET_KEY": "the-stacks-own-key",
    "ALLOWED_HOSTS": "127.0.0.1,localhost",
    "DATABASE_URL": "postgres://onecard@//stack/onecard",
    "STRIPE_API_KEY": "sk_test_sandbox",
    "STRIPE_API_BASE": "http://127.0.0.1:12111",
}


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    """The file of a stack whose launcher lives."""
    with (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield written(tmp_path / "stack.env")


def written(path: Path, **changes: str) -> Path:
    path.write_text("".join(f"{name}={value}\n" for name, value in (FILE | changes).items()))
    path.chmod(0o600)
    return path


def taken(path: Path, **given: str) -> dict[str, str]:
    environment = {"ONECARD_STACK_FILE": str(path), **given}
    take_its_environment(environment)
    return {name: value for name, value in environment.items() if name != "ONECARD_STACK_FILE"}


def test_a_second_terminal_takes_the_running_stacks_settings(path: Path) -> None:
    assert taken(path) == FILE
    more = {"PATH": "/bin", "DECISION_DEADLINE_MS": "500"}
    assert taken(path, **more) == FILE | more
    assert taken(path, DATABASE_URL=FILE["DATABASE_URL"], DEBUG="") == FILE


def test_nothing_is_taken_of_a_stack_that_ended(tmp_path: Path) -> None:
    assert taken(written(tmp_path / "stack.env")) == {}
    (tmp_path / "lock").touch()
    assert taken(tmp_path / "stack.env") == {}


@pytest.mark.parametrize("name", FILE)
def test_nothing_is_taken_where_one_value_is_another(path: Path, name: str) -> None:
    assert taken(path, **{name: "another"}) == {name: "another"}


@pytest.mark.parametrize("changes", [{"DEBUG": "off"}, {"DEBUG": ""}, {"STRIPE_API_KEY": "sk_live_x"}])
def test_nothing_is_taken_of_a_file_that_is_not_for_development(path: Path, changes: dict[str, str]) -> None:
    assert taken(written(path, **changes)) == {}


def test_nothing_is_taken_of_a_file_that_others_may_write(path: Path) -> None:
    path.chmod(0o622)
    assert taken(path) == {}


def test_the_switch_set_to_nothing_reads_none(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onecard.dev.running_stack.STACK_FILE", path)
    environment: dict[str, str] = {}
    take_its_environment(environment)
    assert environment == FILE
    environment = {"ONECARD_STACK_FILE": ""}
    take_its_environment(environment)
    assert environment == {"ONECARD_STACK_FILE": ""}


def test_the_launcher_lets_the_person_win(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onecard.dev.running_stack.read_written_down", lambda: dict(FILE))
    assert completed({"DEBUG": "off", "SECRET_KEY": ""})["DEBUG"] == "off"
    assert completed({"DEBUG": "off", "SECRET_KEY": ""})["SECRET_KEY"] == FILE["SECRET_KEY"]


SERVERS = {
    "manage.py": [sys.executable, "manage.py", "check"],
    "web": [sys.executable, "-c", "import onecard.wsgi"],
    "worker": [sys.executable, "-m", "celery", "-A", "onecard.celery", "report"],
}


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("missing", ["SECRET_KEY", "DATABASE_URL"])
def test_no_process_of_production_takes_a_setting_from_the_file(path: Path, server: str, missing: str) -> None:
    environment = {name: value for name, value in PRODUCTION.items() if name != missing}
    refused = run(SERVERS[server], environment | {"DEBUG": "off", "ONECARD_STACK_FILE": str(path)})
    assert refused.returncode != 0
    assert f"{missing} is not set" in refused.stderr


@pytest.mark.parametrize("server", ["web", "worker"])
def test_a_server_takes_nothing_even_of_a_stack_that_runs(path: Path, server: str) -> None:
    refused = run(SERVERS[server], {"ONECARD_STACK_FILE": str(path)})
    assert refused.returncode != 0
    assert "is not set" in refused.stderr


def test_production_keeps_its_own_api_beside_a_stack_that_runs(path: Path) -> None:
    code = "from django.conf import settings; print(settings.DEBUG, repr(settings.STRIPE_API_BASE))"
    command = [sys.executable, "manage.py", "shell", "--no-imports", "--command", code]
    for base in (SAFE, PRODUCTION):
        started = run(command, base | {"ONECARD_STACK_FILE": str(path)})
        assert started.stdout.strip() == "False ''", started.stderr
