"""Only new rows of an issuer's list are recorded. The known rows together cost one statement."""

from dataclasses import replace
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from audit.models import Entry
from issuing.clearing import card_transactions
from issuing.issuers.base import IssuerTransaction
from issuing.models import Authorization, CardTransaction
from tests.issuing.clearing.postings import deliver, posted
from tests.issuing.clearing.test_card_transactions import movement, record
from tests.support import stripe_events
from tests.support.wallets import walkthrough_card

pytestmark = pytest.mark.django_db


@pytest.fixture
def known() -> IssuerTransaction:
    """A capture that is here in full, on its card and its purchase, as the issuer's list shows it."""
    card = walkthrough_card()
    asked = stripe_events.authorization_request(card=card.issuer_card_id)
    stripe_events.post(asked)
    deliver(posted(asked))
    kept = CardTransaction.objects.get()
    assert kept.authorization == Authorization.objects.get()
    return movement(
        id=kept.issuer_transaction_id,
        issuer_card_id=card.issuer_card_id,
        authorization_id=kept.issuer_authorization_id,
        merchant_name=kept.merchant_name,
        mcc=kept.mcc,
        created_at=kept.occurred_at,
    )


def new_rows(*found: IssuerTransaction) -> list[IssuerTransaction]:
    return card_transactions.with_update(found, provider="stripe")


def test_known_rows_and_rows_that_move_no_money_are_not_new(known: IssuerTransaction) -> None:
    assert new_rows(known, replace(known, id="ipi_2", kind="authorization")) == []


@pytest.mark.parametrize(
    "change",
    [
        {"id": "ipi_2"},
        {"amount_minor": 4700},
        {"currency": "EUR"},
        {"kind": "refund", "amount_minor": -4500},
        {"merchant_amount_minor": 4100, "merchant_currency": "EUR"},
        {"amount_minor": -1},
        {"currency": "XXX"},
    ],
)
def test_an_unknown_or_changed_row_is_new(known: IssuerTransaction, change: dict[str, Any]) -> None:
    other = replace(known, **change)
    assert new_rows(known, other) == [other]


@pytest.mark.parametrize("column", ["card", "authorization"])
def test_what_has_not_found_its_card_or_purchase_is_looked_at_again(known: IssuerTransaction, column: str) -> None:
    CardTransaction.objects.update(**{column: None})
    assert new_rows(known) == [known]


def test_the_same_id_at_another_issuer_is_another_movement(known: IssuerTransaction) -> None:
    assert card_transactions.with_update([known], provider="marqeta") == [known]


def test_recording_a_known_row_again_changes_nothing(known: IssuerTransaction) -> None:
    before = CardTransaction.objects.values().get(), Entry.objects.count()
    assert new_rows(known) == []
    assert record(known) is False
    assert (CardTransaction.objects.values().get(), Entry.objects.count()) == before


def test_a_page_is_compared_with_one_statement(
    known: IssuerTransaction, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    page = [replace(known, id=f"ipi_{number}") for number in range(99)]
    with django_assert_num_queries(1):
        assert new_rows(*page, known) == page
