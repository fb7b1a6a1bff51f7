"""A file with the rankings of every card for every MCC is read within a request: no query for a row."""

import itertools
import time

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from routing.models import MerchantCategory, RankingChange, RankingDraft
from tests.routing.rankings.ranking_files import csv_of
from tests.support.back_office import logged_in
from wallet.models import CardProduct

pytestmark = pytest.mark.django_db


def whole_list(rows: int) -> str:
    """A file with so many rankings, each of another card or MCC."""
    keys = [f"card-{number}" for number in range(400)]
    CardProduct.objects.bulk_create([CardProduct(key=key, name=key) for key in keys], ignore_conflicts=True)
    pairs = itertools.product(MerchantCategory.objects.order_by("code").values_list("code", flat=True), keys)
    return csv_of(
        *(
            f"{mcc},product,{key},,{key} of {mcc},{number % 7}.5,cash,95.00,2026-01-01,"
            for number, (mcc, key) in enumerate(itertools.islice(pairs, rows))
        )
    )


def uploaded(rows: int) -> tuple[RankingDraft, int, float]:
    """The draft that the page makes of a file, with the statements and the seconds of processor time for it."""
    client, file = logged_in(), SimpleUploadedFile("all.csv", whole_list(rows).encode())
    began_s = time.process_time()
    with CaptureQueriesContext(connection) as seen:
        answer = client.post(reverse("admin:routing_rankingrow_import_file"), {"file": file})
    took_s = time.process_time() - began_s
    draft = RankingDraft.objects.latest("pk")
    assert (answer.status_code, draft.changes.count()) == (302, rows)
    return draft, len(seen), took_s


def test_two_hundred_rows_take_as_many_statements_as_twenty() -> None:
    assert uploaded(200)[1] == uploaded(20)[1]


def test_a_large_files_rows_keep_their_values_and_cover_numbers() -> None:
    CardProduct.objects.create(key="card", name="card")
    text = csv_of("5812,product,card,,Gold 4242 4242 4242 4242,1.5,cash,95.00,2026-01-01,2026-12-31")
    logged_in().post(
        reverse("admin:routing_rankingrow_import_file"), {"file": SimpleUploadedFile("one.csv", text.encode())}
    )
    change = RankingChange.objects.get()
    assert "4242 4242 4242" not in change.card_name
    assert (str(change.reward_rate), change.reward_type, change.annual_fee_minor) == ("1.500", "cash", 9500)
    assert (str(change.valid_from), str(change.valid_to), change.before) == ("2026-01-01", "2026-12-31", None)
    assert change.written_by == change.draft.author


@pytest.mark.only_in_proofs
def test_a_hundred_thousand_rows_are_read_within_a_request() -> None:
    _draft, statements, took_s = uploaded(100_000)
    print(f"100 000 rows: {statements} statements, {took_s:.1f} s of this process")
    # Rows are written some thousand at a time.
    assert statements < 200
