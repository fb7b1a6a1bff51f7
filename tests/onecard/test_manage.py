"""`manage.py` on a database that is not there, or not of this version: a sentence says what to do."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from django.db import connection

ROOT = Path(__file__).resolve().parents[2]


def run(*words: str, database_url: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"DATABASE_URL": database_url}
    command = [sys.executable, "manage.py", *words]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)


def url_of(database: str) -> str:
    """Of a database on the tests' server; only the path's last part is its name."""
    parts = urlsplit(os.environ["DATABASE_URL"])
    return urlunsplit(parts._replace(path=f"{parts.path.rpartition('/')[0]}/{database}"))


@pytest.fixture
def empty() -> Iterator[str]:
    """The URL of a database without tables."""
    place, name = connection.settings_dict, f"empty_{os.getpid()}"
    server = {"host": place["HOST"], "port": place["PORT"], "user": place["USER"], "password": place["PASSWORD"]}
    given = {key: value for key, value in server.items() if value}
    with psycopg.connect(**given, dbname="postgres", autocommit=True) as other:
        other.execute(f"CREATE DATABASE {name}")
        yield url_of(name)
        other.execute(f"DROP DATABASE {name}")


@pytest.mark.only_in_proofs
@pytest.mark.parametrize("words", [("check_ledger",), ("reconcile", "--format", "json"), ("rewards",)])
def test_without_tables_it_names_the_command_that_makes_them(empty: str, words: tuple[str, ...]) -> None:
    refused = run(*words, database_url=empty)
    assert refused.returncode == 2
    assert "The database is not of this version: run `manage.py migrate` first." in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.only_in_proofs
def test_what_does_not_answer_is_named() -> None:
    refused = run("check_ledger", database_url="postgres://u:secret@127.0.0.1:9/x")
    assert refused.returncode == 2
    assert "The database cannot be reached. Does it run, and is DATABASE_URL right?" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert "secret" not in refused.stderr


@pytest.mark.django_db
def test_an_error_of_our_own_is_shown_as_it_is() -> None:
    code = "from django.db import connection; connection.cursor().execute('SELECT nothing_like_it')"
    refused = run("shell", "--no-imports", "--command", code, database_url=url_of(connection.settings_dict["NAME"]))
    assert refused.returncode == 1
    assert "Traceback" in refused.stderr
