"""The documents name files, functions, tests and rules that exist."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from onecard.users import roles_page
from wallet.models import Case

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
# What was true when it was written stays there.
HISTORY = ROOT / "CHANGELOG.md"
# Written as `folder/file.py`, or `folder/file.py: one, two` with functions or classes of that file.
FOLDERS = "onecard|issuing|routing|wallet|audit|tests|docs|templates|fixtures"
NAMED = re.compile(rf"`((?:{FOLDERS})/[\w./-]+\.\w+)(?:: ([\w, ]+))?`")
LINKED = re.compile(r"\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)")
RULE = re.compile(r"^\| ([IFT]\d+) \| ", re.MULTILINE)
CITED = re.compile(r"money-safety ((?:[IFT]\d+(?:, | and | to )?)+)")
# Written as (docs/page.md, Heading) or (docs/page.md, One heading, Another).
SECTION = re.compile(r"(docs/[\w/-]+\.md)((?:, [A-Z][\w -]+)+)[);:.]")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_document_names_what_exists(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    missing = [link for link in LINKED.findall(text) if not (document.parent / link).exists()]
    for path, names in NAMED.findall(text) if document != HISTORY else []:
        if not (ROOT / path).is_file():
            missing.append(path)
        else:
            missing += [f"{path}: {name}" for name in re.findall(r"\w+", names) if name not in _defined_in(ROOT / path)]
    assert not missing


def test_every_rule_of_money_safety_is_there_once_and_names_a_test() -> None:
    text = (ROOT / "docs" / "money-safety.md").read_text(encoding="utf-8")
    numbered = [*(f"I{n}" for n in range(1, 19)), *(f"F{n}" for n in range(1, 19)), *(f"T{n}" for n in range(1, 20))]
    assert RULE.findall(text) == numbered
    assert not [line for line in text.splitlines() if RULE.match(line) and "`tests/" not in line]


def test_every_rule_that_code_cites_exists() -> None:
    rules = set(RULE.findall((ROOT / "docs" / "money-safety.md").read_text(encoding="utf-8")))
    cited = {
        (str(path.relative_to(ROOT)), rule)
        for path in _texts()
        for found in CITED.findall(path.read_text(encoding="utf-8"))
        for rule in re.findall(r"[IFT]\d+", found)
    }
    assert cited
    assert not {(path, rule) for path, rule in cited if rule not in rules}


def test_decisions_have_every_number_once_and_are_listed() -> None:
    folder = ROOT / "docs" / "decisions"
    records = sorted(folder.glob("0*.md"))
    assert [path.name[:4] for path in records] == [f"{number:04}" for number in range(1, len(records) + 1)]
    listed = (folder / "README.md").read_text(encoding="utf-8")
    for path in records:
        heading = path.read_text(encoding="utf-8").splitlines()[0]
        assert heading.startswith(f"# {path.name[:4]} ")
        assert f"[{path.name[:4]}]({path.name}) | {heading[7:]} |" in listed


def test_every_decision_that_is_cited_exists() -> None:
    records = {path.name[:4] for path in (ROOT / "docs" / "decisions").glob("0*.md")}
    cited = {number for path in _texts() for number in re.findall(r"docs/decisions/(\d{4})", path.read_text("utf-8"))}
    assert cited
    assert cited <= records


def test_every_environment_variable_is_explained() -> None:
    read = re.compile(r"environment\.\w+\(\s*\"([A-Z_]+)\"")
    variables = {name for path in (ROOT / "onecard").rglob("*.py") for name in read.findall(path.read_text("utf-8"))}
    assert len(variables) > 30
    page = (ROOT / "docs" / "environment.md").read_text(encoding="utf-8")
    assert not {name for name in variables if f"`{name}`" not in page}


def test_every_command_is_explained() -> None:
    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named_by_make = set(re.findall(r"\$\(LAUNCHER\) (?:manage )?(\w+)", makefile))
    files = [path for folder in FOLDERS.split("|") for path in (ROOT / folder).rglob("management/commands/*.py")]
    commands = {path.stem for path in files if path.stem != "__init__"}
    assert not {name for name in commands - named_by_make if f"manage.py {name}" not in page}
    targets = set(re.findall(r"^([a-z]+):.*## ", makefile, re.MULTILINE)) - {"help", "setup", "format", "clean"}
    assert not {name for name in targets - {"lint", "types", "layers"} if f"`make {name}" not in page}


def test_the_runbook_says_what_to_do_about_each_kind_of_case() -> None:
    page = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
    assert not [kind.label for kind in Case.Kind if f"\n| {kind.label} |" not in page]


def test_the_glossary_has_each_term_once() -> None:
    page = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    terms = [term.strip() for row in re.findall(r"^\| ([^|]+) \| ", page, re.MULTILINE) for term in row.split(",")]
    assert len(terms) > 50
    assert not {term for term in terms if terms.count(term) > 1 and term != "word"}


def test_the_readme_is_short_and_its_commands_exist() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 120
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert not [name for name in re.findall(r"make ([a-z]+)", text) if f"\n{name}:" not in makefile]
    commands = {
        path.stem for folder in FOLDERS.split("|") for path in (ROOT / folder).rglob("management/commands/*.py")
    }
    assert not set(re.findall(r"manage\.py ([a-z_]+)", text)) - commands


def test_the_changelog_keeps_its_form() -> None:
    lines = HISTORY.read_text(encoding="utf-8").splitlines()
    versions = [line for line in lines if line.startswith("## ")]
    assert versions[0] == "## [Unreleased]"
    dates = [re.fullmatch(r"## \[\d+\.\d+\.\d+\] - (\d{4}-\d\d-\d\d)", line) for line in versions[1:]]
    days = [date[1] for date in dates if date]
    assert len(days) == len(dates)
    assert days == sorted(days, reverse=True)
    kinds = {line for line in lines if line.startswith("### ")}
    assert kinds <= {f"### {kind}" for kind in ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")}


def test_every_section_that_code_cites_exists() -> None:
    cited = {
        (str(path.relative_to(ROOT)), page, heading)
        for path in _texts()
        for page, headings in SECTION.findall(re.sub(r"\s+(# )?", " ", path.read_text(encoding="utf-8")))
        for heading in headings.removeprefix(", ").split(", ")
    }
    assert cited
    assert not {(path, page, heading) for path, page, heading in cited if heading not in _headings(page)}


def _texts() -> Iterator[Path]:
    """Everything of ours that may cite a page."""
    for folder in FOLDERS.split("|"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in (".py", ".md", ".sql", ".html") and path != Path(__file__):
                yield path


def _headings(page: str) -> list[str]:
    path = ROOT / page
    return re.findall(r"^## (.+)$", path.read_text("utf-8"), re.MULTILINE) if path.is_file() else []


@cache
def _defined_in(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, kinds))


def test_the_page_about_roles_is_that_of_the_code() -> None:
    written = (ROOT / "docs" / "roles.md").read_text(encoding="utf-8")

    assert written == roles_page.page(), "run: manage.py describe_roles > docs/roles.md"
