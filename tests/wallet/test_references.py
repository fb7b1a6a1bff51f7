"""What postings, obligations and cases call things: one place makes these names and reads them."""

import re
from pathlib import Path

import pytest

from wallet.references import Subject

ROOT = Path(__file__).parents[2]
APPS = ("audit", "issuing", "onecard", "routing", "wallet")
BY_HAND = re.compile(rf"""["'](?:{"|".join(Subject)}):(?:\{{|["'])""")


@pytest.mark.parametrize("subject", Subject)
def test_a_reference_gives_back_its_key_to_its_own_kind_only(subject: Subject) -> None:
    reference = subject.reference(17)
    assert reference == f"{subject.value}:17"
    assert [each for each in Subject if each.named_by(reference)] == [subject]
    assert [each.key_in(reference) for each in Subject if each is subject] == [17]
    assert {each.key_in(reference) for each in Subject if each is not subject} == {None}


@pytest.mark.parametrize("reference", ["", "authorization", "authorization:", "authorization:x", "authorization:-1"])
def test_no_key_is_read_from_a_broken_reference(reference: str) -> None:
    assert Subject.PURCHASE.key_in(reference) is None


@pytest.mark.parametrize("digits", ["٣", "²", "1:2", " 1", "1_0"])
def test_a_key_is_written_in_plain_digits(digits: str) -> None:
    assert Subject.PURCHASE.key_in(f"authorization:{digits}") is None


def test_python_code_builds_no_reference_by_hand() -> None:
    """SQL texts spell the names, since a statement is read as a whole; they concatenate with `||`."""
    sources = (path for app in APPS for path in (ROOT / app).rglob("*.py") if "migrations" not in path.parts)
    lines = ((path, line) for path in sources for line in path.read_text().splitlines() if "||" not in line)
    found = [f"{path.relative_to(ROOT)}: {line.strip()}" for path, line in lines if BY_HAND.search(line)]
    assert [each for each in found if "starts_with(" not in each and "SELECT" not in each] == []
