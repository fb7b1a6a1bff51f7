"""The supervisor leaves no process behind, whatever ends it."""

import sys
from pathlib import Path

import pytest

from onecard.dev import supervisor as supervisor_module
from onecard.dev.errors import ChildDiedError
from onecard.dev.supervisor import Supervisor
from tests.onecard.dev.processes import eventually, is_alive, kill, read_numbers, start_launcher

STAY = "import time; time.sleep(600)"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); " + STAY
PARENT = f"import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', {STAY!r}]).pid, flush=True); " + STAY
FAREWELL = """
import pathlib, signal, sys, time
def leave(*_):
    with pathlib.Path(sys.argv[1]).open("a") as book:
        book.write(sys.argv[2] + "\\n")
    sys.exit()
signal.signal(signal.SIGTERM, leave)
print("ready", flush=True)
time.sleep(600)
"""


def python(code: str, *arguments: str | Path) -> list[str]:
    return [sys.executable, "-c", code, *map(str, arguments)]


def test_the_last_started_is_stopped_first(tmp_path: Path) -> None:
    book = tmp_path / "book"
    with Supervisor(tmp_path) as supervisor:
        for name in ("first", "second", "third"):
            child = supervisor.start(name, python(FAREWELL, book, name))
            assert eventually(lambda log=child.log: log.read_text() == "ready\n")
    assert book.read_text().split() == ["third", "second", "first"]


def test_a_process_that_does_not_listen_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor_module, "GRACE_S", 0.3)
    with Supervisor(tmp_path) as supervisor:
        child = supervisor.start("stubborn", python(STUBBORN))
        assert eventually(lambda: child.log.read_text() == "deaf\n")
    assert not is_alive(child.process.pid)


def test_a_grandchild_does_not_outlive_its_parent(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor:
        child = supervisor.start("parent", python(PARENT))
        assert eventually(lambda: child.log.read_text() != "")
        grandchild = int(child.log.read_text())
        assert is_alive(grandchild)
    assert eventually(lambda: not is_alive(grandchild))


def test_a_killed_launcher_leaves_nobody_behind(tmp_path: Path) -> None:
    launcher = start_launcher(
        "import sys\nfrom pathlib import Path\nfrom onecard.dev.supervisor import Supervisor\n"
        "supervisor = Supervisor(Path(sys.argv[1]))\n"
        "children = [supervisor.start(f'child-{n}', [sys.executable, '-c', sys.argv[2]]).process.pid for n in (1, 2)]\n"
        "print(supervisor.guardian.pid, *children, flush=True)",
        tmp_path,
        STAY,
    )
    processes = read_numbers(launcher)
    assert all(map(is_alive, processes))
    kill(launcher)
    assert eventually(lambda: not any(map(is_alive, processes)))


def test_an_early_death_is_told_with_the_last_words(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor:
        child = supervisor.start("web", python("import sys; print('the port is taken'); sys.exit(3)"))
        child.process.wait()
        with pytest.raises(ChildDiedError, match=r"web ended with status 3(?s:.*)the port is taken"):
            supervisor.check()


def test_a_step_that_fails_stops_the_start(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor:
        supervisor.run("migrate", python("print('done')"), environment={}, timeout_s=10)
        with pytest.raises(ChildDiedError, match="migrate ended with status 1"):
            supervisor.run("migrate", python("raise SystemExit(1)"), environment={}, timeout_s=10)
