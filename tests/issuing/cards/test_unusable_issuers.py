"""An issuer that our settings do not let us ask: a person's wish stands and waits, and is no fault of the server."""

from collections.abc import Iterator
from typing import Any

import pytest

from issuing.issuers import registry
from issuing.models import CardChange, VirtualCard
from tests.support.back_office import logged_in
from tests.support.factories import VirtualCardFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_mock(settings: Any) -> Iterator[None]:
    settings.DEBUG = False
    registry.clear()
    yield
    registry.clear()


def test_a_card_freezes_here_and_the_issuer_is_asked_later() -> None:
    card = VirtualCardFactory(issuer_provider="mock", status="active")
    client = logged_in(card.cardholder.user)
    page = f"/api/v1/cards/{card.public_id}/freeze"

    answer = client.post(page, {"reason": "Lost."}, content_type="application/json", headers={"Idempotency-Key": "k1"})

    assert answer.status_code == 200, answer.content
    assert VirtualCard.objects.get(pk=card.pk).status == "frozen"
    change = CardChange.objects.get()
    assert (change.status, change.failure_code) == ("intended", "issuer_not_set_up")
    assert "needs DEBUG" in change.failure_message
    assert change.claimed_until is None
