"""Statistics of the tables, for tests and proofs that ask for plans, or for sizes, right after they filled them."""

from django.db import connection


def gather() -> None:
    """Counts all tables of our schema.

    Not the whole database: that counts what a server keeps for all of its databases as well, and waits for as long as
    a transaction of another one that has done so.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(format('%I', tablename), ', ') FROM pg_tables WHERE schemaname = 'public'")
        cursor.execute(f"ANALYZE {cursor.fetchone()[0]}")
