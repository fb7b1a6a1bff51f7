"""Whether each worker's database is a copy of the migrated one, which is quicker than migrating."""

import os

from onecard.dev.private_postgres import NAME

# Set where the server is the run's own; a server that a person named has no such database.
IS_THERE = "ONECARD_TEST_TEMPLATE"


def migrated_template() -> str | None:
    """Returns the name of the database to copy, or None."""
    return NAME if os.environ.get(IS_THERE) else None
