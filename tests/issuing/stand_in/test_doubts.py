"""An approval without its mark: never lost if it was given, never charged if it was not; the issuer's word tells."""

import datetime as dt
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.core.management import CommandError, call_command

from issuing.handlers import dispatch
from issuing.issuers.messages import AuthorizationRequest, Envelope
from issuing.issuers.stripe.events import parse_authorization_request
from issuing.models import Authorization, Decision, Hold, IssuerEvent, VirtualCard
from issuing.stand_in import answers, entries, files, state
from onecard.kit import clock
from tests.support import stripe_events
from tests.support.stand_ins import ask, disk_full, fold, reason_of, stand_in, take_snapshot
from tests.support.threads import at_once
from tests.support.wallets import walkthrough_card
from wallet.models import Case, FundingCharge

pytestmark = pytest.mark.django_db(transaction=True)
SLOW_DISK_S = 0.7


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    with stand_in(tmp_path / "stand-in", STAND_IN_POLICY="approve", STAND_IN_CARD_AMOUNT=10_000) as folder:
        yield folder


@pytest.fixture
def card(place: Path) -> VirtualCard:
    found = walkthrough_card()
    take_snapshot()
    return found


@pytest.fixture
def line_bytes(place: Path, card: VirtualCard) -> int:
    """How long the line of an approval is, before its mark. The journal is empty again afterwards."""
    ask(request_at(card))
    first, mark, rest = (place / files.ANSWERS).read_bytes().split(b"\n")
    assert (len(first) > 3 * len(mark), rest) == (True, b"")
    (place / files.ANSWERS).unlink()
    return len(first) + 1


@pytest.fixture
def slow_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: (time.sleep(SLOW_DISK_S), usual(file)))


@pytest.fixture(autouse=True)
def heard_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time in which our own decision could still be committing is over."""
    monkeypatch.setattr(dispatch, "WAIT_FOR_DECISION", -dispatch.WAIT_FOR_DECISION)


def request_at(card: VirtualCard, amount: int = 4500, **changes: Any) -> dict[str, Any]:
    return stripe_events.authorization_request(card=card.issuer_card_id, amount=amount, **changes)


def hear(asked: dict[str, Any], *, approved: bool) -> None:
    """The issuer reports the purchase, and a worker acts on it."""
    history = [{"approved": approved, "reason": "webhook_approved" if approved else "webhook_timeout", "amount": 4500}]
    status = "pending" if approved else "closed"
    event = stripe_events.authorization_update(asked, approved=approved, status=status, request_history=history)
    assert stripe_events.post(event).status_code == 200
    dispatch.handle(event_pk=IssuerEvent.objects.get(event_id=event["id"]).pk)


def assert_nothing_charged() -> None:
    assert not Hold.objects.exclude(decision=None).exists()
    assert not FundingCharge.objects.exists()
    assert not Decision.objects.filter(approved=True).exists()


def test_an_approval_is_marked_once_it_is_given(place: Path, card: VirtualCard) -> None:
    asked = request_at(card)
    ask(asked)
    lines = (place / files.ANSWERS).read_bytes().count(b"\n")
    ask(asked)

    assert (lines, (place / files.ANSWERS).read_bytes().count(b"\n")) == (2, 2)
    assert fold(place) == {"approved": 1}


def test_a_given_approval_without_mark_is_charged_by_the_issuers_word(
    place: Path, card: VirtualCard, line_bytes: int
) -> None:
    asked = request_at(card)
    with disk_full(line_bytes + 20):
        assert ask(asked)["approved"] is True

    assert fold(place) == {"in_doubt": 1}
    assert_nothing_charged()
    found = state.read()
    assert found is not None
    assert (found.in_doubt, found.is_waiting) == (1, False)
    hear(asked, approved=True)

    assert fold(place) == {"approved": 1}
    assert (Hold.objects.get(status="placed").amount_minor, FundingCharge.objects.count()) == (4500, 1)
    assert Authorization.objects.get().stood_in == "one_card"
    assert not Case.objects.filter(kind=Case.Kind.APPROVED_WITHOUT_US, status="open").exists()
    assert (fold(place), files.doubts(place)) == ({}, [])


@pytest.mark.only_in_proofs
@pytest.mark.usefixtures("slow_disk")
def test_what_was_neither_given_nor_taken_back_is_never_charged(
    place: Path, card: VirtualCard, line_bytes: int, settings: Any
) -> None:
    settings.DECISION_DEADLINE_MS = 400
    asked = request_at(card)
    with disk_full(line_bytes + 20):
        assert reason_of(ask(asked)) == "stand_in_not_kept"
        time.sleep(3 * SLOW_DISK_S)

    assert fold(place) == {"in_doubt": 1}
    assert_nothing_charged()
    hear(asked, approved=False)
    assert fold(place) == {"not_given": 1}
    assert_nothing_charged()
    assert files.doubts(place) == []


@pytest.mark.only_in_proofs
@pytest.mark.usefixtures("slow_disk")
def test_what_nobody_waited_for_is_taken_back(place: Path, card: VirtualCard, settings: Any) -> None:
    settings.DECISION_DEADLINE_MS = 400
    assert reason_of(ask(request_at(card))) == "stand_in_not_kept"
    time.sleep(3 * SLOW_DISK_S)

    assert fold(place) == {}
    assert_nothing_charged()


def test_a_retry_that_gets_the_approval_marks_it(place: Path, card: VirtualCard, line_bytes: int) -> None:
    asked = request_at(card)
    with disk_full(line_bytes + 20):
        first = ask(asked)
    assert ask(asked) == first

    assert fold(place) == {"approved": 1}


@pytest.mark.only_in_proofs
@pytest.mark.usefixtures("slow_disk")
def test_an_approval_that_only_its_repeat_waited_for_is_given(place: Path, card: VirtualCard) -> None:
    asked, other = request_at(card), request_at(card, 100)

    def answer(event: dict[str, Any], *, after_s: float, within_s: float) -> bytes | None:
        time.sleep(after_s)
        return answers.answer(parsed(event), b"{}", clock.Stopwatch(), within_s=within_s, in_doubt=[])

    # While the first is on its way to the disk, the two others come together.
    first, hasty, patient = at_once(
        [
            lambda: answer(other, after_s=0, within_s=20),
            lambda: answer(asked, after_s=0.2, within_s=1.7),
            lambda: answer(asked, after_s=0.4, within_s=20),
        ]
    )

    assert hasty is None
    assert [json.loads(each or "{}").get("approved") for each in (first, patient)] == [True, True]
    assert fold(place) == {"approved": 2}


def parsed(event: dict[str, Any]) -> AuthorizationRequest:
    envelope = Envelope(event["id"], event["type"], "", event["data"]["object"])
    return parse_authorization_request("stripe", envelope)


def test_a_silent_issuer_opens_a_case_after_a_day(place: Path, card: VirtualCard, line_bytes: int) -> None:
    asked = request_at(card)
    with disk_full(line_bytes + 20):
        assert ask(asked)["approved"] is True
    assert fold(place) == {"in_doubt": 1}
    with pytest.raises(CommandError, match="wait until their issuer reports the purchase"):
        call_command("fold_stand_in")

    with clock.ahead(dt.timedelta(hours=25)):
        assert fold(place) == {"silent": 1}

    case = Case.objects.get()
    assert (case.kind, case.amount_minor) == (Case.Kind.EVENT_CONTRADICTION, 4500)
    assert asked["data"]["object"]["id"] in case.summary
    assert files.doubts(place) == []
    assert_nothing_charged()


def test_approvals_of_the_release_before_need_no_mark(place: Path, card: VirtualCard) -> None:
    ask(request_at(card))
    entry = entries.read_line((place / files.ANSWERS).read_bytes().split(b"\n")[0])
    assert isinstance(entry, entries.Entry)
    old = msgspec.structs.replace(entry, awaits_mark=False)
    (place / files.ANSWERS).write_bytes(entries.line_of(old))

    assert fold(place) == {"approved": 1}
