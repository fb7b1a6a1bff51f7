"""Stops servers that remain when both a launcher and its guardian were killed."""

import os
import signal
from pathlib import Path
from typing import Final

from onecard.dev.waiting import wait_until

SERVERS: Final = {"postgres", "redis-server", "valkey-server"}
GRACE_S: Final = 10.0


def end_orphans(data_folder: Path) -> None:
    """Stops every server process that works in the folder; the caller holds the folder's lock.

    Each of our servers, and PostgreSQL's backends too, has its data folder as its working directory. That identifies
    them for certain; a process id in a file may belong to another process by now.
    """
    if not list_servers_in(data_folder):
        return
    _signal_all(data_folder, signal.SIGINT)
    try:
        wait_until(
            lambda: not list_servers_in(data_folder), what="servers of an earlier run to stop", timeout_s=GRACE_S
        )
    except Exception:  # noqa: BLE001  (whatever kept them from stopping, they must not share the data with new ones)
        _signal_all(data_folder, signal.SIGKILL)
        wait_until(lambda: not list_servers_in(data_folder), what="killed servers to go", timeout_s=GRACE_S)


def list_servers_in(data_folder: Path) -> list[int]:
    """Returns the ids of the server processes whose working directory is the folder; none without /proc."""
    folder = str(data_folder.resolve())
    return [int(entry.name) for entry in Path("/proc").glob("[0-9]*") if _works_in(entry, folder)]


def _works_in(process: Path, folder: str) -> bool:
    try:
        return (
            os.readlink(process / "cwd") == folder  # noqa: PTH115  (of the link's own text, a folder may be gone by now)
            and (process / "comm").read_text().strip() in SERVERS
        )
    except OSError:
        return False


def _signal_all(data_folder: Path, number: signal.Signals) -> None:
    for process_id in list_servers_in(data_folder):
        try:
            os.kill(process_id, number)
        except ProcessLookupError:
            continue
