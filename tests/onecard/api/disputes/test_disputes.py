"""A person disputes a purchase, reads where the dispute stands to its end, and withdraws it; nobody else sees it."""

import datetime as dt
import json
import uuid
from typing import Any

import pytest
from django.test import Client

from audit.models import Entry
from issuing.disputes import submission
from issuing.issuers.mock import MockIssuer
from issuing.models import CardTransaction, Dispute, DisputeRequest
from onecard.kit import clock
from tests.issuing.disputes.captured import WORDS, capture_of, captured_purchase
from tests.issuing.disputes.dispute_events import balance_transactions
from tests.support.back_office import logged_in, superuser
from tests.support.factories import VirtualCardFactory
from tests.support.purchases import deliver_events
from tests.support.stripe_events import event
from wallet.models import Case

pytestmark = pytest.mark.django_db
GOOD = {"reason": "not_received", "text": WORDS}


@pytest.fixture
def capture() -> CardTransaction:
    return captured_purchase()


@pytest.fixture
def client(capture: CardTransaction) -> Client:
    return person(capture)


def person(capture: CardTransaction) -> Client:
    assert capture.card is not None
    return logged_in(capture.card.cardholder.user)


def send(client: Client, page: str, body: Any = None, *, key: str = "") -> Any:
    content = json.dumps(body) if body is not None else b""
    more = {"HTTP_IDEMPOTENCY_KEY": key or str(uuid.uuid4())}
    return client.post(page, content, content_type="application/json", **more)


def page(capture: CardTransaction) -> str:
    assert capture.authorization is not None
    return f"/api/v1/purchases/{capture.authorization.issuer_authorization_id}/disputes"


def dispute(client: Client, capture: CardTransaction, **more: Any) -> Any:
    return send(client, page(capture), GOOD | more)


def test_a_dispute_is_opened_read_and_listed(client: Client, capture: CardTransaction) -> None:
    answer = dispute(client, capture)

    assert answer.status_code == 201, answer.content
    made = answer.json()
    assert (made["status"], made["amount"]) == ("requested", {"amount_minor": 4500, "currency": "USD"})
    assert made["sentence"].startswith("We are reviewing it.")
    assert (made["text"], made["transaction"], made["evidence"]) == (WORDS, capture.issuer_transaction_id, [])
    assert made["came_back"] == made["provisional"] == {"amount_minor": 0, "currency": "USD"}
    assert client.get(f"/api/v1/disputes/{made['id']}").json() == made
    (listed,) = client.get("/api/v1/disputes").json()["results"]
    assert listed == {name: value for name, value in made.items() if name not in ("came_back", "provisional")}
    case = Case.objects.get()
    assert (case.kind, case.amount_minor) == ("dispute_requested", 4500)
    entry = Entry.objects.get(action="dispute_request.requested")
    assert entry.actor == f"user:{DisputeRequest.objects.get().cardholder.user_id}"


def test_a_repeat_under_its_key_opens_no_second(client: Client, capture: CardTransaction) -> None:
    first = send(client, page(capture), GOOD, key="one")
    again = send(client, page(capture), GOOD, key="one")

    assert again.json() == first.json()
    assert again["Idempotency-Replayed"] == "true"
    assert send(client, page(capture), GOOD | {"reason": "other"}, key="one").status_code == 422
    assert DisputeRequest.objects.count() == 1


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"reason": "because"}, "reason"),
        ({"reason": None}, "reason"),
        ({"text": "short"}, "text"),
        ({"text": "x" * 2001}, "text"),
        ({"text": "\x00" * 12}, "text"),
        ({"text": "\u200b" * 12}, "text"),
        ({"text": "\ud800" * 12}, "text"),
        ({"amount": 5}, "amount"),
        ({"amount": {"amount_minor": 5, "currency": "XXX"}}, "amount"),
        ({"transaction": ["ipi"]}, "transaction"),
    ],
)
def test_bad_input_names_its_field(client: Client, capture: CardTransaction, wrong: Any, field: str) -> None:
    answer = dispute(client, capture, **wrong)

    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [field]
    assert DisputeRequest.objects.count() == 0


@pytest.mark.parametrize(
    ("amount", "code"),
    [
        ({"amount_minor": 4501, "currency": "USD"}, "amount_too_high"),
        ({"amount_minor": 0, "currency": "USD"}, "amount_too_high"),
        ({"amount_minor": -1, "currency": "USD"}, "amount_too_high"),
        ({"amount_minor": 100, "currency": "EUR"}, "amount_currency"),
    ],
)
def test_an_amount_that_is_not_left_is_refused(
    client: Client, capture: CardTransaction, amount: Any, code: str
) -> None:
    answer = dispute(client, capture, amount=amount)

    assert (answer.status_code, answer.json()["code"], list(answer.json()["errors"])) == (409, code, ["amount"])


def test_what_was_refunded_is_not_disputed(client: Client, capture: CardTransaction) -> None:
    assert capture.authorization is not None
    capture_of(capture.authorization, capture_id="ipi_back", minor=4000, transaction_type="refund")
    assert dispute(client, capture, amount={"amount_minor": 501, "currency": "USD"}).status_code == 409

    assert dispute(client, capture).json()["amount"]["amount_minor"] == 500


def test_nothing_captured_too_late_and_all_given_back_are_sentences(client: Client, capture: CardTransaction) -> None:
    assert capture.authorization is not None
    CardTransaction.objects.update(occurred_at=clock.now() - dt.timedelta(days=110))
    assert dispute(client, capture).json()["code"] == "dispute_too_late"
    capture_of(capture.authorization, capture_id="ipi_back", minor=4500, transaction_type="refund")
    CardTransaction.objects.update(occurred_at=clock.now())
    assert dispute(client, capture).json()["code"] == "nothing_captured"
    CardTransaction.objects.filter(transaction_type="settlement").update(processing_status="pending")
    assert dispute(client, capture).json()["code"] == "nothing_captured"


def test_one_of_several_captures_is_chosen(client: Client, capture: CardTransaction) -> None:
    assert capture.authorization is not None
    capture_of(capture.authorization, capture_id="ipi_second", minor=700)

    for more in ({}, {"transaction": "ipi_other"}):
        answer = dispute(client, capture, **more)
        assert (answer.json()["code"], list(answer.json()["errors"])) == ("which_capture", ["transaction"])
        assert "ipi_second" in answer.json()["detail"]
    assert dispute(client, capture, transaction="ipi_second").json()["amount"]["amount_minor"] == 700


def test_one_dispute_is_open_at_a_time_and_a_withdrawn_one_is_over(client: Client, capture: CardTransaction) -> None:
    made = dispute(client, capture).json()
    assert (dispute(client, capture).status_code, dispute(client, capture).json()["code"]) == (409, "dispute_open")

    for _ in range(2):
        withdrawn = send(client, f"/api/v1/disputes/{made['id']}/withdraw")
        assert (withdrawn.status_code, withdrawn.json()["status"]) == (200, "withdrawn")

    assert Case.objects.filter(status="open").count() == 0
    assert Entry.objects.filter(action="dispute_request.withdrawn").count() == 1
    assert dispute(client, capture).status_code == 201


def test_a_submitted_one_is_followed_to_its_end(client: Client, capture: CardTransaction) -> None:
    name = dispute(client, capture).json()["id"]
    from issuing.disputes import requests

    request = DisputeRequest.objects.get()
    requests.accept(request=request, amount=request.money, reason=request.reason, actor="user:1")
    read = f"/api/v1/disputes/{name}"
    assert client.get(read).json()["status"] == "submitting"
    assert send(client, f"{read}/withdraw").json()["code"] == "dispute_not_open"
    submission.carry_out(request_id=request.pk, issuer=MockIssuer())
    assert client.get(read).json()["status"] == "submitted"
    refused = send(client, f"{read}/withdraw").json()
    assert refused["code"] == "dispute_not_open"
    assert "tell our support" in refused["detail"]
    assert dispute(client, capture).json()["code"] == "dispute_open"

    told = {
        "id": Dispute.objects.get().issuer_dispute_id, "object": "issuing.dispute", "amount": 4500, "currency": "usd",
        "transaction": capture.issuer_transaction_id, "evidence": {"reason": "not_received"},
    }  # fmt: skip
    deliver_events(event("issuing_dispute.closed", told | {"status": "won"} | balance_transactions(4500)))

    won = client.get(read).json()
    assert (won["status"], won["came_back"]["amount_minor"]) == ("won", 4500)
    assert CardTransaction.objects.filter(transaction_type="chargeback").count() == 1
    assert dispute(client, capture).json()["code"] in ("nothing_captured", "dispute_decided")


def test_strangers_and_staff_find_nothing(client: Client, capture: CardTransaction) -> None:
    name = dispute(client, capture).json()["id"]
    stranger = logged_in(VirtualCardFactory().cardholder.user)
    reads = (f"/api/v1/disputes/{name}", "/api/v1/disputes")
    posts = (page(capture), f"/api/v1/disputes/{name}/withdraw", f"/api/v1/disputes/{name}/evidence")

    assert stranger.get(reads[0]).status_code == 404
    assert stranger.get(reads[1]).json()["results"] == []
    assert [send(stranger, each, GOOD).status_code for each in posts[:2]] == [404, 404]
    for boss in (logged_in(superuser()),):
        assert {boss.get(each).status_code for each in reads} == {403}
        assert {send(boss, each, GOOD).status_code for each in posts} == {403}
    assert {Client().get(each).status_code for each in reads} == {401}
    assert DisputeRequest.objects.get().status == "requested"


def test_the_list_takes_the_same_number_of_queries_for_more_rows(
    capture: CardTransaction, client: Client, django_assert_max_num_queries: Any
) -> None:
    for _ in range(4):
        dispute(client, captured_purchase(capture.card))
    with django_assert_max_num_queries(10):
        assert len(client.get("/api/v1/disputes").json()["results"]) == 4
