"""The virtual environment is made once, completed when it is not, and made anew after an interruption."""

import subprocess
import sys
from pathlib import Path

import pytest

from onecard.dev import bootstrap
from onecard.dev.bootstrap import BootstrapError, is_current, make_environment
from tests.onecard.dev.processes import CHECKOUT


@pytest.fixture
def requirements(tmp_path: Path) -> Path:
    # Nothing to install, so no registry is asked; the environment itself is real.
    path = tmp_path / "requirements.txt"
    path.write_text("# none\n")
    return path


def test_an_environment_is_made_once_and_anew_after_an_installation_that_did_not_end(
    tmp_path: Path, requirements: Path
) -> None:
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


def test_a_python_that_is_too_old_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "LEAST_PYTHON", (99, 0))
    with pytest.raises(BootstrapError, match=r"needs Python 99\.0 or newer"):
        bootstrap.check_python()


def test_the_launcher_needs_no_package_before_the_environment_exists() -> None:
    # -S leaves out site-packages, -E the environment: what a bare machine has.
    code = "import onecard.dev.bootstrap, onecard.dev.__main__"
    assert subprocess.run([sys.executable, "-S", "-E", "-c", code], cwd=CHECKOUT, check=False).returncode == 0
