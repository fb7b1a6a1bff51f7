"""The files in `<app>/sql/` are the functions and triggers of the database (CONTRIBUTING.md, Change the SQL)."""

import re
from pathlib import Path
from typing import Final

import pytest
from django.db import connection, transaction

ROOT: Final = Path(__file__).resolve().parent.parent
FILES: Final = {
    str(path.relative_to(ROOT)): path
    for app in ("audit", "routing", "wallet", "issuing")
    for path in sorted((ROOT / app / "sql").rglob("*.sql"))
}
CREATES: Final = re.compile(r"^CREATE OR REPLACE (FUNCTION|TRIGGER) (\w+)", re.MULTILINE)
# Without those that belong to an extension of PostgreSQL.
FUNCTIONS: Final = """
SELECT proname, pg_get_functiondef(oid), format('DROP FUNCTION %s CASCADE', oid::regprocedure)
FROM pg_proc p WHERE pronamespace = current_schema()::regnamespace
  AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = p.oid AND deptype = 'e')
"""
# Without the copies that partitions have of their table's.
TRIGGERS: Final = """
SELECT tgname, pg_get_triggerdef(t.oid), format('DROP TRIGGER %I ON %s', tgname, tgrelid::regclass)
FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid
WHERE NOT tgisinternal AND tgparentid = 0 AND relnamespace = current_schema()::regnamespace
"""

pytestmark = pytest.mark.django_db


def in_database() -> dict[tuple[str, str], tuple[str, str]]:
    """Each function and trigger of ours by kind and name: its definition as PostgreSQL prints it, and its removal."""
    found = {}
    with connection.cursor() as cursor:
        for kind, query in (("FUNCTION", FUNCTIONS), ("TRIGGER", TRIGGERS)):
            for name, definition, drop in cursor.execute(query).fetchall():
                assert (kind, name) not in found, f"two have the name {name}"
                found[kind, name] = (definition, drop)
    return found


def created_by(path: Path) -> tuple[str, str]:
    """The kind and name of the one thing that the file creates."""
    (created,) = CREATES.findall(path.read_text(encoding="utf-8"))
    return created


def test_every_function_and_trigger_has_one_file() -> None:
    in_files = [created_by(path) for path in FILES.values()]
    assert sorted(in_files) == sorted(in_database())


@pytest.mark.parametrize("name", FILES)
def test_database_equals_the_file(name: str) -> None:
    """What the database has is what it would have if the file were installed now."""
    created = created_by(FILES[name])
    before, drop = in_database()[created]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(drop)
        cursor.execute(FILES[name].read_text(encoding="utf-8"))
        after, _ = in_database()[created]
        transaction.set_rollback(True)
    assert after == before, f"make a migration that installs {name}"


@pytest.mark.parametrize("name", FILES)
def test_file_is_where_its_kind_and_name_belong(name: str) -> None:
    kind, created = created_by(FILES[name])
    assert (FILES[name].parent.name == "triggers") == (kind == "TRIGGER")
    assert created.endswith(f"_{FILES[name].stem}")
