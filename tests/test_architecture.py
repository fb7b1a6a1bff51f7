"""Rules of the code that a machine can check."""

import ast
import io
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import models

ROOT = Path(__file__).resolve().parent.parent
OURS = ("onecard", "issuing", "routing", "wallet", "audit")
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
    assert decimals == {"reward_rate", "multiplier", "value"}
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


def test_nothing_but_the_framework_uses_signals() -> None:
    users = [path for path in SOURCES if "signals" in path.read_text(encoding="utf-8") and path.name != "apps.py"]
    assert not [path for path in users if "django.db.models.signals" in path.read_text(encoding="utf-8")]


@pytest.mark.django_db
def test_every_model_change_has_its_migration() -> None:
    said = io.StringIO()
    call_command("makemigrations", dry_run=True, stdout=said)
    assert said.getvalue() == "No changes detected\n"
