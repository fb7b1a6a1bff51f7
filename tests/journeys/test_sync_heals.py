"""A webhook that never came, over real HTTP: the issuer's own list tells it, and the purchase ends as it should."""

from collections.abc import Callable

import pytest

from issuing.issuers import registry
from issuing.models import Authorization, Hold, SpendWindow, VirtualCard
from issuing.sync import run as sync_run
from issuing.sync.run import sync_provider
from tests.issuing.issuers.worlds import marqeta_settings
from tests.journeys.conftest import CARD
from tests.journeys.two_issuers import AtMarqeta, AtStripe, Side, settle
from tests.sandbox.running import RunningSandbox
from tests.sandbox.settings import MarqetaSettings

pytestmark = pytest.mark.only_in_proofs


@pytest.fixture(params=["stripe", "marqeta"])
def side(request: pytest.FixtureRequest, both: RunningSandbox, settings: object) -> Side:
    for name, value in marqeta_settings(both, MarqetaSettings()).items():
        setattr(settings, name, value)
    registry.clear()
    card = VirtualCard.objects.get(issuer_card_id=CARD)
    if request.param == "stripe":
        return AtStripe(card)
    VirtualCard.objects.filter(pk=card.pk).update(issuer_provider="marqeta", issuer_card_id="demo-card")
    return AtMarqeta(VirtualCard.objects.get(pk=card.pk), both)


@pytest.fixture
def sync(side: Side, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    monkeypatch.setattr(sync_run, "GRACE", -sync_run.GRACE)

    def run() -> list[str]:
        made = sync_provider(side.card.issuer_provider, requested_by="user:9")
        return list(made.differences.order_by("pk").values_list("kind", flat=True))

    return run


def test_a_reversal_whose_webhook_is_lost_is_healed_once(
    both: RunningSandbox, side: Side, sync: Callable[[], list[str]]
) -> None:
    side.buy(4500)
    settle(both)
    both.order(webhook="*", do="drop", times=50)
    side.reverse(4500)
    assert Authorization.objects.get().status == "approved"

    assert "missed_event" in sync()

    assert Authorization.objects.get().status == "reversed"
    assert list(Hold.objects.values_list("status", flat=True)) == ["released"]
    assert set(SpendWindow.objects.values_list("spent_minor", flat=True)) == {0}
    assert "missed_event" not in sync()


def test_a_captured_purchase_of_which_every_webhook_came_misses_nothing(
    both: RunningSandbox, side: Side, sync: Callable[[], list[str]]
) -> None:
    side.buy(4500)
    settle(both)
    side.capture(4500, final=True)
    settle(both)

    assert "missed_event" not in sync()
