"""A form with a file in it (multipart/form-data): its texts, and what is known of the file without its content."""

import hashlib
import re

from tests.sandbox.forms import FormError
from tests.sandbox.wire import Json

TYPE = "multipart/form-data"
# By the content's first bytes.
_BEGINS = {b"%PDF-": "pdf", b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "jpg"}
_NAME = re.compile(r'\bname="([^"]*)"')
_FILENAME = re.compile(r'\bfilename="([^"]*)"')


def parse_multipart(content_type: str, body: str) -> Json:
    """Read a form whose bytes were decoded as Latin-1; raises FormError for anything else."""
    _, _, boundary = content_type.partition("boundary=")
    if not boundary:
        raise FormError("The multipart form has no boundary.")
    form: Json = {}
    for part in body.split(f"--{boundary.strip(chr(34))}")[1:-1]:
        head, _, content = part.removeprefix("\r\n").partition("\r\n\r\n")
        name = _NAME.search(head)
        if name is None:
            raise FormError("A part of the multipart form has no name.")
        form[name[1]] = _read(head, content.removesuffix("\r\n"))
    return form


def _read(head: str, content: str) -> str | Json:
    filename = _FILENAME.search(head)
    raw = content.encode("latin-1")
    if filename is None:
        return raw.decode("utf-8", errors="replace")
    kind = next((kind for begins, kind in _BEGINS.items() if raw.startswith(begins)), "")
    return {"filename": filename[1], "size": len(raw), "type": kind, "sha256": hashlib.sha256(raw).hexdigest()}
