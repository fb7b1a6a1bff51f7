"""Databases that a measurement or a proof has to itself."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

from django.conf import settings
from django.db import connection

from tests.support.template_database import migrated_template


@contextmanager
def own_database() -> Iterator[str]:
    """A fresh migrated database for this process, dropped at the end; gives its URL for other processes."""
    before, name = connection.settings_dict["NAME"], connection.creation._get_test_db_name()  # type: ignore[attr-defined]
    try:
        # Without a template it takes a minute, in which it may be interrupted as well.
        connection.settings_dict["TEST"]["TEMPLATE"] = migrated_template()
        connection.creation.create_test_db(verbosity=0, autoclobber=True)
        yield url_of(name)
    finally:
        _connect(before)
        _drop(name)


@contextmanager
def copy_of_own_database(suffix: str) -> Iterator[str]:
    """A copy of the process's own database as it is now, dropped at the end; gives its name."""
    name = connection.creation.get_test_db_clone_settings(suffix)["NAME"]
    try:
        connection.creation.clone_test_db(suffix, verbosity=0, autoclobber=True)
        yield name
    finally:
        connection.close()
        _drop(name)


@contextmanager
def connected_to(name: str) -> Iterator[None]:
    """This process's connection leads to another database meanwhile."""
    before = connection.settings_dict["NAME"]
    _connect(name)
    try:
        yield
    finally:
        _connect(before)


def url_of(name: str) -> str:
    """Returns the URL of a database of the same server, for other processes."""
    parts = urlsplit(os.environ["DATABASE_URL"])
    # Only the last part is the database's name: a socket's folder may stand before it.
    return urlunsplit(parts._replace(path=f"{parts.path.rpartition('/')[0]}/{name}"))


def _connect(name: str) -> None:
    connection.close()
    settings.DATABASES["default"]["NAME"] = connection.settings_dict["NAME"] = name


def _drop(name: str) -> None:
    with connection._nodb_cursor() as cursor:
        # With whoever is connected: the session of an interrupted statement ends a moment later.
        cursor.execute(f"DROP DATABASE IF EXISTS {connection.ops.quote_name(name)} WITH (FORCE)")
