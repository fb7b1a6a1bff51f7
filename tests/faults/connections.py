"""Database connections of our own, and statements that fail on them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import connection

from tests.support import stripe_events
from tests.support.threads import at_once


@contextmanager
def administrator() -> Iterator[Any]:
    """A second connection that commits each statement by itself, whatever becomes of ours."""
    settings = connection.settings_dict
    with psycopg.connect(
        host=settings["HOST"] or None,
        port=settings["PORT"] or None,
        user=settings["USER"],
        password=settings["PASSWORD"] or None,
        dbname=settings["NAME"],
        autocommit=True,
    ) as other:
        yield other


@contextmanager
def failing_statement(admin: Any, *, table: str, sqlstate: str) -> Iterator[None]:
    """Every insert into the table fails in the server with this state, as a full disk or a lock time-out does."""
    admin.execute(
        f"CREATE FUNCTION fail_now() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION 'planned' USING ERRCODE = '{sqlstate}'; END $$"
    )
    admin.execute(f"CREATE TRIGGER fail_now BEFORE INSERT ON {table} EXECUTE FUNCTION fail_now()")
    try:
        yield
    finally:
        admin.execute("DROP FUNCTION fail_now CASCADE")


def buy(card: str) -> dict[str, Any]:
    answer: dict[str, Any] = stripe_events.post(stripe_events.authorization_request(card=card, amount=100)).json()
    return answer


def on_a_fresh_connection(work: Callable[[], Any]) -> Any:
    """Runs it in a thread of its own, which has never spoken to the database."""
    return at_once([work])[0]
