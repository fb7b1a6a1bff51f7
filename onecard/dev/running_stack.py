"""What a second terminal takes from the running development stack, and when it must not.

`make run` writes a file with invented secrets and the sandbox's address. A file of a killed launcher, or in a
production checkout, must never supply a setting. So only `manage.py` reads it, only while a launcher holds the folder's
lock, only with DEBUG on and no live key in it, and only into an environment that gives none of its variables another
value.
"""

import fcntl
import os
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Final

from onecard.dev.stack_environment import STACK_FILE, read_written_down

SWITCH: Final = "ONECARD_STACK_FILE"
ON: Final = ("1", "true", "yes", "on")


def take_its_environment(environment: MutableMapping[str, str] = os.environ) -> None:
    """Completes the environment from the stack's file, if a stack runs and the environment is not another's."""
    location = environment.get(SWITCH, str(STACK_FILE))
    path = Path(location)
    if location and path.is_file() and _is_mine(path) and _is_running(path):
        values = read_written_down(path)
        if _is_for_development(values) and _belongs_to(environment, values):
            environment.update(values)


def completed(environment: Mapping[str, str]) -> dict[str, str]:
    """Returns the environment of a command beside the launcher's running stack: the person's own values win."""
    return read_written_down() | {name: value for name, value in environment.items() if value}


def _is_mine(path: Path) -> bool:
    """Returns whether this user wrote it and nobody else may change it."""
    found = path.stat()
    return found.st_uid == os.geteuid() and not found.st_mode & 0o022


def _is_running(path: Path) -> bool:
    """Returns whether a launcher holds the lock of its folder (onecard/dev/services.py)."""
    try:
        lock = os.open(path.parent / "lock", os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def _is_for_development(values: Mapping[str, str]) -> bool:
    return values.get("DEBUG", "").lower() in ON and "_live_" not in values.get("STRIPE_API_KEY", "")


def _belongs_to(environment: Mapping[str, str], values: Mapping[str, str]) -> bool:
    return all(environment.get(name) in (None, "", value) for name, value in values.items())
