"""Whoever tries out stolen cards needs many setups: a person begins a few within 24 hours."""

import datetime as dt
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from audit.models import Entry
from onecard.kit import clock
from tests.sandbox.running import RunningSandbox
from tests.support.back_office import logged_in
from tests.support.sandboxes import processor_sandbox
from tests.support.threads import at_once
from tests.wallet.methods.saved_cards import ME, begun, newcomer
from wallet.methods import setups
from wallet.methods.setup_limit import TooManySetupsError
from wallet.models import CardSetup

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def sandbox(settings: Any) -> Iterator[RunningSandbox]:
    settings.CARD_SETUPS_A_DAY = 2
    with processor_sandbox() as running:
        yield running


def post(client: Client, key: uuid.UUID | None = None) -> Any:
    return client.post(
        "/api/v1/funding-cards/setups", content_type="application/json", HTTP_IDEMPOTENCY_KEY=str(key or uuid.uuid4())
    )


def test_more_than_the_limit_is_refused_with_a_sentence() -> None:
    client, key = logged_in(newcomer().user), uuid.uuid4()
    assert [post(client, key).status_code, post(client).status_code] == [201, 201]

    refused = post(client)

    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_card_setups")
    assert "You began to add 2 cards within 24 hours" in refused.json()["detail"]
    assert 86_000 < int(refused["Retry-After"]) <= 86_400
    assert post(client).status_code == 429
    assert Entry.objects.filter(action="method.too_many_setups").count() == 1
    # A repeat begins nothing, and another person has a limit of their own.
    assert post(client, key).status_code == 201
    assert post(logged_in(newcomer().user)).status_code == 201


def test_after_a_day_more_can_be_added() -> None:
    holder = newcomer()
    begun(holder)
    begun(holder)
    with pytest.raises(TooManySetupsError):
        setups.begin_on_page(holder, request_id=uuid.uuid4(), back_to="https://example.com", actor=ME)

    CardSetup.objects.update(created_at=clock.now() - dt.timedelta(hours=25))

    assert begun(holder).setup_id


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_no_more_than_the_limit_begin() -> None:
    holder = newcomer()

    def begin() -> bool:
        try:
            begun(holder)
        except TooManySetupsError:
            return False
        return True

    assert sum(at_once([begin] * 6)) == 2
