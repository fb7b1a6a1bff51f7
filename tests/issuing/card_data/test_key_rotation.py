"""Sealed card data is moved to a new key under load, interrupted or not, and the old key can go (money-safety I17)."""

import os
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError
from django.db import connections

from audit.models import Entry
from issuing.card_data.vault import SEALED_COLUMNS, store_card_data
from issuing.disputes import evidence, evidence_keys
from issuing.management.commands import rotate_card_keys
from issuing.models import VirtualCard
from onecard.kit import crypto
from tests.issuing.card_data.stored_cards import (
    CVV,
    NEW,
    NUMBER,
    OLD,
    real_commits,
    reveal,
    rotate,
    stored_card,
    storing,
    swap,
)
from tests.issuing.disputes.captured import asked, captured_purchase
from tests.support.factories import VirtualCardFactory

__all__ = ["storing"]


@real_commits
def test_rotation_moves_all_to_the_first_key_and_the_old_one_can_go(settings: Any) -> None:
    cards = [stored_card(cvv=CVV if place % 2 else "") for place in range(25)]
    VirtualCardFactory()
    settings.CARD_DATA_KEYS = (NEW, OLD)

    assert rotate(dry_run=True)[0].startswith("25 checked, 25 to the first key, 0 changed meanwhile, 0 unreadable.")
    assert rotate_card_keys.older_than_first_key().count() == 25
    assert rotate(batch=4)[0].startswith("25 checked, 25 to the first key")
    before = list(VirtualCard.objects.order_by("pk").values_list(*SEALED_COLUMNS, "version"))
    assert rotate()[0].startswith("25 checked, 0 to the first key")
    assert list(VirtualCard.objects.order_by("pk").values_list(*SEALED_COLUMNS, "version")) == before

    settings.CARD_DATA_KEYS = (NEW,)
    for place, card in enumerate(cards):
        assert reveal(card, f"user:{place}") == (NUMBER, CVV if place % 2 else "")


@real_commits
def test_a_rotation_is_one_entry_and_a_dry_run_none(settings: Any) -> None:
    stored_card()
    settings.CARD_DATA_KEYS = (NEW, OLD)
    rotate(dry_run=True)
    rotate()
    entry = Entry.objects.get(action="card_data.keys_rotated")
    assert entry.details == {"key": crypto.first_key().name, "resealed": 1, "unreadable": 0, "finished": True}


@real_commits
@pytest.mark.parametrize("values_done", range(12))
def test_an_interrupted_rotation_goes_on_where_it_was(
    settings: Any, monkeypatch: pytest.MonkeyPatch, values_done: int
) -> None:
    cards = [stored_card() for _ in range(6)]
    settings.CARD_DATA_KEYS = (NEW, OLD)
    sealed = []

    def interrupted(text: str, *, context: str) -> str:
        # Two values in a card: every other stop falls between them.
        if len(sealed) == values_done:
            raise KeyboardInterrupt
        sealed.append(context)
        return crypto.seal(text, context=context)

    monkeypatch.setattr(rotate_card_keys, "seal", interrupted)
    with pytest.raises(CommandError, match="run it again for the rest") as stopped:
        rotate(batch=2)
    assert stopped.value.returncode == 130
    assert rotate_card_keys.older_than_first_key().count() == 6 - values_done // 2
    assert all(reveal(card, f"user:{card.pk}") == (NUMBER, CVV) for card in cards)

    monkeypatch.undo()
    rotate(batch=2)
    settings.CARD_DATA_KEYS = (NEW,)
    assert all(reveal(card, f"user:{card.pk}") == (NUMBER, CVV) for card in cards)


@real_commits
def test_cards_that_cannot_be_opened_are_named_and_the_rest_is_done(settings: Any) -> None:
    good, altered, lost, first, second = (stored_card() for _ in range(5))
    VirtualCard.objects.filter(pk=altered.pk).update(encrypted_cvv=altered.encrypted_cvv[:-4] + "AAAA")
    settings.CARD_DATA_KEYS = (os.urandom(32),)
    store_card_data(lost, number=NUMBER)
    swap(first, second, "encrypted_card_number")
    settings.CARD_DATA_KEYS = (NEW, OLD)

    for options in ({"dry_run": True}, {}):
        with pytest.raises(CommandError, match="4 cards hold data that cannot be opened") as ended:
            rotate(**options)
        told = ended.value.__notes__[0]
        assert "5 checked, 1 to the first key" in told
        assert all(f"Card {card.pk}: " in told for card in (altered, lost, first, second))
        assert "which is not in CARD_DATA_KEYS" in told
        assert ended.value.returncode != 0
    settings.CARD_DATA_KEYS = (NEW,)
    assert reveal(good) == (NUMBER, CVV)


@real_commits
def test_a_value_written_meanwhile_is_left_alone(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    card = stored_card()
    settings.CARD_DATA_KEYS = (NEW, OLD)

    def overtaken(text: str, *, context: str) -> str:
        store_card_data(card, number=NUMBER, cvv="999")
        return crypto.seal(text, context=context)

    monkeypatch.setattr(rotate_card_keys, "seal", overtaken)
    assert "0 to the first key, 1 changed meanwhile" in rotate()[0]
    assert reveal(card) == (NUMBER, "999")


@real_commits
def test_a_process_that_still_seals_with_the_old_key_is_noticed(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    early, late = stored_card(), stored_card()
    settings.CARD_DATA_KEYS = (NEW, OLD)
    old_values = {column: getattr(early, column) for column in SEALED_COLUMNS}

    def behind(row: dict[str, Any], outcome: Any, *, dry_run: bool) -> None:
        rotate_card_keys_reseal(row, outcome, dry_run=dry_run)
        if row["pk"] == late.pk:
            VirtualCard.objects.filter(pk=early.pk).update(**old_values)

    rotate_card_keys_reseal = rotate_card_keys.reseal
    monkeypatch.setattr(rotate_card_keys, "reseal", behind)
    with pytest.raises(CommandError, match="1 cards were sealed with an older key"):
        rotate()
    monkeypatch.undo()
    rotate()


@real_commits
def test_without_keys_the_command_says_so(settings: Any) -> None:
    settings.CARD_DATA_KEYS = ()
    with pytest.raises(CommandError, match="CARD_DATA_KEYS is not set"):
        rotate()
    with pytest.raises(CommandError, match="--batch"):
        rotate(batch=0)


class Busy:
    """Works that are repeated, each in a thread of its own, until the block ends."""

    def __init__(self, *works: Callable[[], None]) -> None:
        self.raised: list[BaseException] = []
        self.turns = [0] * len(works)
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._repeat, args=pair) for pair in enumerate(works)]

    def _repeat(self, place: int, work: Callable[[], None]) -> None:
        try:
            while not self._stop.is_set():
                work()
                self.turns[place] += 1
        except BaseException as error:  # noqa: BLE001  (the test looks at it)
            self.raised.append(error)
        finally:
            connections.close_all()

    def wait(self, turns: int = 3) -> None:
        """Until each has begun and ended some turns from now on: what was under way before is over."""
        wanted = [done + turns for done in self.turns]
        while not self.raised and any(done < least for done, least in zip(self.turns, wanted, strict=True)):
            time.sleep(0.01)

    def __enter__(self) -> "Busy":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=30)


@pytest.mark.only_in_proofs
@real_commits
def test_keys_change_while_cards_are_made_written_and_shown(settings: Any) -> None:
    """The key ring goes through all its steps; at no moment does a card fail to open."""
    cards = [stored_card() for _ in range(150)]
    holder, shown, turn = cards[0].cardholder, [0], [0]

    def create() -> None:
        card = VirtualCardFactory(cardholder=holder, last_four="4242")
        store_card_data(card, number=NUMBER, cvv=CVV)
        cards.append(card)

    def write_again() -> None:
        turn[0] += 7
        store_card_data(cards[turn[0] % 150], number=NUMBER, cvv=CVV)

    def show() -> None:
        shown[0] += 1
        assert reveal(cards[shown[0] * 11 % len(cards)], f"user:{shown[0]}") == (NUMBER, CVV)

    with Busy(create, write_again, show, create) as busy:
        busy.wait()
        settings.CARD_DATA_KEYS = (OLD, NEW)
        busy.wait()
        settings.CARD_DATA_KEYS = (NEW, OLD)
        busy.wait()
        before = sum(busy.turns)
        rotate(batch=20)
        assert sum(busy.turns) > before
        settings.CARD_DATA_KEYS = (NEW,)
        busy.wait(10)

    assert not busy.raised
    assert len(cards) > 150
    assert rotate()[0].startswith(f"{len(cards)} checked, 0 to the first key")
    assert all(reveal(card, f"last:{card.pk}") == (NUMBER, CVV) for card in cards)


@pytest.mark.django_db
def test_evidence_of_disputes_is_sealed_anew_too(settings: Any) -> None:
    settings.CARD_DATA_KEYS = (OLD,)
    row = evidence.add(request=asked(captured_purchase()), name="a.pdf", content=b"%PDF-1 text", actor="user:1")
    settings.CARD_DATA_KEYS = (NEW, OLD)
    assert evidence_keys.older_than_first_key().count() == 1

    rotate()

    settings.CARD_DATA_KEYS = (NEW,)
    row.refresh_from_db()
    assert evidence.download(evidence=row, reason="To see it", actor="user:1") == b"%PDF-1 text"
    assert evidence_keys.older_than_first_key().count() == 0
