"""A card's past is the same in whatever order and parts its decisions were added, and when it is built anew."""

import datetime as dt
import uuid
from typing import Any

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from issuing.history import bounds, rebuilding
from issuing.history.card_history import COLUMNS, History, in_ms, merchant_key
from issuing.issuers.messages import Merchant
from issuing.models import Authorization, CardHistory, Decision, IssuerEvent, VirtualCard
from tests.support.factories import VirtualCardFactory
from tests.support.lengths import length

START = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
SHOPS = [Merchant("5812", f"Shop {number}", "", "Oslo", country, "") for number, country in enumerate(["NO", "SE", ""])]

lives = st.lists(
    st.fixed_dictionaries(
        {
            "minutes": st.integers(0, 5 * 24 * 60),
            "approved": st.booleans(),
            "amount": st.sampled_from([0, 1, 450, 10**13]),
            "shop": st.integers(0, 2),
            "currency": st.sampled_from(["USD", "USD", "EUR"]),
            "is_present": st.booleans(),
            "is_old": st.booleans(),
        }
    ),
    min_size=1,
    max_size=25,
)


def decided(card: VirtualCard, life: list[dict[str, Any]]) -> list[int]:
    """Stores decisions as they are written out, and returns their keys; one of an old release has no place."""
    shops = [SHOPS[each["shop"]] for each in life]
    purchases = Authorization.objects.bulk_create(
        Authorization(
            provider="stripe",
            issuer_authorization_id=uuid.uuid4().hex,
            card=card,
            status="approved",
            currency="USD",
            mcc=shop.mcc,
            merchant_name=shop.name,
            merchant_country=shop.country,
            created_at=START,
            updated_at=START,
        )
        for shop in shops
    )
    events = IssuerEvent.objects.bulk_create(
        IssuerEvent(provider="stripe", event_id=uuid.uuid4().hex, event_type="x", received_at=START, status="handled")
        for _ in life
    )
    rows = Decision.objects.bulk_create(
        Decision(
            event=event,
            authorization=purchase,
            round_key="first",
            approved=each["approved"],
            amount_minor=each["amount"],
            currency=each["currency"],
            decline_reason="" if each["approved"] else "daily_limit_exceeded",
            trace=each.get("trace") or trace_of(shop, each),
            timings_ms={},
            response=b"{}",
            decided_at=START + dt.timedelta(minutes=each["minutes"]),
        )
        for each, shop, event, purchase in zip(life, shops, events, purchases, strict=True)
    )
    return [row.pk for row in rows]


def trace_of(shop: Merchant, each: dict[str, Any]) -> dict[str, Any]:
    present = {"is_present": True, "city": shop.city, "postal_code": "0150"} if each["is_present"] else {}
    place = {"place": {"merchant": merchant_key(shop), "country": shop.country} | present}
    return {"card_version": 1, "mcc": shop.mcc} | ({} if each["is_old"] else place)


def keep(keys: list[int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT issuing_keep_history(%s)", [keys])


def kept(card: VirtualCard) -> History:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT jsonb_build_array({COLUMNS})::text FROM issuing_cardhistory WHERE card_id = %s",
            [card.pk],
        )
        return History.of((cursor.fetchone() or [None])[0])


@pytest.mark.django_db
@hypothesis_settings(max_examples=length("HISTORY_EXAMPLES", short=15, whole=150), deadline=None)
@given(life=lives, data=st.data())
def test_order_and_parts_change_nothing(life: list[dict[str, Any]], data: st.DataObject) -> None:
    card = VirtualCardFactory(currency="USD")
    keys = decided(card, life)
    order = data.draw(st.permutations(keys))
    size = data.draw(st.integers(1, len(keys)))

    for start in range(0, len(order), size):
        keep(order[start : start + size])

    assert rebuilding.rebuild_card(card.pk) is False
    found = kept(card)
    counted = [each["amount"] for each in life if each["approved"] and each["amount"] and each["currency"] == "USD"]
    assert (found.approvals, found.approved_minor) == (len(counted), sum(counted))
    assert found.squares == sum(amount**2 for amount in counted)
    seen = [SHOPS[each["shop"]] for each in life if each["approved"] and each["amount"]]
    assert found.merchants == {str(merchant_key(shop)) for shop in seen}
    assert found.countries == {shop.country for shop in seen if shop.country}
    newest = max(each["minutes"] for each in life)
    assert found.attempts[0].at_ms == in_ms(START + dt.timedelta(minutes=newest))
    in_a_day = sum(each["minutes"] > newest - 24 * 60 for each in life)
    assert len(found.attempts) == max(in_a_day, min(len(life), bounds.RECENT_LEAST))
    assert [each.at_ms for each in found.attempts] == sorted((each.at_ms for each in found.attempts), reverse=True)


@pytest.mark.django_db
def test_each_bound_keeps_the_newest() -> None:
    card = VirtualCardFactory(currency="USD")
    life = {"approved": True, "amount": 1, "shop": 0, "currency": "USD", "is_present": False, "is_old": False}
    keys = decided(card, [life | {"minutes": minute} for minute in range(bounds.RECENT_MOST + 5)])
    many = {str(number): number for number in range(bounds.MOST_MERCHANTS + 9)}
    CardHistory.objects.create(card=card, merchants=many)

    keep(keys)

    found = kept(card)
    shop = str(merchant_key(SHOPS[0]))
    assert len(found.attempts) == bounds.RECENT_MOST
    assert found.attempts[-1].at_ms == in_ms(START + dt.timedelta(minutes=5))
    assert found.merchants == {shop, *map(str, range(10, bounds.MOST_MERCHANTS + 9))}


@pytest.mark.django_db
def test_what_was_decided_without_the_card_is_no_past() -> None:
    card = VirtualCardFactory()
    life = {"approved": False, "amount": 1, "shop": 0, "currency": "USD", "is_present": False, "is_old": False}

    keep(decided(card, [life | {"minutes": 1, "trace": {"issuer_card_id": "ic_1"}}]))

    assert not CardHistory.objects.exists()
