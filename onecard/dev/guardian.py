"""Stops what a launcher started when the launcher itself is gone, even by kill -9.

Run as a script with its standard input on a pipe from the launcher; needs nothing but the standard library. Each line
is `start GROUP SIGNAL` or `end GROUP`. The kernel closes the pipe when the launcher dies, in whatever way; then every
group that was started and not ended is stopped, the last one first.
"""

import contextlib
import os
import signal
import sys
import time
from pathlib import Path

GRACE_S = 10.0
PAUSE_S = 0.05


def main() -> None:
    for group, stop_signal in reversed(list(_groups_left(sys.stdin.read()).items())):
        end_group(group, stop_signal)


def end_group(group: int, stop_signal: int) -> None:
    """Asks a group's leader to stop, kills it after the grace period, and with it whoever is left of the group."""
    if _leader_lives(group):
        os.kill(group, stop_signal)
        deadline = time.monotonic() + GRACE_S
        while _leader_lives(group) and time.monotonic() < deadline:
            time.sleep(PAUSE_S)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def _groups_left(text: str) -> dict[int, int]:
    groups: dict[int, int] = {}
    for line in text.splitlines():
        word, *numbers = line.split()
        if word == "start":
            groups[int(numbers[0])] = int(numbers[1])
        else:
            groups.pop(int(numbers[0]), None)
    return groups


def _leader_lives(group: int) -> bool:
    try:
        # In a container nobody may bury the dead for a long time; to the kernel they still exist, with the state Z.
        return Path(f"/proc/{group}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return not Path("/proc/self").exists() and _exists(group)


def _exists(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main()
