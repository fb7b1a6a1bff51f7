"""10 000 old documents with 100 bad ones: 9 900 in, 100 named by line and reason, and a second run changes nothing.

The suite takes 1 000 documents with as many bad ones, `make proofs` takes 10 000.
"""

import random
import time
from pathlib import Path

import pytest

from issuing.models import CardTransaction, LegacyDocument, VirtualCard
from tests.issuing.legacy.documents import BAD, proof
from tests.issuing.legacy.running import all_rows, run, write
from tests.support.lengths import length

DOCUMENTS = length("LEGACY_DOCUMENTS", short=1_000, whole=10_000)
BAD_ONES = 100
SEED = random.SystemRandom().randrange(10**6)


@pytest.mark.only_in_proofs
@pytest.mark.django_db(transaction=True)
def test_of_all_documents_the_bad_are_named_and_the_others_imported(tmp_path: Path) -> None:
    print(f"seed {SEED}")
    lines, named = proof(SEED, documents=DOCUMENTS, bad=BAD_ONES)
    assert (len(lines), len(named)) == (DOCUMENTS, BAD_ONES)
    assert len(set(named.values())) > 50
    file = write(tmp_path / "old.jsonl", list(lines))

    started = time.perf_counter()
    first = run(file)
    took_s = time.perf_counter() - started
    print(f"{took_s:.1f} s")

    assert (first.status, first.count("Bad"), first.count("Documents read")) == (1, BAD_ONES, DOCUMENTS)
    assert first.count("Virtual cards imported") == VirtualCard.objects.count()
    assert first.count("Transactions imported") == CardTransaction.objects.count()
    assert (
        VirtualCard.objects.count() + CardTransaction.objects.count()
        == DOCUMENTS - BAD_ONES
        == LegacyDocument.objects.count()
    )
    assert first.bad.keys() == named.keys()
    assert not {place: first.bad[place] for place, reason in named.items() if reason not in first.bad[place]}

    before = all_rows()
    second = run(file)
    assert (second.count("Unchanged"), second.count("Bad")) == (DOCUMENTS - BAD_ONES, BAD_ONES)
    assert second.bad.keys() == named.keys()
    assert all_rows() == before
    assert took_s < 60


def test_the_bad_ones_are_of_many_classes() -> None:
    assert len({reason for reason, _make in BAD}) > 50
