"""The rules that a machine can check.

Of tests: short names and files, public names only, an assertion in each. Of the product: names without private words.
"""

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
# Words that only their author understood, and the word to use instead (docs/glossary.md).
PRIVATE_WORDS = {
    "act": "action, button or confirmation",
    "acts": "actions",
    "courier": "delivery",
    "heal": "take over",
    "judge": "check or sort",
    "judged": "checked",
    "judgement": "result",
    "letter": "mail",
    "news": "update",
    "owing": "amount due",
    "patience": "time limit or retry policy",
    "seen": "shown or counted",
    "settle": "close out, finish or resolve",
    "shelf": "store",
    "standing": "status",
    "story": "page",
    "stretch": "batch or time budget",
    "surplus": "overpayment",
    "tell": "notify or write a notice",
    "telling": "notice",
    "told": "reported",
    "trouble": "failure",
    "weather": "random faults",
    "wish": "request",
    "wishes": "options",
    "worth": "value or converted amount",
}
# Columns, tasks and addresses are stored, so they keep their names.
STORED_NAMES = {
    *("cards_seen", "events_seen", "transactions_seen", "identity_standing", "settle_due_at", "told_at"),
    *("enter_worth", "tell_of_webhook_off"),
}
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


@pytest.mark.parametrize("app", [root for root in ROOTS if root != "tests"])
def test_names_of_the_product_have_no_private_word(app: str) -> None:
    found = {
        f"{path.relative_to(HERE.parent)}: {name}": PRIVATE_WORDS[word]
        for path in (HERE.parent / app).rglob("*.py")
        if "migrations" not in path.parts
        for name in {path.stem, *_names_given(ast.parse(path.read_text("utf-8")))} - STORED_NAMES
        for word in _words_of(name)
        if word in PRIVATE_WORDS
    }
    assert not found


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("class ShownVerdict: pass", {"shown", "verdict"}),
        ("def _tell_it(the_wish): news = 1", {"tell", "it", "the", "wish", "news"}),
        ("PATIENCE_S, other.told = 1, 2", {"patience", "s", "told"}),
        ("import wallet.kyc as standing\nbought(seen=1)", {"standing"}),
    ],
)
def test_a_word_is_found_in_whatever_gets_a_name(code: str, words: set[str]) -> None:
    assert {word for name in _names_given(ast.parse(code)) for word in _words_of(name)} == words


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
        return called in ("raises", "fail", "expect") or called.startswith(("assert_", "django_assert_"))
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


def _names_given(tree: ast.AST) -> Iterator[str]:
    """The names that a file gives to something; not those that it only uses."""
    for node in ast.walk(tree):
        if isinstance(node, Function | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr
        elif isinstance(node, ast.alias) and node.asname:
            yield node.asname


def _words_of(name: str) -> list[str]:
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)]


def _is_ours(module: str) -> bool:
    return module.split(".", maxsplit=1)[0] in ROOTS


def _is_private(name: str) -> bool:
    return re.match(r"_[a-zA-Z]", name) is not None and name not in DOCUMENTED
