"""The data of a private PostgreSQL whose one database is migrated, kept between test runs: migrating takes a minute.

It is used for as long as no migration, no requirement and no settings of the database server changes.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from onecard.dev.errors import LauncherError
from onecard.dev.private_postgres import data_folder
from onecard.dev.services import BASE, private_services
from onecard.dev.stack import MANAGE
from onecard.dev.supervisor import CHECKOUT
from onecard.dev.waiting import say

KEPT: Final = BASE / "migrated"
APPS: Final = ("audit", "issuing", "onecard", "routing", "wallet")


def kept_data() -> Path:
    """Returns the folder of the data, which it makes if there is none for these migrations; raises LauncherError."""
    KEPT.mkdir(mode=0o700, parents=True, exist_ok=True)
    place = KEPT / _key()
    with (KEPT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists():
            say("Migrating a database for the tests (a minute, once for these migrations) ...")
            _make(place)
    return place


def _make(place: Path) -> None:
    for old in KEPT.iterdir():
        if old.is_dir():
            shutil.rmtree(old)
    with private_services("test") as services:
        command = [*MANAGE, "migrate", "--no-input", "--verbosity=0"]
        environment = {**os.environ, "DATABASE_URL": services.database_url}
        if subprocess.run(command, cwd=CHECKOUT, env=environment, check=False).returncode:
            raise LauncherError("The database of the tests could not be migrated; what migrate said stands above.")
        data = data_folder(services.folder)
    # Renamed when it is complete: an interrupted run leaves nothing half made.
    half = place.with_name("half")
    shutil.copytree(data, half, symlinks=True)
    half.rename(place)


def _key() -> str:
    """Says what the data was made from."""
    files = [CHECKOUT / "requirements-dev.txt", CHECKOUT / "onecard/dev/private_postgres.py"]
    for app in APPS:
        files += [*(CHECKOUT / app).rglob("migrations/**/*.py"), *(CHECKOUT / app).rglob("*.sql")]
    digest = hashlib.sha256(os.environ.get("ONECARD_PRIVATE_BINARIES", "").encode())
    for path in sorted(files):
        digest.update(f"{path.relative_to(CHECKOUT)}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:32]
