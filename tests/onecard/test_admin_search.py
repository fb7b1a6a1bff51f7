"""A search of a list: a whole id shows what has it, and other words show what contains them."""

import uuid

import pytest
from django.contrib import admin
from django.contrib.admin.utils import get_fields_from_path
from django.db.models import Model

from issuing.models import CardChange, IssuerEvent, VirtualCard
from onecard.kit import clock
from tests.onecard.test_admin import listed_models, page
from tests.support.back_office import logged_in, text_of
from tests.support.factories import VirtualCardFactory

pytestmark = pytest.mark.django_db


def found(model: type[Model], term: str, **filters: str) -> set[int]:
    """The keys of the rows that a search shows."""
    shown = logged_in().get(page(model, "changelist"), {"q": term, **filters})
    assert shown.status_code == 200, text_of(shown)
    return {row.pk for row in shown.context["cl"].result_list}


def event(event_id: str, provider: str = "stripe") -> int:
    return IssuerEvent.objects.create(
        provider=provider, event_id=event_id, event_type="card.updated", received_at=clock.now()
    ).pk


def test_whole_id_shows_only_what_has_it() -> None:
    one, ten = event("evt_1"), event("evt_10")
    marqeta = event("evt_1", "marqeta")

    assert found(IssuerEvent, "evt_1") == {one, marqeta}
    assert found(IssuerEvent, " evt_10 ") == {ten}


def test_part_of_an_id_shows_all_that_contain_it() -> None:
    both = {event("evt_1"), event("evt_10")}
    assert found(IssuerEvent, "EVT_") == both
    assert found(IssuerEvent, "evt_2") == set()


def test_whole_id_outside_the_filter_shows_nothing() -> None:
    event("evt_1")
    assert found(IssuerEvent, "evt_1", provider__exact="marqeta") == set()


def test_words_are_found_where_ids_have_another_form() -> None:
    """A card change's key is a UUID, and no other text is compared with it."""
    card = VirtualCardFactory(last_four="4711")
    now = clock.now()
    change = CardChange.objects.create(card=card, kind="limits", requested_by="user:1", created_at=now, updated_at=now)

    assert found(CardChange, "4711") == {change.pk}
    assert found(CardChange, str(change.key)) == {change.pk}
    assert found(CardChange, str(uuid.uuid4())) == set()


def test_card_is_found_by_the_issuers_id_in_its_own_letters() -> None:
    card = VirtualCardFactory()
    assert found(VirtualCard, card.issuer_card_id) == {card.pk}
    assert found(VirtualCard, card.issuer_card_id.upper()) == {card.pk}


@pytest.mark.parametrize("model", listed_models(), ids=lambda model: model._meta.label)
def test_ids_are_searched_by_their_parts_too(model: type[Model]) -> None:
    room = admin.site._registry[model]
    for *before, column in room.search_ids:
        assert column in room.search_fields
        assert all(get_fields_from_path(model, each)[-1].choices for each in before)
