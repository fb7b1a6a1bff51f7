"""Rules of the code that a machine can check."""

import ast
import io
import re
from functools import cache
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import models

from onecard.users.roles import ROLES
from tests.support.permissions import asked_for

ROOT = Path(__file__).resolve().parent.parent
# A group may hold any permission, so no role may edit one.
SUPERUSERS_ONLY = {"auth.add_group", "auth.change_group", "auth.delete_group"}
OURS = ("onecard", "issuing", "routing", "wallet", "audit")
# What starts a part of a way: an address, a task, or the relay's own process.
STARTS = ("onecard/urls.py", "issuing/tasks.py", "wallet/tasks.py", "onecard/outbox/management/commands/relay.py")
# The tables of docs/architecture.md, with the steps of a capture that each begins with.
WAYS = {"A decision": 0, "A capture": 0, "A refund": 5, "A dispute": 4}
# Where a way leads back to a file that it has left, and why.
LED_BACK = {
    ("issuing/handlers/dispatch.py", "issuing/inbox/deliveries.py"),  # It marks the event as handled.
    ("wallet/refunds/send.py", "wallet/refunds/records.py"),  # It records the answer in the row that it sent.
}
# Where database errors are caught and no transaction can be open: the doors, what starts a process, and these.
OUTSIDE_ANY_TRANSACTION = (
    "issuing/authorizations/",
    "issuing/webhooks/",
    "issuing/journal.py",  # Whoever writes out what waits is in no transaction.
    "issuing/cards/cutover.py",  # It refuses to run in a transaction.
    "issuing/legacy/importing.py",  # It catches what its transaction of a batch raises.
    "audit/edits.py",  # Around Django's own transaction of an edit.
    "onecard/archive/run.py",  # It refuses to run in a transaction.
    "wallet/checks.py",
    "onecard/metrics/",
    "onecard/health.py",
    "onecard/task_subjects.py",  # Before a task begins.
    "onecard/desk/task_runs.py",
    "onecard/demo/world.py",
    "onecard/kit/postgresql/base.py",
    "onecard/kit/postgresql/loop_connection.py",
)
SOURCES = [path for app in OURS for path in (ROOT / app).rglob("*.py") if "migrations" not in path.parts]


def test_no_amount_is_a_float_or_a_decimal_and_each_says_its_unit() -> None:
    """Money is whole minor units (money-safety I3); rates and multipliers are no money."""
    fields = [
        field
        for config in apps.get_app_configs()
        if config.name.split(".")[0] in OURS
        for model in config.get_models()
        for field in model._meta.get_fields()
        if isinstance(field, models.Field)
    ]
    assert not [field for field in fields if isinstance(field, models.FloatField)]
    decimals = {field.name for field in fields if isinstance(field, models.DecimalField)}
    # The sum of squares of a card's amounts is beyond 64 bits, whole, and no amount itself.
    rates = {"base_rate", "rate", "rate_after", "foreign_fee_percent", "cents_per_point", "cash_out_cents"}
    assert decimals == {"reward_rate", "multiplier", "value", "squares", *rates}
    amounts = [field for field in fields if field.name.endswith("_minor")]
    assert amounts
    assert all(isinstance(field, models.BigIntegerField) for field in amounts)


def test_only_the_clock_reads_the_time_in_the_domain() -> None:
    offenders = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in SOURCES
        if path.parts[len(ROOT.parts)] != "onecard"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
        and node.attr in ("now", "utcnow", "today")
        and isinstance(node.value, ast.Name)
        and node.value.id in ("datetime", "dt", "timezone", "date")
    ]
    assert not offenders


def test_no_file_is_too_long_to_read_in_a_sitting() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES}
    assert not {name: lines for name, lines in lengths.items() if lines > 320}


@pytest.mark.parametrize("name", ["utils", "helpers", "common", "misc", "manager"])
def test_no_drawer_without_a_name(name: str) -> None:
    assert not [path for path in SOURCES if path.stem == name]


def test_a_refusal_of_the_database_is_caught_outside_its_unit() -> None:
    """What the database refuses makes the rest of its transaction useless, but for a savepoint (money-safety T10)."""
    caught = {
        str(path.relative_to(ROOT))
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Try) and _catches_the_database(node) and not _is_a_unit(node.body)
    }
    starts = tuple(name for name in caught if name.startswith(OUTSIDE_ANY_TRANSACTION) or "/commands/" in name)
    assert not caught - set(starts)
    assert all(any(name.startswith(start) for name in starts) for start in OUTSIDE_ANY_TRANSACTION)


def _catches_the_database(node: ast.Try) -> bool:
    named = {
        part for handler in node.handlers if handler.type for part in re.findall(r"\w+", ast.unparse(handler.type))
    }
    return bool(named & {"DatabaseError", "DataError", "IntegrityError", "OperationalError"})


def _is_a_unit(body: list[ast.stmt]) -> bool:
    """Returns whether a block consists of `with savepoint():` or `with transaction():` alone."""
    units = [ast.unparse(item.context_expr) for part in body if isinstance(part, ast.With) for item in part.items]
    return len(body) == 1 and not {"savepoint()", "transaction()"}.isdisjoint(units)


def test_nothing_but_the_framework_uses_signals() -> None:
    users = [path for path in SOURCES if "signals" in path.read_text(encoding="utf-8") and path.name != "apps.py"]
    assert not [path for path in users if "django.db.models.signals" in path.read_text(encoding="utf-8")]


def test_each_permission_that_the_product_asks_for_is_in_a_role() -> None:
    """A new one goes to the roles that need it, in onecard/users/roles.py; then `manage.py describe_roles`."""
    given = {permission for role in ROLES.values() for permission in role.permissions}

    assert asked_for() - given - SUPERUSERS_ONLY == set()
    assert given - asked_for() == set()


@pytest.mark.django_db
def test_every_model_change_has_its_migration() -> None:
    said = io.StringIO()
    call_command("makemigrations", dry_run=True, stdout=said)
    assert said.getvalue() == "No changes detected\n"


@pytest.mark.parametrize("way", WAYS)
def test_each_file_of_a_way_is_reached_from_an_earlier_one(way: str) -> None:
    reached: list[str] = list(STARTS)
    lost = []
    for files in _steps(way):
        reached += files
        lost += [file for file in files if not any(file in _imported_by(each) for each in reached if each != file)]
    # The server calls the first file; onecard/celery.py names the tasks by their texts.
    assert set(lost) <= {"onecard/asgi.py", "issuing/tasks.py", "wallet/tasks.py"}


@pytest.mark.parametrize("way", WAYS)
def test_a_way_leads_down_and_not_back(way: str) -> None:
    steps = _steps(way)
    # A capture's last step begins anew, by an event or a sweeper of its own.
    steps = steps[:-1] if way == "A capture" else steps
    left: set[str] = set()
    back = set()
    for files in steps:
        back |= {(file, earlier) for file in files for earlier in _imported_by(file) & left}
        left |= set(files)
    assert back <= LED_BACK


def _steps(way: str) -> list[list[str]]:
    """The files of each step of a way, as the tables of docs/architecture.md list them."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    section = text.split(f"\n## {way}\n")[1].split("\n## ")[0]
    steps = [re.findall(r"`([\w/]+\.py)`", line) for line in section.splitlines() if re.match(r"\| \d+ \|", line)]
    assert steps
    return _steps("A capture")[: WAYS[way]] + steps if WAYS[way] else steps


@cache
def _imported_by(file: str) -> frozenset[str]:
    """The files of ours that a file imports, directly."""
    found = set()
    for node in ast.walk(ast.parse((ROOT / file).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{each.name}" for each in node.names)}
    return frozenset(f"{name.replace('.', '/')}.py" for name in found)
