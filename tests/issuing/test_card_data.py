"""Card data is kept sealed, shown one audited act at a time, and moved to a new key under load (I15, I17, F16)."""

import contextlib
import datetime as dt
import io
import json
import logging
import os
import pickle
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections
from django.views.debug import SafeExceptionReporterFilter
from hypothesis import given
from hypothesis import strategies as st

from audit.models import Entry
from issuing import card_changes, card_data, cards
from issuing.card_data import SEALED_COLUMNS, masked, reveal_stored, store_card_data
from issuing.management.commands import rotate_card_keys
from issuing.models import VirtualCard
from onecard.kit import clock, crypto
from onecard.kit.crypto import AlteredError, KeyMissingError, NoKeyError, SealError, WrongRowError
from onecard.kit.luhn import passes_luhn
from onecard.kit.transactions import TransactionError, transaction
from tests.factories import VirtualCardFactory
from tests.threads import at_once

OLD, NEW = os.urandom(32), os.urandom(32)
NUMBER, CVV = "4242424242424242", "737"
REASON = "The cardholder asked on the phone"
real_commits = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _storing(settings: Any) -> None:
    settings.STORE_CARD_DATA = True
    settings.CARD_DATA_KEYS = (OLD,)


def stored_card(number: str = NUMBER, cvv: str = CVV) -> VirtualCard:
    card = VirtualCardFactory(last_four=number[-4:])
    store_card_data(card, number=number, cvv=cvv)
    return card


def reveal(card: VirtualCard, actor: str = "user:1") -> tuple[str, str]:
    shown = reveal_stored(card, actor=actor, reason=REASON)
    return shown.number, shown.cvv


def outcomes() -> list[str]:
    return [entry.details["outcome"] for entry in Entry.objects.filter(action="card_data.reveal").order_by("id")]


def rotate(**options: Any) -> tuple[str, str]:
    """Runs the command; gives what it wrote, or raises CommandError with that in its notes."""
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("rotate_card_keys", stdout=out, stderr=err, **options)
    except CommandError as error:
        error.add_note(out.getvalue() + err.getvalue())
        raise
    return out.getvalue(), err.getvalue()


def swap(first: VirtualCard, second: VirtualCard, *columns: str) -> None:
    for card, other in ((first, second), (second, first)):
        VirtualCard.objects.filter(pk=card.pk).update(**{column: getattr(other, column) for column in columns})


# Storing --------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("number", [NUMBER, "5555555555554444", "4222222222222", "378282246310005"])
@pytest.mark.parametrize("cvv", ["", "737", "0000"])
def test_what_is_stored_is_shown_and_the_row_holds_no_digit_of_it(number: str, cvv: str) -> None:
    card = stored_card(number, cvv)

    assert reveal(card) == (number, cvv)
    row = VirtualCard.objects.values_list(*SEALED_COLUMNS).get(pk=card.pk)
    assert row == (card.encrypted_card_number, card.encrypted_cvv)
    assert number not in row[0]
    assert bool(row[1]) == bool(cvv)


@pytest.mark.django_db
def test_nothing_is_stored_unless_the_setting_says_so(settings: Any) -> None:
    settings.STORE_CARD_DATA = False
    card = VirtualCardFactory(last_four="4242")
    with pytest.raises(card_data.StoringOffError):
        store_card_data(card, number=NUMBER, cvv=CVV)
    assert not rotate_card_keys.cards_with_data().exists()
    assert not Entry.objects.exists()


@pytest.mark.django_db
def test_what_was_stored_before_is_still_shown_when_the_setting_goes_off(settings: Any) -> None:
    card = stored_card()
    settings.STORE_CARD_DATA = False
    assert reveal(card) == (NUMBER, CVV)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("number", "cvv"),
    [
        ("4242424242424241", CVV),
        ("4242 4242 4242 4242", CVV),
        ("٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢", CVV),
        ("42424242", CVV),
        ("42" * 10, CVV),
        ("", CVV),
        ("5555555555554444", CVV),
        (NUMBER + "\n", CVV),
        *[(NUMBER, cvv) for cvv in ("73", "73737", "abc", "73\n", "٧٣٧")],
    ],
)
def test_what_cannot_be_this_cards_is_refused_and_not_repeated(number: str, cvv: str) -> None:
    card = VirtualCardFactory(last_four="4242")
    with pytest.raises(card_data.InvalidCardDataError) as refused:
        store_card_data(card, number=number, cvv=cvv)
    assert not number or number not in "".join(traceback.format_exception(refused.value))
    assert not rotate_card_keys.cards_with_data().exists()


@pytest.mark.django_db
def test_without_a_key_nothing_is_stored(settings: Any) -> None:
    settings.CARD_DATA_KEYS = ()
    card = VirtualCardFactory(last_four="4242")
    with pytest.raises(NoKeyError):
        store_card_data(card, number=NUMBER, cvv=CVV)


@pytest.mark.django_db
def test_storing_does_not_write_the_rest_of_a_stale_object() -> None:
    card = VirtualCardFactory(last_four="4242")
    VirtualCard.objects.filter(pk=card.pk).update(status="frozen")
    store_card_data(card, number=NUMBER)
    assert VirtualCard.objects.get(pk=card.pk).status == "frozen"


@given(number=st.text("0123456789", min_size=12, max_size=19))
def test_masked_shows_the_last_four_only(number: str) -> None:
    assert masked(number) == f"•••• {number[-4:]}"


@given(text=st.text(max_size=11))
def test_masked_shows_nothing_of_what_is_too_short(text: str) -> None:
    assert masked(text) == "••••"


@given(body=st.text("0123456789", min_size=11, max_size=18), at=st.integers(0, 17), by=st.integers(1, 9))
def test_each_wrong_digit_is_caught(body: str, at: int, by: int) -> None:
    number = next(body + check for check in "0123456789" if passes_luhn(body + check))
    place = at % len(number)
    wrong = number[:place] + str((int(number[place]) + by) % 10) + number[place + 1 :]
    assert not passes_luhn(wrong)


# Revealing ------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_each_access_is_in_the_trail_with_its_reason() -> None:
    card = stored_card()
    reveal(card, "user:7")
    entry = Entry.objects.get(action="card_data.reveal")
    assert (entry.actor, entry.subject_type, entry.subject_id) == ("user:7", "virtualcard", str(card.pk))
    assert entry.details == {"reason": REASON, "outcome": "shown"}


@pytest.mark.django_db
@pytest.mark.parametrize(
    "reason",
    ["", "too short", " " * 40, "a       b", "x" * 301, f"is it {NUMBER}?", "4242 4242-4242.4242 is it", "٤" * 16],
)
def test_a_poor_reason_is_refused_before_anything_is_read(reason: str) -> None:
    card = stored_card()
    with pytest.raises(card_data.ReasonError):
        reveal_stored(card, actor="user:1", reason=reason)
    assert not outcomes()


@pytest.mark.django_db
def test_somebody_must_ask() -> None:
    with pytest.raises(card_data.ReasonError):
        reveal_stored(stored_card(), actor=" ", reason=REASON)


@pytest.mark.django_db
def test_a_card_that_is_not_stored_says_where_its_number_is() -> None:
    with pytest.raises(card_data.NotStoredError, match="issuer"):
        reveal(VirtualCardFactory())


@pytest.mark.django_db
def test_ten_an_hour_for_each_actor(monkeypatch: pytest.MonkeyPatch) -> None:
    card = stored_card()
    start = clock.now()
    for _ in range(10):
        reveal(card)
    monkeypatch.setattr(clock, "_now", lambda: start + dt.timedelta(minutes=55))
    for _ in range(3):
        with pytest.raises(card_data.TooManyRevealsError, match="10 card numbers within an hour"):
            reveal(card)
    assert outcomes() == ["shown"] * 10 + ["refused"] * 3
    reveal(card, "user:2")

    # What was refused does not count, so that asking again does not lock anybody out for longer.
    monkeypatch.setattr(clock, "_now", lambda: start + dt.timedelta(minutes=61))
    assert [reveal(card) for _ in range(10)] == [(NUMBER, CVV)] * 10


@real_commits
def test_racing_requests_of_one_actor_do_not_exceed_the_limit() -> None:
    card = stored_card()

    def attempt() -> bool:
        with contextlib.suppress(card_data.TooManyRevealsError):
            return bool(reveal(card))
        return False

    assert sum(at_once([attempt] * 24)) == 10
    assert sorted(outcomes()) == ["refused"] * 14 + ["shown"] * 10


@real_commits
def test_nothing_is_shown_whose_entry_could_be_rolled_back() -> None:
    card = stored_card()
    with pytest.raises(TransactionError), transaction():
        reveal(card)
    assert not outcomes()


@real_commits
def test_nothing_is_shown_when_the_trail_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    card = stored_card()

    def full(**_entry: Any) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(card_data.trail, "record", full)
    with pytest.raises(OSError, match="full"):
        reveal(card)


@real_commits
@pytest.mark.parametrize("columns", [SEALED_COLUMNS, SEALED_COLUMNS[:1], SEALED_COLUMNS[1:]])
def test_swapped_rows_do_not_open_and_the_attempt_is_told(columns: tuple[str, ...]) -> None:
    first, second = stored_card(), stored_card()
    swap(first, second, *columns)
    for card in (first, second):
        with pytest.raises(WrongRowError):
            reveal(card)
    assert [entry.details["error"] for entry in Entry.objects.filter(action="card_data.reveal")] == [
        "card_data_wrong_row"
    ] * 2


@pytest.mark.django_db
def test_the_number_does_not_open_as_the_code() -> None:
    card = stored_card()
    VirtualCard.objects.filter(pk=card.pk).update(encrypted_cvv=card.encrypted_card_number)
    with pytest.raises(WrongRowError):
        reveal(card)


@pytest.mark.django_db
def test_a_missing_key_and_an_altered_value_are_told_apart(settings: Any) -> None:
    card = stored_card()
    settings.CARD_DATA_KEYS = (NEW,)
    with pytest.raises(KeyMissingError):
        reveal(card)
    settings.CARD_DATA_KEYS = (OLD,)
    VirtualCard.objects.filter(pk=card.pk).update(encrypted_cvv=card.encrypted_cvv[:-8])
    with pytest.raises(AlteredError):
        reveal(card)


@pytest.mark.django_db
def test_another_secret_key_changes_nothing(settings: Any) -> None:
    card = stored_card()
    settings.SECRET_KEY = "another secret of more than 32 characters"
    assert reveal(card) == (NUMBER, CVV)


@real_commits
def test_planted_numbers_are_in_no_log_error_repr_or_trail(settings: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "django.db.backends")
    connection.force_debug_cursor = True
    try:
        card = stored_card()
        shown = reveal_stored(card, actor="user:1", reason=REASON)
        settings.CARD_DATA_KEYS = (NEW, OLD)
        said = [*rotate(), repr(shown), str(shown), f"{shown}", repr(card), str(vars(card))]
        VirtualCard.objects.filter(pk=card.pk).update(encrypted_cvv=card.encrypted_card_number)
        for attempt in (
            lambda: reveal(card),
            lambda: store_card_data(card, number=NUMBER[:-1] + "1", cvv=CVV),
            rotate,
        ):
            with pytest.raises((SealError, card_data.CardDataError, CommandError)) as refused:
                attempt()
            said += ["".join(traceback.format_exception(refused.value)), repr(refused.value)]
        with pytest.raises(TypeError):
            pickle.dumps(shown)
    finally:
        connection.force_debug_cursor = False
    said += [json.dumps(list(Entry.objects.values()), default=str), caplog.text]
    assert "SELECT" in caplog.text
    assert len(Entry.objects.all()) >= 4
    assert not [text for text in said if NUMBER[:12] in text or f"'{CVV}'" in text or f'"{CVV}"' in text]


def test_error_pages_hide_the_keys_and_the_number(settings: Any) -> None:
    shown = SafeExceptionReporterFilter().get_safe_settings()["CARD_DATA_KEYS"]
    assert str(OLD) not in str(shown)
    try:
        card_data._check(VirtualCard(last_four="4242"), NUMBER[:-1] + "1", CVV)
    except card_data.InvalidCardDataError as error:
        frames = [frame for frame, _line in traceback.walk_tb(error.__traceback__)]
    values = dict(SafeExceptionReporterFilter().get_traceback_frame_variables(_Production(), frames[-1]))
    assert NUMBER[:-1] + "1" not in str(values)


class _Production:
    """A request as Django's reporter sees one with DEBUG off."""

    sensitive_post_parameters = "__ALL__"


# Changing keys --------------------------------------------------------------------------------------------------


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


@real_commits
def test_closing_a_card_forgets_its_number_and_says_so_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(card_changes, "carry_out", lambda **_change: "intended")
    card, other = stored_card(), stored_card()
    frozen = cards.freeze(card=card, reason="Lost", requested_by="user:1")
    assert VirtualCard.objects.get(pk=card.pk).encrypted_card_number, "a frozen card may be used again"

    cards.close(card=frozen, reason="Not wanted", requested_by="user:1")

    closed = VirtualCard.objects.get(pk=card.pk)
    assert (closed.encrypted_card_number, closed.encrypted_cvv, closed.last_four) == ("", "", NUMBER[-4:])
    assert reveal(other) == (NUMBER, CVV)
    assert Entry.objects.filter(action="card_data.erased", subject_id=str(card.pk)).count() == 1


@real_commits
def test_a_number_is_only_forgotten_in_a_transaction_and_nothing_is_no_entry() -> None:
    with pytest.raises(TransactionError):
        card_data.erase_card_data(stored_card(), actor="user:1")
    with transaction():
        assert not card_data.erase_card_data(VirtualCardFactory(), actor="user:1")
    assert not Entry.objects.filter(action="card_data.erased").exists()
