"""A database that a measurement or a proof has to itself."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

from django.db import connection


@contextmanager
def own_database() -> Iterator[str]:
    """A fresh migrated database for this process, dropped at the end; gives its URL for other processes."""
    name = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0, autoclobber=True)
    try:
        parts = urlsplit(os.environ["DATABASE_URL"])
        # Only the last part is the database's name: a socket's folder may stand before it.
        path = f"{parts.path.rpartition('/')[0]}/{connection.settings_dict['NAME']}"
        yield urlunsplit(parts._replace(path=path))
    finally:
        connection.creation.destroy_test_db(name, verbosity=0)
