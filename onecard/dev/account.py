"""Runs PostgreSQL under another account: it refuses root and anyone without a name in the user list."""

import os
import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from onecard.dev.errors import LauncherError

PROBE_TIMEOUT_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Account:
    """The owner of the server's files, and what to put before its command."""

    owner: int
    prefix: tuple[str, ...] = ()

    def own(self, folder: Path) -> None:
        """Gives a folder and its content to this account, if another owns it (only root can, and only root must)."""
        if folder.stat().st_uid == self.owner:
            return
        for path in (folder, *folder.rglob("*")):
            os.chown(path, self.owner, -1, follow_symlinks=False)


def find_account(*, program: Path, folder: Path) -> Account:
    """Returns the account that can run the program and write to the folder, which it then owns; or LauncherError."""
    for account in list_accounts():
        account.own(folder)
        if _can_run(account, program=program, folder=folder):
            return account
    raise LauncherError(
        "PostgreSQL runs neither as root nor as a user without a name, and this machine allows no user namespace "
        "(unshare) and no other user (setpriv); start again as an ordinary user, or set DATABASE_URL to a server that "
        "you run."
    )


def list_accounts() -> Sequence[Account]:
    """Returns the accounts to try, the least intrusive first."""
    if os.geteuid() == 0:
        return as_nobody_in_a_namespace(), as_nobody()
    return Account(os.geteuid()), as_nobody_in_a_namespace()


def as_nobody_in_a_namespace() -> Account:
    """Runs as oneself outside and as `nobody` inside a user namespace: no file changes its owner."""
    nobody = pwd.getpwnam("nobody")
    ids = (f"--map-user={nobody.pw_uid}", f"--map-group={nobody.pw_gid}")
    return Account(os.geteuid(), ("unshare", "--user", *ids))


def as_nobody() -> Account:
    """Runs as `nobody`, which only root can become; the server's files then belong to it."""
    nobody = pwd.getpwnam("nobody")
    ids = (f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups")
    # The checkout may be below a folder that only root can enter; this one capability allows it.
    reach = ("--inh-caps=-all,+dac_override", "--ambient-caps=-all,+dac_override")
    return Account(nobody.pw_uid, ("setpriv", *ids, *reach))


def _can_run(account: Account, *, program: Path, folder: Path) -> bool:
    test = 'name=$(id -un) && test "$name" != root && test -w "$2" && exec "$1" --version'
    command: list[str | Path] = [*account.prefix, "sh", "-c", test, "sh", program, folder]
    try:
        answer = subprocess.run(command, capture_output=True, check=False, timeout=PROBE_TIMEOUT_S)
    except OSError:
        return False
    return answer.returncode == 0
