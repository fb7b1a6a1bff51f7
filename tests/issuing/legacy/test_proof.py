"""10 000 old documents with 100 bad ones: 9 900 in, 100 named by line and reason, and a second run changes nothing."""

import random
import time
from pathlib import Path

import pytest

from issuing.models import CardTransaction, LegacyDocument, VirtualCard
from tests.issuing.legacy.documents import BAD, proof
from tests.issuing.legacy.running import all_rows, run, write

SEED = random.SystemRandom().randrange(10**6)


@pytest.mark.django_db(transaction=True)
def test_of_10_000_documents_9_900_are_imported_and_100_are_named(tmp_path: Path) -> None:
    print(f"seed {SEED}")
    lines, named = proof(SEED)
    assert (len(lines), len(named)) == (10_000, 100)
    assert len(set(named.values())) > 50
    file = write(tmp_path / "old.jsonl", list(lines))

    started = time.perf_counter()
    first = run(file)
    took_s = time.perf_counter() - started
    print(f"{took_s:.1f} s")

    assert (first.status, first.count("Bad"), first.count("Documents read")) == (1, 100, 10_000)
    assert first.count("Virtual cards imported") == VirtualCard.objects.count()
    assert first.count("Transactions imported") == CardTransaction.objects.count()
    assert VirtualCard.objects.count() + CardTransaction.objects.count() == 9_900 == LegacyDocument.objects.count()
    assert first.bad.keys() == named.keys()
    assert not {place: first.bad[place] for place, reason in named.items() if reason not in first.bad[place]}

    before = all_rows()
    second = run(file)
    assert (second.count("Unchanged"), second.count("Bad")) == (9_900, 100)
    assert second.bad.keys() == named.keys()
    assert all_rows() == before
    assert took_s < 60


def test_the_bad_ones_are_of_many_classes() -> None:
    assert len({reason for reason, _make in BAD}) > 50
