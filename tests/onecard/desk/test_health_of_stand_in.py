"""The health page's lines about stand-in turn with their causes, and lead to what to do."""

import datetime as dt
import os
import time
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings
from django.urls import reverse

from issuing.stand_in import files
from onecard.desk.health import stand_in as measurement
from tests.support import stripe_events
from tests.support.back_office import logged_in, text_of
from tests.support.stand_ins import ask, fold, stand_in, take_snapshot
from tests.support.wallets import walkthrough_card

pytestmark = pytest.mark.django_db(transaction=True)
SETTING, SNAPSHOT, ANSWERS = "Stand-in", "Snapshot of cards for stand-in", "Answers of stand-in"


def measured() -> dict[str, tuple[str, str]]:
    return {str(item.name): (item.state, item.measured) for item in measurement.stand_in()}


def test_off_is_said_where_purchases_are_answered(settings: Any) -> None:
    assert measured() == {
        SETTING: ("warn", "Off: without the database purchases are declined, and nothing of them is recorded.")
    }
    settings.ONECARD_ROLE = "desk"
    assert measured()[SETTING][0] == "good"


def test_a_folder_that_cannot_be_used_is_said(tmp_path: Path, settings: Any) -> None:
    (tmp_path / "file").touch()
    settings.STAND_IN_DIR = str(tmp_path / "file" / "stand-in")
    assert measured() == {SETTING: ("bad", "STAND_IN_DIR cannot be used: Not a directory.")}


def test_declining_needs_no_snapshot(tmp_path: Path) -> None:
    with stand_in(tmp_path / "stand-in"):
        found = measured()
    assert set(found) == {SETTING, ANSWERS}
    assert "declined and recorded" in found[SETTING][1]
    assert found[ANSWERS] == ("good", "It has answered nothing.")


def test_the_snapshot_is_ready_or_says_why_not(tmp_path: Path) -> None:
    walkthrough_card()
    with stand_in(tmp_path / "stand-in", STAND_IN_POLICY="approve") as place:
        assert measured()[SNAPSHOT] == ("bad", "There is none yet: nothing would be approved.")
        take_snapshot()
        assert measured()[SNAPSHOT] == ("good", "Ready: taken 0 s ago, with a right signature.")
        with override_settings(STAND_IN_SNAPSHOT_MAX_AGE_S=-1):
            assert measured()[SNAPSHOT] == ("bad", "Taken 0 s ago, which is too old: nothing would be approved.")
        (place / files.SNAPSHOT).write_bytes(b"no snapshot")
        wrong = "It cannot be read or has a wrong signature: nothing would be approved."
        assert measured()[SNAPSHOT] == ("bad", wrong)


def test_answers_are_active_then_wait_then_are_in_the_books(tmp_path: Path) -> None:
    card = walkthrough_card()
    with stand_in(tmp_path / "stand-in") as place:
        ask(stripe_events.authorization_request(card=card.issuer_card_id))
        state, words = measured()[ANSWERS]
        assert (state, words[:23]) == ("bad", "Active: it answered 0 s")
        assert words.endswith("1 line of its journal waits to be folded into the books.")
        an_hour_ago = time.time() - dt.timedelta(hours=1).total_seconds()
        os.utime(place / files.ANSWERS, (an_hour_ago, an_hour_ago))
        assert measured()[ANSWERS][0] == "warn"
        fold(place)
        state, words = measured()[ANSWERS]
    assert (state, words.endswith("All of its answers are in the books.")) == ("good", True)


def test_the_page_links_the_purchases_and_the_runbook(settings: Any) -> None:
    text = text_of(logged_in().get(reverse("desk:health")))
    assert "docs/runbook.md#stand-in-answers-purchases" in text
    settings.ALERTS = settings.ALERTS._replace(runbook_url="https://docs.example.com/runbook")
    page = logged_in().get(reverse("desk:health")).content.decode()
    assert 'href="https://docs.example.com/runbook#stand-in-answers-purchases"' in page
    assert "?stood_in=one_card" in page
