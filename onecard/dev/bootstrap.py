"""Makes the virtual environment that everything else runs in: `python3 -m onecard.dev.bootstrap`.

Runs on a bare Python, so it uses only the standard library and a syntax that an older Python can read, in order to say
that it is too old. A finished environment has a stamp of its requirements. One without the stamp is completed. One
whose making was interrupted is made again, because half an installed package looks complete. Each step prints one line.
The installers' output goes to .onecard/setup.log and is shown only if they fail.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import subprocess
import sys
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
REQUIREMENTS = CHECKOUT / "requirements-dev.txt"
LEAST_PYTHON = (3, 11)


class BootstrapError(Exception):
    """Why the environment cannot be made, and what to do."""


def main() -> None:
    try:
        check_python()
        make_environment(CHECKOUT / ".venv", REQUIREMENTS)
    except BootstrapError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("Interrupted; the next run starts the installation again.")


def make_environment(environment: Path, requirements: Path) -> None:
    """Installs the requirements into the virtual environment unless it has them already; raises BootstrapError."""
    if is_current(environment, requirements):
        return
    # Two terminals may start at once; the second waits here and then finds the work done.
    folder = environment.parent / ".onecard"
    folder.mkdir(mode=0o700, exist_ok=True)
    with (folder / "setup.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_current(environment, requirements):
            log = folder / "setup.log"
            log.write_bytes(b"")
            _make(environment, requirements, log)


def is_current(environment: Path, requirements: Path) -> bool:
    """Returns True when the stamp says that these very requirements were installed to the end."""
    stamp = _stamp(environment)
    return stamp.exists() and stamp.read_text() == _wanted_stamp(requirements) and runs(environment)


def runs(environment: Path) -> bool:
    """Returns True when the environment's own Python starts, which it does not after its base was removed."""
    program = _python(environment)
    return program.exists() and subprocess.call([str(program), "-c", ""], stderr=subprocess.DEVNULL) == 0


def check_python() -> None:
    """Raises BootstrapError for a Python that is too old."""
    if sys.version_info < LEAST_PYTHON:
        found = ".".join(map(str, sys.version_info[:3]))
        raise BootstrapError(
            f"One Card needs Python {LEAST_PYTHON[0]}.{LEAST_PYTHON[1]} or newer, and {sys.executable} is {found}; "
            "install a newer one and name it: make PYTHON=python3.11"
        )


def _make(environment: Path, requirements: Path, log: Path) -> None:
    started = time.monotonic()
    begun = environment / ".installing"
    if begun.exists() or not runs(environment):
        _say(f"Making the virtual environment {environment.name} ...")
        _make_empty(environment, log)
    _stamp(environment).unlink(missing_ok=True)
    begun.touch()
    count = sum("==" in line for line in requirements.read_text().splitlines())
    _say(f"Installing {count} packages from {requirements.name} (a minute or two, once) ...")
    _install(environment, requirements, log)
    _stamp(environment).write_text(_wanted_stamp(requirements))
    begun.unlink()
    _say(f"The environment is ready, after {time.monotonic() - started:.0f} s.")


def _make_empty(environment: Path, log: Path) -> None:
    if importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip"):
        command = [sys.executable, "-m", "venv", "--clear", str(environment)]
    elif _has_uv():
        command = ["uv", "venv", "--quiet", "--clear", "--python", sys.executable, str(environment)]
    else:
        raise BootstrapError(
            f"{sys.executable} cannot make virtual environments: its venv module is not installed. "
            "Install it (Debian: apt install python3-venv) and run this again."
        )
    if not _succeeds(command, log):
        raise _failure(f"Making {environment} failed; the lines above say why.", log)


def _install(environment: Path, requirements: Path, log: Path) -> None:
    python, wanted = str(_python(environment)), ["--require-hashes", "-r", str(requirements)]
    if _has_uv() and _succeeds(["uv", "pip", "install", "--python", python, *wanted], log):
        return
    # pip reads other settings than uv and may reach a registry that uv does not know of.
    if not _succeeds([python, "-m", "pip", "install", "--disable-pip-version-check", "--no-input", *wanted], log):
        raise _failure(
            f"Installing {requirements.name} failed; the lines above say why. "
            "Check that the package registry can be reached and run this again.",
            log,
        )


def _succeeds(command: list[str], log: Path) -> bool:
    """Runs a command; what it says is added to the log."""
    with log.open("ab") as output:
        output.write(f"$ {' '.join(command)}\n".encode())
        output.flush()
        return subprocess.call(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT) == 0


def _failure(text: str, log: Path) -> BootstrapError:
    """Returns the error to raise, after the whole log was shown."""
    _say(log.read_text(errors="replace").rstrip())
    return BootstrapError(text)


def _has_uv() -> bool:
    try:
        return subprocess.call(["uv", "--version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0
    except OSError:
        return False


def _python(environment: Path) -> Path:
    return environment / "bin" / "python"


def _stamp(environment: Path) -> Path:
    return environment / ".installed"


def _wanted_stamp(requirements: Path) -> str:
    return hashlib.sha256(requirements.read_bytes()).hexdigest()


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
