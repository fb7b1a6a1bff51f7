"""The virtual environment is made once, completed when it is not, and made anew after an interruption."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from onecard.dev import bootstrap
from onecard.dev.bootstrap import BootstrapError, is_current, make_environment
from tests.onecard.dev.processes import CHECKOUT

pytestmark = pytest.mark.only_in_proofs


@pytest.fixture
def requirements(tmp_path: Path) -> Path:
    # Nothing to install, so no registry is asked; the environment itself is real.
    path = tmp_path / "requirements.txt"
    path.write_text("# none\n")
    return path


@dataclass(frozen=True, slots=True)
class FirstSetUp:
    """An environment that was made while `uv` fails, and what was shown meanwhile."""

    environment: Path
    shown: str


@pytest.fixture(scope="module")
def first_set_up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FirstSetUp]:
    folder = tmp_path_factory.mktemp("first")
    (folder / "uv").write_text('#!/bin/sh\n[ "$1" = --version ] && exit 0\necho "uv finds no registry" >&2\nexit 1\n')
    (folder / "uv").chmod(0o755)
    (folder / "requirements.txt").write_text("# none\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
        code = "from sys import argv; from pathlib import Path; from onecard.dev import bootstrap; "
        code += "bootstrap.make_environment(*map(Path, argv[1:]))"
        command = [sys.executable, "-c", code, str(folder / ".venv"), str(folder / "requirements.txt")]
        made = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=True)
        yield FirstSetUp(folder / ".venv", made.stdout + made.stderr)


def test_an_environment_is_made_once_and_again_after_a_broken_install(tmp_path: Path, requirements: Path) -> None:
    environment = tmp_path / ".venv"
    make_environment(environment, requirements)
    assert is_current(environment, requirements)

    (environment / "left-over").touch()
    make_environment(environment, requirements)
    assert (environment / "left-over").exists(), "a current environment is left alone"

    requirements.write_text("# others\n")
    assert not is_current(environment, requirements)
    make_environment(environment, requirements)
    assert (environment / "left-over").exists(), "other requirements are installed into the same environment"

    requirements.write_text("no-hash-is-given==1.0\n")
    with pytest.raises(BootstrapError, match=r"Installing requirements\.txt failed"):
        make_environment(environment, requirements)
    assert not is_current(environment, requirements)

    requirements.write_text("# none again\n")
    make_environment(environment, requirements)
    assert is_current(environment, requirements)
    assert not (environment / "left-over").exists(), "half an installation is not built upon"


def test_each_step_says_one_line_and_a_log_is_kept(first_set_up: FirstSetUp) -> None:
    making, installing, ready = first_set_up.shown.splitlines()
    assert making == "Making the virtual environment .venv ..."
    assert installing == "Installing 0 packages from requirements.txt (a minute or two, once) ..."
    assert re.fullmatch(r"The environment is ready, after \d+ s\.", ready)
    assert "uv finds no registry" in (first_set_up.environment.parent / ".onecard" / "setup.log").read_text()


def test_an_installer_that_fails_shows_its_log(first_set_up: FirstSetUp, capfd: pytest.CaptureFixture[str]) -> None:
    requirements = first_set_up.environment.parent / "others.txt"
    requirements.write_text("no-hash-is-given==1.0\n")
    with pytest.raises(BootstrapError, match=r"the lines above say why"):
        make_environment(first_set_up.environment, requirements)
    shown = capfd.readouterr().err
    assert "uv finds no registry" in shown
    assert "pip install" in shown
    assert "ERROR: " in shown


def test_a_python_that_is_too_old_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "LEAST_PYTHON", (99, 0))
    with pytest.raises(BootstrapError, match=r"needs Python 99\.0 or newer"):
        bootstrap.check_python()


def test_the_launcher_needs_no_package_before_the_environment_exists() -> None:
    # -S leaves out site-packages, -E the environment: what a bare machine has.
    code = "import onecard.dev.bootstrap, onecard.dev.__main__"
    assert subprocess.run([sys.executable, "-S", "-E", "-c", code], cwd=CHECKOUT, check=False).returncode == 0
