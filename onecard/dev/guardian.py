"""Stops what a launcher started when the launcher is gone, even by kill -9.

Runs as a script with its standard input on a pipe from the launcher, and needs only the standard library. Each line is
`start GROUP SIGNAL` or `end GROUP`. The kernel closes the pipe when the launcher dies, however it dies; then every
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
    """Asks a group's leader to stop, and after the grace period kills it and the rest of its group."""
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
        # In a container dead processes may stay unreaped for a long time: the kernel lists them with the state Z.
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
