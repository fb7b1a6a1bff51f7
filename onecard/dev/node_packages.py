"""What the TypeScript client and the browser's tests need of Node: npm's packages and the compiler, prepared once.

Two test processes may start at once, so the work is done under a lock, and a stamp says what it was done for.
"""

import fcntl
import hashlib
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from onecard.dev.errors import LauncherError
from onecard.dev.supervisor import CHECKOUT
from onecard.dev.waiting import say

CLIENT: Final = CHECKOUT / "clients" / "typescript"
LEAST_NODE: Final = (20, 19)
INSTALL: Final = ("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")
COMPILER: Final = "node_modules/typescript/bin/tsc"
SOURCES: Final = ("src", "example", "test")


def check_node() -> None:
    """Raises LauncherError when Node or npm is missing or too old."""
    needed = f"the TypeScript client needs Node {LEAST_NODE[0]}.{LEAST_NODE[1]} or newer, with npm"
    for program in ("node", "npm"):
        if not shutil.which(program):
            raise LauncherError(f"{program} is not installed: {needed}.")
    found = run_node("--version").stdout.strip()
    version = re.match(r"v(\d+)\.(\d+)\.", found)
    if version is None or (int(version[1]), int(version[2])) < LEAST_NODE:
        raise LauncherError(f"node is {found}: {needed}.")


def install(folder: Path = CLIENT) -> None:
    """Installs exactly what a folder's package-lock.json names, unless it is there; raises LauncherError."""
    check_node()
    _once(folder / "node_modules" / ".installed", [folder / "package-lock.json"], partial(_install, folder))


def build() -> None:
    """Compiles the client, its example and its tests into dist/, unless it is done; raises LauncherError."""
    install()
    sources = [path for folder in SOURCES for path in sorted((CLIENT / folder).rglob("*.ts"))]
    of_node = [CLIENT / name for name in ("package-lock.json", "tsconfig.json")]
    _once(CLIENT / "dist" / ".built", [*of_node, *sources], _compile)


def run_node(*arguments: str, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Runs Node in the client's folder, and returns what it printed."""
    return _run(["node", *arguments], environment)


def checked(done: subprocess.CompletedProcess[str], otherwise: str) -> None:
    """Shows what a command printed and raises LauncherError, if it failed."""
    if done.returncode:
        say((done.stdout + done.stderr).rstrip())
        raise LauncherError(f"{otherwise}; the lines above say why.")


def _install(folder: Path) -> None:
    say(f"Installing the Node packages of {folder.relative_to(CHECKOUT)} (some seconds, once) ...")
    checked(_run(INSTALL, folder=folder), "npm ci failed")


def _compile() -> None:
    # Of a file that was renamed nothing may stay.
    shutil.rmtree(CLIENT / "dist", ignore_errors=True)
    checked(run_node(COMPILER), "The TypeScript client does not compile")


def _once(stamp: Path, inputs: Iterable[Path], work: Callable[[], None]) -> None:
    """Does the work unless the stamp says that it was done for these very inputs."""
    folder = CHECKOUT / ".onecard"
    folder.mkdir(mode=0o700, exist_ok=True)
    with (folder / "client.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = _fingerprint(inputs)
        if not stamp.exists() or stamp.read_text() != wanted:
            work()
            stamp.write_text(wanted)


def _fingerprint(inputs: Iterable[Path]) -> str:
    total = hashlib.sha256()
    for path in inputs:
        total.update(f"{path.relative_to(CHECKOUT)}\n".encode() + path.read_bytes())
    return total.hexdigest()


def _run(
    command: Iterable[str], environment: Mapping[str, str] | None = None, *, folder: Path = CLIENT
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*command], cwd=folder, env=environment, capture_output=True, text=True, encoding="utf-8", check=False
    )
