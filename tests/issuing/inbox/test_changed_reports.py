"""A transaction that is reported again with another purchase, API version or currency."""

from decimal import Decimal
from typing import Any

import pytest

from issuing.clearing import card_transactions
from issuing.handlers import dispatch
from issuing.issuers.base import IssuerTransaction
from issuing.models import CardTransaction, IssuerEvent
from tests.issuing.clearing.postings import NOON, deliver, posted, record_movement, report
from tests.issuing.inbox.contradictions import contradictions
from tests.issuing.inbox.test_references import bought, cards, standing
from tests.support import marqeta_events, stripe_events
from wallet.ledger import check as ledger_check
from wallet.models import Case

pytestmark = pytest.mark.django_db
UPDATED = {"type": "issuing_transaction.updated"}
READ, OTHER_READ, UNREAD = "2024-06-20", "2026-10-28.endive", "2019-12-03"


@pytest.mark.parametrize("names", ["another purchase", "a purchase that nobody knows"])
def test_a_capture_told_on_another_purchase_of_its_card_is_a_case(names: str) -> None:
    ada, _ = cards()
    first, second = bought(ada), bought(ada)
    deliver(posted(first, id="ipi_1"))
    before = standing()
    other = posted(second, id="ipi_1") if names == "another purchase" else posted(first, id="ipi_1", authorization="x")

    deliver(other | UPDATED)
    deliver(other | UPDATED | {"id": "evt_again"})

    assert standing() == before
    (case,) = contradictions()
    assert first["data"]["object"]["id"] in case.summary


def test_a_force_capture_that_names_a_purchase_later_is_a_case() -> None:
    ada, _ = cards()
    asked = bought(ada)
    deliver(posted(asked, id="ipi_1", authorization=None))
    before = standing()

    deliver(posted(asked, id="ipi_1") | UPDATED)

    assert standing() == before
    assert len(contradictions()) == 1


def test_a_matched_refund_that_later_names_another_purchase_is_a_case() -> None:
    ada, _ = cards()
    first, second = bought(ada), bought(ada)
    deliver(posted(first, id="ipi_1"))
    deliver(posted(first, id="ipi_r", type="refund", amount=4500, authorization=None))
    home = CardTransaction.objects.get(issuer_transaction_id="ipi_r").authorization
    assert home is not None
    before = standing()

    deliver(posted(second, id="ipi_r", type="refund", amount=4500) | UPDATED)

    assert standing() == before
    assert len(contradictions()) == 1


def test_marqetas_clearing_told_on_another_purchase_is_a_case() -> None:
    ada, _ = cards("marqeta")
    first, second = bought(ada), bought(ada)
    row = marqeta_events.later(first, "authorization.clearing")
    report(row)
    home = CardTransaction.objects.get().authorization

    report(row | {"state": "CLEARED", "preceding_related_transaction_token": second["token"]})

    assert CardTransaction.objects.get().authorization == home
    assert len(contradictions()) == 1
    assert ledger_check.check() == []


def test_the_sync_tells_of_another_purchase_as_well() -> None:
    ada, _ = cards()
    first, second = bought(ada), bought(ada)
    deliver(posted(first, id="ipi_1"))
    name = second["data"]["object"]["id"]
    same = first["data"]["object"]["id"]

    def listed(purchase: str) -> IssuerTransaction:
        return IssuerTransaction("ipi_1", ada.issuer_card_id, purchase, "capture", 4500, "USD", "", "5812", NOON)

    assert card_transactions.with_update([listed(same), listed("")], provider="stripe") == []
    assert card_transactions.with_update([listed(name)], provider="stripe") == [listed(name)]
    record_movement(listed(name), provider="stripe", source="sync")
    assert len(contradictions()) == 1


def deliver_in_versions(event: dict[str, Any], *versions: str) -> None:
    for version in versions:
        assert stripe_events.post(event | {"api_version": version}).status_code == 200
        for row in IssuerEvent.objects.filter(status="received"):
            dispatch.handle(event_pk=row.pk)


@pytest.mark.parametrize(
    "versions", [(UNREAD, OTHER_READ), (OTHER_READ, UNREAD), (UNREAD, OTHER_READ, UNREAD, OTHER_READ)]
)
def test_an_event_in_an_unread_and_a_read_version_is_booked_once(versions: tuple[str, ...]) -> None:
    ada, _ = cards()
    deliver_in_versions(posted(bought(ada), id="ipi_1"), *versions)

    assert CardTransaction.objects.get().authorization is not None
    assert ledger_check.check() == []


@pytest.mark.parametrize(
    "change",
    [
        {"card": "ic_other"},
        {"card": {"id": "ic_other"}},
        {"type": "refund"},
        {"authorization": "iauth_other"},
        {"authorization": {"id": "iauth_other"}},
        {"status": "reversed"},
    ],
)
def test_a_used_id_in_another_version_with_another_fact_is_kept(change: dict[str, Any]) -> None:
    ada, _ = cards()
    event = posted(bought(ada), id="ipi_1")
    deliver_in_versions(event, READ)
    before = standing()

    deliver_in_versions(event | {"data": {"object": event["data"]["object"] | change}}, OTHER_READ)

    assert standing() == before
    assert len(contradictions()) == 1
    assert IssuerEvent.objects.filter(status="kept").count() == 1


def test_a_copy_in_another_api_version_is_no_contradiction() -> None:
    ada, _ = cards()
    asked = bought(ada)
    event = stripe_events.authorization_update(asked, kind="updated", status="expired", cardholder="ich_Ada")
    content = event["data"]["object"]
    older = content | {"status": "reversed", "cardholder": {"id": "ich_Ada"}, "card": ada.issuer_card_id}

    deliver_in_versions(event, OTHER_READ)
    deliver_in_versions(event | {"data": {"object": older}}, READ)

    assert contradictions() == []


@pytest.mark.parametrize("version", [7, {"a": 1}, ["x"], True])
def test_a_version_that_is_no_text_is_not_read(version: Any) -> None:
    ada, _ = cards()
    event = posted(bought(ada)) | {"api_version": version}

    assert deliver(event) == "kept"
    assert not CardTransaction.objects.exists()
    assert len(contradictions()) == 1


@pytest.mark.parametrize("amount", [1000, 9000])
def test_an_event_of_a_purchase_in_another_currency_is_a_case(amount: int) -> None:
    ada, _ = cards()
    asked = bought(ada)
    before = standing()

    deliver(stripe_events.authorization_update(asked, kind="updated", amount=amount, currency="eur"))

    assert standing() == before
    (case,) = contradictions()
    assert "EUR" in case.summary


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        ("authorization.incremental", "PENDING"),
        ("authorization.advice", "PENDING"),
        ("authorization.reversal", "PENDING"),
        ("authorization.reversal", "CLEARED"),
    ],
)
def test_marqetas_message_in_another_currency_changes_no_purchase(kind: str, state: str) -> None:
    ada, _ = cards("marqeta")
    asked = bought(ada)
    before = standing()

    report(marqeta_events.later(asked, kind, state=state, amount=Decimal("5.00"), currency_code="EUR"))

    assert standing() == before
    assert len(contradictions()) == 1


def test_money_of_a_dispute_that_names_no_transaction_is_a_case() -> None:
    ada, _ = cards()
    deliver(posted(bought(ada), id="ipi_1"))
    before = standing()
    content = {"id": "idp_1", "amount": 4500, "currency": "usd", "status": "won", "transaction": None}
    event = stripe_events.event("issuing_dispute.funds_reinstated", content)

    assert deliver(event) == "kept"

    assert standing() == before
    assert Case.objects.get(kind="unhandled_money").amount_minor == 4500


def test_a_known_dispute_needs_not_name_its_transaction_again() -> None:
    ada, _ = cards()
    deliver(posted(bought(ada), id="ipi_1"))
    content = {"id": "idp_1", "amount": 4500, "currency": "usd", "status": "submitted", "transaction": "ipi_1"}
    deliver(stripe_events.event("issuing_dispute.submitted", content))

    more = content | {"status": "won", "transaction": None}
    assert deliver(stripe_events.event("issuing_dispute.funds_reinstated", more)) == "handled"

    assert CardTransaction.objects.get(transaction_type="chargeback").authorization is not None
