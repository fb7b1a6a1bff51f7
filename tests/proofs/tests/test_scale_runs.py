"""A short `make scale` writes its figures; whatever ends it, its databases are dropped."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import pytest
from django.db import connection

from tests.proofs.own_database import url_of

pytestmark = [pytest.mark.only_in_proofs, pytest.mark.django_db]
SMALL: Final = (
    "--authorizations", "1500", "--cards", "300", "--empty-cards", "200", "--warm-cards", "50", "--rankings", "1500",
    "--seconds", "0.5", "--rounds", "1",
)  # fmt: skip
ROOT: Final = Path(__file__).resolve().parents[3]


@pytest.mark.timeout(300)
def test_a_short_run_writes_its_figures_and_drops_its_databases(tmp_path: Path) -> None:
    with started("--to", str(tmp_path / "scale.json")) as run:
        said, complaint = run.communicate(timeout=280)

    assert (run.returncode, said.count("ratio")) == (0, 4), complaint
    figures = json.loads((tmp_path / "scale.json").read_text())
    assert figures["read_as_a_whole"] == {"empty": {}, "full": {}}
    assert figures["rows"]["issuing_authorization"] == 1500
    assert figures["closed_32_cold"]["full"]["rps"] > 0
    assert figures["bytes_a_purchase"] > 1000
    assert databases() == []


@pytest.mark.timeout(300)
@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_an_interrupted_run_drops_its_databases(tmp_path: Path, stop: signal.Signals) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with started("--to", str(tmp_path / "scale.json"), "--authorizations", "300000") as run:
            until = time.monotonic() + 150
            while not any(name.endswith("_full") for name in databases()) and time.monotonic() < until:
                time.sleep(0.1)
            time.sleep(1)
            run.send_signal(stop)
            _said, complaint = run.communicate(timeout=50)
    finally:
        signal.signal(signal.SIGINT, before)

    assert run.returncode == 130, complaint
    assert "Both databases are dropped." in complaint
    assert databases() == []
    assert not (tmp_path / "scale.json").exists()


def started(*words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "manage.py", "scale", *SMALL, *words]
    environment = os.environ | {"DATABASE_URL": url_of(own_name())}
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def own_name() -> str:
    return f"scale_{os.getpid()}"


def databases() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT datname FROM pg_database WHERE datname LIKE %s", [f"%{own_name()}%"])
        return [name for (name,) in cursor.fetchall()]
