"""The nginx configuration of docs/deployment.md, written for this machine: no TLS, and other ports."""

import os
import re
import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

from onecard.dev.ports import HOST
from onecard.dev.supervisor import CHECKOUT

MISSING: Final = "nginx is missing: apt-get install nginx-light"
BLOCK: Final = re.compile(r"# --8<-- http\n(.*?)# --8<-- end", re.DOTALL)
DOORS: Final = re.compile(r"( *)server 127\.0\.0\.1:800[13]([^;]*);\n(?: *server 127\.0\.0\.1:800[13][^;]*;\n)*")
FRAME: Final = """
{user}
daemon off;
pid {folder}/nginx.pid;
error_log stderr crit;
events {{ worker_connections 2048; }}
http {{
access_log off;
client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
{documented}
}}
"""


def find_nginx() -> str | None:
    """Returns the program's path; None where it is not installed."""
    return shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


def nginx_command(
    program: str, folder: Path, *, listen: int, doors: Sequence[int], desk: int, an_address: int = 50
) -> list[str]:
    """Writes the configuration into the folder and returns the command; the ports are those of the services.

    An address may have so many requests under way.
    """
    # Its workers write bodies into our folder, so they are run by us: as root it would give them to nobody.
    user = "user root;" if os.geteuid() == 0 else ""
    block = documented(listen=listen, doors=doors, desk=desk)
    block = block.replace("limit_conn per_address 50;", f"limit_conn per_address {an_address};")
    configuration = folder / "nginx.conf"
    configuration.write_text(FRAME.format(user=user, folder=folder, documented=block))
    return [program, "-p", str(folder), "-c", str(configuration)]


def documented(*, listen: int, doors: Sequence[int], desk: int) -> str:
    """Returns the block of the page with these ports."""
    found = BLOCK.search((CHECKOUT / "docs" / "deployment.md").read_text())
    assert found is not None, "docs/deployment.md has no block of nginx"
    block = found.group(1).replace("443 ssl", f"{HOST}:{listen}").replace("cards.example.com", "_")
    block = block.replace("127.0.0.1:8002", f"{HOST}:{desk}")
    block, count = DOORS.subn(partial(_servers, doors), block)
    assert count == 1, "docs/deployment.md names the services of the doors elsewhere"
    return block


def _servers(doors: Sequence[int], line: re.Match[str]) -> str:
    return "".join(f"{line[1]}server {HOST}:{port}{line[2]};\n" for port in doors)
