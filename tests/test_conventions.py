"""The rules for tests that a machine can check: short names and files, public names only, an assertion in each."""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOTS = ("onecard", "issuing", "routing", "wallet", "audit", "tests")
LONGEST_NAME = 69
MOST_LINES = 400
# Names that Django's models and Python's named tuples document.
DOCUMENTED = ("_meta", "_state", "_default_manager", "_asdict", "_fields", "_make", "_replace")
Function = ast.FunctionDef | ast.AsyncFunctionDef
FILES = {str(path.relative_to(HERE.parent)): ast.parse(path.read_text("utf-8")) for path in HERE.rglob("*.py")}


def test_a_tests_name_is_shorter_than_70_characters() -> None:
    assert not [f"{path}: {test.name}" for path, test in _tests() if len(test.name) > LONGEST_NAME]


def test_a_file_of_tests_has_at_most_400_lines() -> None:
    lines = {path: len((HERE.parent / path).read_text("utf-8").splitlines()) for path in FILES}
    assert not {path: count for path, count in lines.items() if count > MOST_LINES}


def test_a_test_uses_no_private_name_of_our_modules() -> None:
    assert not {path: names for path, tree in FILES.items() if (names := sorted(set(_private_names(tree))))}


def test_each_test_asserts_something_itself() -> None:
    """A helper that asserts for a test says so by its name: `assert_refused`."""
    assert not [f"{path}: {test.name}" for path, test in _tests() if not any(map(_asserts, ast.walk(test)))]


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("from issuing.cards import service\nservice._send()", ["service._send"]),
        ("import onecard.kit.clock as clock\nclock._now", ["clock._now"]),
        ("from wallet.cases import _open", ["wallet.cases._open"]),
        ("from issuing import cards\npatch.setattr(cards, '_send', 1)", ["cards._send"]),
        ("patch.setattr('issuing.cards._send', 1)", ["issuing.cards._send"]),
        ("import os\nos._exit(1)\nself._own = _mine()\nrow._meta", []),
    ],
)
def test_a_private_name_is_found_however_it_is_written(code: str, names: list[str]) -> None:
    assert list(_private_names(ast.parse(code))) == names


@pytest.mark.parametrize(
    ("body", "is_asserting"),
    [
        ("assert x", True),
        ("with pytest.raises(ValueError): f()", True),
        ("with django_assert_num_queries(1): f()", True),
        ("assert_refused(f)", True),
        ("f()", False),
        ("check(f)", False),
    ],
)
def test_an_assertion_is_found_however_it_is_written(body: str, is_asserting: bool) -> None:
    assert any(map(_asserts, ast.walk(ast.parse(body)))) is is_asserting


def _tests() -> Iterator[tuple[str, Function]]:
    for path, tree in FILES.items():
        for node in ast.walk(tree):
            if isinstance(node, Function) and node.name.startswith("test_"):
                yield path, node


def _asserts(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        called = ast.unparse(node.func).rpartition(".")[2]
        return called in ("raises", "fail") or called.startswith(("assert_", "django_assert_"))
    return isinstance(node, ast.Assert)


def _private_names(tree: ast.AST) -> Iterator[str]:
    ours = set(_modules_of_ours(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and _is_ours(node.module or ""):
            yield from (f"{node.module}.{each.name}" for each in node.names if _is_private(each.name))
        elif isinstance(node, ast.Attribute) and _is_private(node.attr) and ast.unparse(node.value) in ours:
            yield ast.unparse(node)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("setattr", "patch", "patch.object")):
            yield from _private_names_patched(node, lambda name: name in ours)


def _private_names_patched(call: ast.Call, is_module: Callable[[str], bool]) -> Iterator[str]:
    given = [each.value if isinstance(each, ast.Constant) else ast.unparse(each) for each in call.args[:2]]
    first, second = (str(each) for each in (*given, "", "")[:2])
    if _is_ours(first) and _is_private(first.rpartition(".")[2]):
        yield first
    elif is_module(first) and _is_private(second):
        yield f"{first}.{second}"


def _modules_of_ours(tree: ast.AST) -> Iterator[str]:
    """The names under which a file imports our modules, classes and functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and _is_ours(node.module or ""):
            yield from (each.asname or each.name for each in node.names)
        elif isinstance(node, ast.Import):
            yield from (each.asname or each.name for each in node.names if _is_ours(each.name))


def _is_ours(module: str) -> bool:
    return module.split(".", maxsplit=1)[0] in ROOTS


def _is_private(name: str) -> bool:
    return re.match(r"_[a-zA-Z]", name) is not None and name not in DOCUMENTED
