"""The threat model names tests that exist."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "threat-model.md"
# Written as `faults/test_x.py: test_one, test_two`, from the folder tests/ on.
NAMED = re.compile(r"`([\w/]+\.py): ([\w, ]+)`")


def test_every_test_that_the_threat_model_names_exists() -> None:
    named = NAMED.findall(DOCUMENT.read_text(encoding="utf-8"))
    missing = [
        f"{path}: {name}"
        for path, names in named
        for name in names.split(", ")
        if name not in _functions(ROOT / "tests" / path)
    ]
    assert named
    assert not missing


def test_every_threat_names_a_test() -> None:
    threats = [line for line in DOCUMENT.read_text(encoding="utf-8").splitlines() if re.match(r"\| T\d+ ", line)]
    assert threats
    assert not [line for line in threats if not NAMED.search(line)]


def _functions(path: Path) -> set[str]:
    if not path.is_file():
        return set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
