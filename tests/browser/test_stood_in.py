"""Operations see who approved purchases in our place: we without our database, Marqeta, or the card network."""

import datetime as dt
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from issuing.models import Authorization, ReconcileRun, VirtualCard
from onecard.kit import clock
from tests.browser.conftest import Axe, LogIn, Shot
from tests.journeys.conftest import CARD
from tests.journeys.two_issuers import AtMarqeta
from tests.onecard.dev.processes import eventually
from tests.sandbox.marqeta.conduct import Conduct
from tests.sandbox.running import RunningSandbox
from tests.support.marqeta_events import gateway_request
from tests.support.stand_ins import ask_marqeta, fold, stand_in, take_snapshot

pytestmark = pytest.mark.only_in_proofs
OURS, ISSUER, NETWORK = (
    "One Card, without its database",
    "The issuer, in our place",
    "The card network, in the issuer's place",
)


class Network(AtMarqeta):
    """Marqeta's simulations, with the message of the card network."""

    def stand_in(self, cents: int) -> None:
        self._simulate("authorization.standin", cents, **self._place())


def test_operations_tell_stand_ins_apart(
    log_in: LogIn, sandbox: RunningSandbox, axe: Axe, shot: Shot, tmp_path: Path
) -> None:
    VirtualCard.objects.filter(issuer_card_id=CARD).update(issuer_provider="marqeta", issuer_card_id="demo-card")
    three_stand_ins(sandbox, tmp_path / "stand-in")
    now = clock.now()
    times = {"requested_at": now, "updated_at": now, "finished_at": now, "until": now + dt.timedelta(hours=1)}
    since = now - dt.timedelta(hours=1)
    ReconcileRun.objects.create(status="finished", requested_by="system:reconcile", since=since, **times)
    page = log_in("operations")

    for name, amount in ((OURS, "11.00"), (ISSUER, "22.00"), (NETWORK, "33.00")):
        page.get_by_role("link", name="Authorizations").first.click()
        filter_by(page, name)
        expect(page.get_by_text(f"{amount} USD")).to_be_visible()
        expect(page.get_by_text("1 authorization", exact=True)).to_be_visible()
        axe(page)
    page.get_by_role("link", name="Reconciliations").click()
    page.get_by_role("row").filter(has_text="Finished").get_by_role("link").first.click()
    for line in ("Answered by stand-in", "Approved by the issuer in our place"):
        expect(page.get_by_text(line)).to_be_visible()
    axe(page)
    shot(page, "stand-in")
    page.get_by_text("Approved by the card network in the issuer's place").locator("..").get_by_role("link").click()
    expect(page.get_by_text("33.00 USD")).to_be_visible()


def three_stand_ins(sandbox: RunningSandbox, place: Path) -> None:
    """Ours of 11, Marqeta's of 22 and the network's of 33 dollars, each through the doors."""
    with stand_in(place, STAND_IN_POLICY="approve", STAND_IN_CARD_AMOUNT=10_000):
        take_snapshot()
        assert ask_marqeta(gateway_request(card="demo-card", amount=11)).status_code == 200
        fold(place)
    network = Network(VirtualCard.objects.get(issuer_card_id="demo-card"), sandbox)
    sandbox.marqeta.conduct = Conduct(commando="manual")
    network.buy(2200)
    network.stand_in(3300)
    eventually(lambda: Authorization.objects.exclude(stood_in="").count() == 3)


def filter_by(page: Page, name: str) -> None:
    page.get_by_role("button", name="Filters").click()
    page.get_by_role("link", name=name, exact=True).click()
