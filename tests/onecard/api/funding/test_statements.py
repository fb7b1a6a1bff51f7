"""A person gives the statements of their own cards, and reads what was really earned."""

import uuid
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client, override_settings

from issuing.models import CardStatement, StatementLine
from issuing.rewards import sweep
from onecard.kit import clock
from tests.issuing.rewards.purchases import bought
from tests.onecard.api.funding.test_funding_cards import CARDS
from tests.support.back_office import logged_in
from tests.support.factories import FundingMethodFactory
from tests.support.wallets import valued_card
from wallet.models import FundingMethod

pytestmark = pytest.mark.django_db


@pytest.fixture
def gold() -> FundingMethod:
    with override_settings(MERCHANT_MCC_PASSED_THROUGH=True):
        method = bought(valued_card()).method
    sweep.sweep()
    return method


@pytest.fixture
def client(gold: FundingMethod) -> Client:
    return logged_in(gold.cardholder.user)


def give(client: Client, card: FundingMethod, content: bytes, **more: Any) -> Any:
    file = {"file": SimpleUploadedFile("a.csv", content, content_type="text/csv")}
    return client.post(
        f"{CARDS}/{card.public_id}/statements", file | more, HTTP_IDEMPOTENCY_KEY=str(uuid.uuid4())
    )  # fmt: skip


def content(card: FundingMethod) -> bytes:
    day = clock.local_day(clock.now(), card.cardholder.time_zone)
    return f"date,amount,reward\n{day},45.00,135\n{day},9.99,10\n".encode()


def test_a_file_is_imported_once_and_compared(client: Client, gold: FundingMethod) -> None:
    page = f"{CARDS}/{gold.public_id}/statements"
    empty = client.get(page).json()
    assert (empty["statements"], empty["rules"], empty["missing_charges"]) == ([], [], 1)
    done = give(client, gold, content(gold))
    assert (done.status_code, done.json()) == (201, {"new_lines": 2, "repeated_lines": 0, "matched_lines": 1})
    assert give(client, gold, content(gold)).json() == {"new_lines": 0, "repeated_lines": 2, "matched_lines": 0}
    found = client.get(page).json()
    assert (found["rewards_in"], found["expected"], found["earned"], found["difference"]) == (
        "points",
        "180",
        "135",
        "-45",
    )
    assert [(each["rule"], each["rate"], each["purchases"]) for each in found["rules"]] == [("Bonus dining", "4", 1)]
    assert (len(found["statements"]), found["elsewhere_lines"], found["missing_charges"]) == (1, 1, 0)
    (line,) = found["elsewhere"]
    assert line["amount_minor"] == 999
    assert line["why"].startswith("We charged nothing else to this card on these days")
    before = client.get(page, {"since": "2020-01-01", "until": "2020-01-31"}).json()
    assert (before["rules"], before["elsewhere_lines"]) == ([], 0)
    assert client.get(page, {"since": "2020-01-31", "until": "2020-01-01"}).status_code == 400


def test_a_bad_file_and_a_card_of_somebody_else_are_refused(client: Client, gold: FundingMethod) -> None:
    refused = give(client, gold, b"date,amount,reward\n2026-11-03,=1+1,4111111111111111\n")
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid_statement")
    assert "line 2" in refused.json()["detail"]
    assert "4111111111111111" not in refused.content.decode()
    assert give(client, gold, b"x" * 1_000_002).json()["code"] == "invalid_statement"
    assert give(client, gold, content(gold), rewards_in="gold").status_code == 400
    other = FundingMethodFactory()
    assert give(client, other, content(gold)).status_code == 404
    assert client.get(f"{CARDS}/{other.public_id}/statements").status_code == 404
    assert not CardStatement.objects.exists()
    assert not StatementLine.objects.exists()
