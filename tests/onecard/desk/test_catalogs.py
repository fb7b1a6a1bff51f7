"""The German catalogs: complete, compiled as they are written, and without a text of the code missing."""

import re
import shutil
from pathlib import Path

import polib
import pytest
from django.apps import apps
from django.contrib import admin
from django.utils.functional import Promise

from onecard.desk.column_names import COLUMNS
from onecard.desk.names import APPS, TABLES
from onecard.dev.german import CATALOG, extract
from onecard.settings import BASE_DIR
from tests.onecard.desk.german_pages import CATALOGS, catalog

PLACEHOLDERS = re.compile(r"%\(\w+\)[a-z]|%[a-z]|\{\w*\}")
SOURCES = ("audit", "issuing", "onecard", "routing", "templates", "wallet", "locale")


@pytest.mark.parametrize("folder", CATALOGS, ids=lambda folder: folder.name)
def test_the_compiled_catalog_is_the_written_one(folder: Path) -> None:
    written = catalog(folder)

    assert (folder / "de" / "LC_MESSAGES" / "django.mo").read_bytes() == written.to_binary()
    assert [entry.msgid for entry in written if not entry.translated() or entry.fuzzy or entry.obsolete] == []


@pytest.mark.parametrize("folder", CATALOGS, ids=lambda folder: folder.name)
def test_each_translation_has_the_placeholders_of_its_text(folder: Path) -> None:
    different = [
        entry.msgid
        for entry in catalog(folder)
        for text in [entry.msgstr, *entry.msgstr_plural.values()]
        if text
        and set(PLACEHOLDERS.findall(text)) != set(PLACEHOLDERS.findall(entry.msgid))
        and "%" in text + entry.msgid
    ]

    assert different == []


@pytest.mark.skipif(shutil.which("xgettext") is None, reason="GNU gettext is not installed, so nothing is extracted.")
def test_extraction_finds_nothing_that_german_lacks(tmp_path: Path) -> None:
    for name in SOURCES:
        shutil.copytree(
            BASE_DIR / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "static", "*.mo")
        )
    extract(tmp_path)
    found = polib.pofile(str(tmp_path / CATALOG))

    known = {(entry.msgctxt, entry.msgid) for entry in catalog(BASE_DIR / "locale")}
    used = {(entry.msgctxt, entry.msgid) for entry in found}
    assert used - known == set(), "make german ARGS=--write puts them into the catalog, to be translated"
    assert known - used == set(), "make german ARGS=--write takes them out"


def test_each_table_and_column_that_staff_see_has_a_name_to_translate() -> None:
    shown = {model for model in admin.site._registry if model._meta.app_label in APPS}
    shown |= {inline.model for each in admin.site._registry.values() for inline in each.inlines}
    unnamed = {model._meta.label_lower for model in shown} - set(TABLES)
    columns = {
        str(field.verbose_name)
        for model in shown & {each for label in APPS for each in apps.get_app_config(label).get_models()}
        for field in (*model._meta.fields, *model._meta.many_to_many)
        if _is_derived(field)
    }

    assert {name for name in unnamed if name.split(".")[0] in APPS} == set()
    assert columns - set(COLUMNS) == set()


def _is_derived(field: object) -> bool:
    given = getattr(field, "_verbose_name", None)
    return given is None or not isinstance(given, Promise)
