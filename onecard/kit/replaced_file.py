"""A file that is written beside its place and moved there, so that there is never half a file."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO


@contextlib.contextmanager
def replacing(file: Path) -> Iterator[TextIO]:
    """Opens a text file that takes the place of `file` at the end; an error leaves the old one. Raises OSError."""
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with open(descriptor, "w", encoding="utf-8", newline="") as opened:  # noqa: PTH123  # a descriptor, no path
            yield opened
            opened.flush()
            os.fsync(opened.fileno())
        os.chmod(name, 0o644)  # noqa: PTH101
        os.replace(name, file)  # noqa: PTH105
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
