"""Cards of ours at each issuer, made through the card service, and the issuer to change them behind our back."""

from collections.abc import Iterator

import pytest
from pytest_django.fixtures import Settings

from issuing.cards import service as cards
from issuing.issuers import registry
from issuing.models import VirtualCard
from issuing.sync import run as sync_run
from tests.issuing.issuers.conftest import sandbox, served
from tests.issuing.issuers.worlds import PROVIDERS, World, world_of
from tests.support.factories import CardholderFactory

__all__ = ["sandbox", "served"]


@pytest.fixture(params=PROVIDERS)
def world(request: pytest.FixtureRequest, sandbox: object, settings: Settings) -> Iterator[World]:
    """An issuer with small pages and without foreign cards, in the place of its name."""
    settings.DEBUG = True
    made = world_of(request.param, sandbox, page_size=2)  # type: ignore[arg-type]
    made.forget_cards()
    registry.clear()
    registry.install(made.issuer)
    yield made
    registry.clear()


@pytest.fixture(autouse=True)
def no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """What happened just now counts as past."""
    monkeypatch.setattr(sync_run, "GRACE", -2 * (sync_run.GRACE))


def active_card(world: World, **more: object) -> VirtualCard:
    holder = CardholderFactory(
        address_line1="510 Townsend Street",
        address_city="San Francisco",
        address_state="CA",
        address_postal_code="94103",
        address_country="US",
        **more,
    )
    made = cards.create_virtual_card(
        cardholder=holder, card_type="visa", provider=world.issuer.provider, requested_by="user:1"
    )
    return cards.activate(card=made, requested_by="user:1")
