"""A purchase while the database is gone: an answer by policy, kept on the disk first, and the same one to a retry."""

import errno
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from issuing.authorizations import unknown_commits
from issuing.models import VirtualCard
from issuing.stand_in import files, journal
from tests.support import marqeta_events, stripe_events
from tests.support.stand_ins import ask, disk_full, is_known, reason_of, stand_in, take_snapshot, without_database
from tests.support.wallets import marqeta_card, walkthrough_card

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    with stand_in(tmp_path / "stand-in", STAND_IN_POLICY="approve", STAND_IN_CARD_AMOUNT=10_000) as folder:
        yield folder


@pytest.fixture
def card(place: Path) -> VirtualCard:
    found = walkthrough_card()
    take_snapshot()
    return found


def request_at(card: VirtualCard, amount: int = 4500, **changes: Any) -> dict[str, Any]:
    return stripe_events.authorization_request(card=card.issuer_card_id, amount=amount, **changes)


def test_without_a_place_purchases_are_declined_as_before() -> None:
    assert reason_of(ask(request_at(walkthrough_card()))) == "deadline_exceeded"


def test_a_decline_is_kept_and_repeated(tmp_path: Path) -> None:
    asked = request_at(walkthrough_card())
    with stand_in(tmp_path / "stand-in"):
        answers = [ask(asked), ask(asked)]
        assert is_known(asked)

    assert [reason_of(each) for each in answers] == ["stand_in_declined"] * 2
    assert answers[0] == answers[1]


def test_a_small_purchase_is_approved_once(card: VirtualCard) -> None:
    asked = request_at(card)
    answers = without_database(*[lambda: stripe_events.post(asked).json()] * 4)

    assert all(each == answers[0] for each in answers)
    assert (answers[0]["approved"], reason_of(answers[0])) == (True, "stand_in_approved")
    assert ask(request_at(card, 5500))["approved"] is True
    assert reason_of(ask(request_at(card, 100))) == "stand_in_amount_exceeded"


def test_another_event_about_the_same_round_gets_its_answer(card: VirtualCard) -> None:
    asked = request_at(card)
    twin = asked | {"id": stripe_events.unique("evt")}
    other = request_at(card, 100, authorization=asked["data"]["object"]["id"])

    assert ask(asked) == ask(twin)
    assert reason_of(ask(asked | {"data": other["data"]})) == "event_id_reused"
    other["data"]["object"]["pending_request"]["amount"] = 4500
    other["data"]["object"]["merchant_data"]["network_id"] = "another"
    assert reason_of(ask(other)) == "round_contradicts"


def test_marqeta_is_answered_in_its_own_words(place: Path) -> None:
    card = marqeta_card()
    take_snapshot()
    asked = marqeta_events.gateway_request(card=card.issuer_card_id)
    answer, again = (without_database(lambda: marqeta_events.ask(asked))[0] for _ in range(2))

    assert (answer.status_code, again.content) == (200, answer.content)
    assert "onecard_reason=stand_in_approved" in answer.json()["jit_funding"]["tags"]


@pytest.mark.parametrize(
    "changes",
    [{"mcc": "6011"}, {"currency": "eur"}, {"approved_before": 100}],
    ids=["cash", "another currency", "an increment"],
)
def test_what_is_not_plain_is_declined(card: VirtualCard, changes: dict[str, Any]) -> None:
    assert reason_of(ask(request_at(card, **changes))) == "stand_in_not_allowed"


def test_a_card_that_cannot_buy_is_declined(place: Path) -> None:
    frozen = walkthrough_card(status="frozen")
    take_snapshot()

    assert reason_of(ask(request_at(frozen))) == "stand_in_unusable_card"
    frozen.issuer_card_id = "ic_unknown"
    assert reason_of(ask(request_at(frozen))) == "stand_in_no_snapshot"


@pytest.mark.parametrize("damage", ["missing", "cut", "another card's row", "too old"])
def test_a_bad_snapshot_approves_nothing(
    place: Path, card: VirtualCard, damage: str, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    snapshot = place / files.SNAPSHOT
    if damage == "missing":
        snapshot.unlink()
    elif damage == "cut":
        snapshot.write_bytes(snapshot.read_bytes()[:5000])
    elif damage == "another card's row":
        content = snapshot.read_bytes().replace(b"USD", b"EUR")
        snapshot.write_bytes(content)
    else:
        settings.STAND_IN_SNAPSHOT_MAX_AGE_S = -1

    assert reason_of(ask(request_at(card))) == "stand_in_no_snapshot"
    assert damage == "too old" or "stand-in: the snapshot" in caplog.text


def test_a_torn_line_harms_no_other(place: Path, card: VirtualCard) -> None:
    asked = request_at(card)
    first = ask(asked)
    with (place / files.ANSWERS).open("ab") as file:
        file.write(b"gAAAA-torn")

    assert ask(request_at(card, 5500))["approved"] is True
    assert ask(asked) == first


def test_what_cannot_be_kept_is_declined(place: Path, card: VirtualCard, monkeypatch: pytest.MonkeyPatch) -> None:
    ask(request_at(card, 100))
    before, asked = (place / files.ANSWERS).read_bytes(), request_at(card, 200)
    with disk_full(len(before) + 100):
        assert reason_of(ask(asked)) == "stand_in_not_kept"
    assert (place / files.ANSWERS).read_bytes() == before
    monkeypatch.setattr(journal, "MOST_BYTES", len(before) + 10)
    assert reason_of(ask(asked)) == "stand_in_not_kept"
    monkeypatch.undo()
    assert ask(asked)["approved"] is True


def test_what_the_disk_fails_to_sync_leaves_nothing_to_fold(
    place: Path, card: VirtualCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken_disk(_file: int) -> None:
        raise OSError(errno.EIO, "planned")

    ask(request_at(card, 100))
    before, asked = (place / files.ANSWERS).read_bytes(), request_at(card, 200)
    monkeypatch.setattr(os, "fsync", broken_disk)
    assert reason_of(ask(asked)) == "stand_in_not_kept"
    assert (place / files.ANSWERS).read_bytes() == before
    monkeypatch.undo()
    assert ask(asked)["approved"] is True


def test_a_lock_that_hangs_delays_no_answer(place: Path, card: VirtualCard, settings: Any) -> None:
    settings.DECISION_DEADLINE_MS = 500
    with files.locked(place, files.JOURNAL_LOCK):
        started = time.monotonic()
        answer = ask(request_at(card))
        took_s = time.monotonic() - started

    assert (reason_of(answer), took_s < 1) == ("stand_in_not_kept", True)
    assert unknown_commits.wait_until_resolved(5)
