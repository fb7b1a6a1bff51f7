"""Refunds of Marqeta that are authorized first: the clearing follows that authorization, and names no purchase."""

import itertools
from decimal import Decimal
from typing import Any

import pytest

from issuing.clearing import manual_matching
from issuing.issuers.marqeta import objects as marqeta_objects
from issuing.models import Authorization, VirtualCard
from tests.issuing.clearing.postings import record_movement, report
from tests.issuing.clearing.refunds import (
    WHY,
    at_hour,
    captured_purchase,
    cases,
    known_as,
    purchase_of,
    stored_transaction,
)
from tests.support import marqeta_events
from tests.support.orders import in_each_order
from tests.support.purchases import run_workers
from tests.support.wallets import marqeta_card
from wallet.models import FundingRefund

pytestmark = pytest.mark.django_db

EventBody = dict[str, Any]


@pytest.fixture
def card() -> VirtualCard:
    return marqeta_card()


def by_two_messages(asked: EventBody, amount: str, *, hour: int = 12) -> tuple[EventBody, EventBody]:
    """A refund that is authorized first; its clearing follows that authorization, and no purchase."""
    money = Decimal(amount)
    promised = marqeta_events.later(asked, "refund.authorization", amount=money, state="PENDING")
    del promised["preceding_related_transaction_token"]
    paid = marqeta_events.later(
        asked, "refund.authorization.clearing", amount=money, user_transaction_time=at_hour(hour)
    )
    return promised, paid | {"preceding_related_transaction_token": promised["token"]}


def test_in_any_order_it_finds_the_only_purchase(card: VirtualCard) -> None:
    asked, capture = captured_purchase(card)
    promised, paid = by_two_messages(asked, "12.00")
    rows = (capture, promised, paid)

    def ends_alike(order: tuple[int, ...]) -> None:
        run_workers()
        assert purchase_of(paid) == known_as(asked), order
        assert (cases(), FundingRefund.objects.get().amount_minor) == ([], 1200), order

    in_each_order(itertools.permutations(range(3)), tell=lambda index: report(rows[index]), at_end=ends_alike)


def test_in_doubt_a_person_says_it_also_after_the_list_was_read(card: VirtualCard) -> None:
    (asked, one), (_, two) = captured_purchase(card), captured_purchase(card, "60.00")
    promised, paid = by_two_messages(asked, "12.00")
    report(one, two, promised, paid)
    assert len(cases()) == 1

    page = marqeta_objects.read_page({"data": [paid], "is_more": False}, start=0)
    for _ in range(2):
        record_movement(page.transactions[0], provider="marqeta", source="sync")

    assert manual_matching.why_not(stored_transaction(paid)) == ""
    purchase = Authorization.objects.get(pk=known_as(asked))
    manual_matching.link_by_hand(refund=stored_transaction(paid), purchase=purchase, reason=WHY, actor="user:1")
    assert (purchase_of(paid), cases()) == (known_as(asked), [])


@pytest.mark.parametrize("names_capture", [False, True])
def test_one_that_names_a_purchase_of_ours_is_of_that(card: VirtualCard, names_capture: bool) -> None:
    (asked, one), (_, two) = captured_purchase(card), captured_purchase(card, "60.00")
    _, paid = by_two_messages(asked, "12.00")
    paid["preceding_related_transaction_token"] = (one if names_capture else asked)["token"]
    report(one, two, paid)
    assert (purchase_of(paid), cases()) == (known_as(asked), [])
