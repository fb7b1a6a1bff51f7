"""Statistics are gathered beside other databases of the same server."""

import pytest
from django.db import connection

from tests.support import table_statistics
from tests.support.locks import held_elsewhere

pytestmark = pytest.mark.django_db


def test_a_count_of_what_all_databases_share_holds_up_nobody() -> None:
    with held_elsewhere("ANALYZE pg_database"):
        table_statistics.gather()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stats WHERE schemaname = 'public'")
        assert cursor.fetchone()[0] > 0
