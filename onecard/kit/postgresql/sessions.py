"""Gives this thread a database session of its own, for tables and locks that last as long as the session.

No pooler may be in between.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db import connection

from onecard.kit.errors import OneCardError


class NoSessionError(OneCardError):
    """The database is reached through a pooler that keeps no session for one client."""

    code = "no_session"


@contextmanager
def own_session(direct: Mapping[str, Any] | None) -> Iterator[None]:
    """Inside, this thread's connection has a session of its own; not within a transaction.

    Inside another one it is the same session. `direct` are Django's settings of the database itself, where
    DATABASE_URL is a pooler's. Raises NoSessionError when there is a pooler and they are not given.
    """
    link: Any = connection
    usual = link.settings_dict
    is_direct = direct is None or all(usual.get(name) == value for name, value in direct.items())
    if not is_direct and not link.in_atomic_block:
        link.close()
        link.settings_dict = {**usual, **(direct or {})}
    try:
        link.ensure_connection()
        if link.is_pooled:
            raise NoSessionError(
                "DATABASE_URL is a pooler's, which keeps no session, and this work needs one; set DATABASE_DIRECT_URL "
                "to the database itself."
            )
        yield
    finally:
        if link.settings_dict is not usual:
            link.close()
            link.settings_dict = usual
