"""Every threat of the threat model names a test; tests/test_documents.py checks that those tests exist."""

import re
from pathlib import Path

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "threat-model.md"


def test_every_threat_names_a_test() -> None:
    threats = [line for line in DOCUMENT.read_text(encoding="utf-8").splitlines() if re.match(r"\| T\d+ ", line)]
    assert threats
    assert not [line for line in threats if not re.search(r"`tests/[\w/]+\.py: \w+", line)]
