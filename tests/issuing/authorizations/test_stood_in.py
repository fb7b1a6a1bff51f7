"""Who approved a Marqeta purchase in place of a decision is told apart: we, Marqeta's Commando Mode, or the network."""

import datetime as dt
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from audit.models import Entry
from issuing.handlers import dispatch
from issuing.models import Authorization, IssuerEvent, ReconcileRun, VirtualCard
from issuing.reconcile.report import Json, Table
from issuing.reconcile.run import Report
from issuing.reconcile.window import Window
from onecard.kit import clock
from tests.support.back_office import logged_in, text_of
from tests.support.marqeta_events import ask, gateway_request, outcome, report, standin
from tests.support.stand_ins import ask_marqeta, fold, stand_in, take_snapshot
from tests.support.wallets import marqeta_card

pytestmark = pytest.mark.django_db(transaction=True)
PURCHASES = reverse("admin:issuing_authorization_changelist")
HOUR = dt.timedelta(hours=1)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    with stand_in(tmp_path / "stand-in", STAND_IN_POLICY="approve", STAND_IN_CARD_AMOUNT=10_000) as folder:
        yield folder


@pytest.fixture
def card(place: Path) -> VirtualCard:
    found = marqeta_card()
    take_snapshot()
    return found


@pytest.fixture(autouse=True)
def heard_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time in which our own decision could still be committing is over."""
    monkeypatch.setattr(dispatch, "WAIT_FOR_DECISION", -dispatch.WAIT_FOR_DECISION)


def hear(row: dict[str, Any]) -> None:
    """Marqeta reports it, and a worker acts on it."""
    assert report({"transactions": [row]}).status_code == 200
    for event in IssuerEvent.objects.filter(status="received"):
        dispatch.handle(event_pk=event.pk)


def who() -> list[str]:
    return sorted(Authorization.objects.values_list("stood_in", flat=True))


@pytest.mark.parametrize(
    ("by", "expected"), [("COMMANDO_AUTO", "issuer"), ("COMMANDO_MANUAL", "issuer"), ("NETWORK", "network"), ("", "")]
)
@pytest.mark.parametrize("is_asked", [True, False])
def test_marqeta_says_who_approved(card: VirtualCard, by: str, expected: str, is_asked: bool) -> None:
    asked = gateway_request(card=card.issuer_card_id)
    if is_asked:
        ask(asked)

    hear(outcome(asked, timed_out=True, **({"standin_approved_by": by} if by else {})))

    assert who() == [expected]
    assert Entry.objects.filter(action="authorization.stood_in_by_other").count() == bool(by)


def test_the_networks_own_message_is_marked(card: VirtualCard) -> None:
    message = standin(card=card.issuer_card_id)
    del message["standin_approved_by"]
    hear(message)

    assert who() == ["network"]


@pytest.mark.parametrize("state", ["DECLINED", "ERROR"])
def test_a_refused_message_marks_nothing(card: VirtualCard, state: str) -> None:
    hear(outcome(gateway_request(card=card.issuer_card_id), state=state, standin_approved_by="COMMANDO_AUTO"))

    assert set(who()) <= {""}


@pytest.mark.parametrize("is_heard_first", [False, True])
@pytest.mark.parametrize(("by", "expected"), [("COMMANDO_AUTO", "issuer"), ("", "one_card")])
def test_what_counted_at_marqeta_is_the_mark(
    place: Path, card: VirtualCard, is_heard_first: bool, by: str, expected: str
) -> None:
    """Our answer came too late for Marqeta, whose own stand-in approved; or ours counted."""
    asked = gateway_request(card=card.issuer_card_id)
    assert ask_marqeta(asked).status_code == 200
    told = outcome(asked, timed_out=bool(by), **({"standin_approved_by": by} if by else {}))
    steps = [lambda: hear(told), lambda: fold(place)]
    for step in steps if is_heard_first else reversed(steps):
        step()

    assert who() == [expected]
    assert Authorization.objects.get().approved_minor == 4500


def test_list_and_reconciliation_count_each_apart(place: Path, card: VirtualCard) -> None:
    merchants = {"one_card": "Ours", "issuer": "Commandos", "network": "Networks", "": "Ordinary"}
    rows = {
        each: gateway_request(card=card.issuer_card_id, amount=9) | _named(name) for each, name in merchants.items()
    }
    assert ask_marqeta(rows["one_card"]).status_code == 200
    fold(place)
    assert ask(rows[""]).status_code == 200
    hear(outcome(rows["issuer"], standin_approved_by="COMMANDO_AUTO"))
    hear(standin(card=card.issuer_card_id, amount=9) | _named("Networks"))
    client = logged_in()

    for each in ("one_card", "issuer", "network"):
        shown = text_of(client.get(PURCHASES, {"stood_in": each}))
        assert [name for name in merchants.values() if name in shown] == [merchants[each]], each
    now = clock.now()
    window = Window(now - HOUR, now + HOUR, now)
    for writer, line in ((Json, '"stood_in": {"answered": 1, "approved": 1, "by_issuer": 1, "by_network": 1}'), (
        Table, "2 purchases approved in our place: 1 by the issuer, 1 by the card network."
    )):  # fmt: skip
        out = io.StringIO()
        writer(out).end(Report(window))
        assert line in out.getvalue()
    times = {"requested_at": now, "updated_at": now, "since": window.since, "until": window.until}
    run = ReconcileRun.objects.create(status="finished", requested_by="system:reconcile", **times)
    shown = text_of(client.get(reverse("admin:issuing_reconcilerun_change", args=[run.pk])))
    for who_stood_in, count in (("one_card", "1, of which 1 were approved"), ("issuer", "1"), ("network", "1")):
        assert f'?stood_in={who_stood_in}">{count}</a>' in shown


def _named(merchant: str) -> dict[str, Any]:
    return {"card_acceptor": {"mid": merchant, "mcc": "5812", "name": merchant, "country_code": "USA"}}
