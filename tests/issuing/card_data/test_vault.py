"""Card data is sealed, shown by audited acts, and forgotten with its card (money-safety I15, I17, F16)."""

import contextlib
import datetime as dt
import json
import logging
import pickle
import traceback
from typing import Any

import pytest
from django.core.management import CommandError
from django.db import connection
from django.views.debug import SafeExceptionReporterFilter
from hypothesis import given
from hypothesis import strategies as st

from audit.models import Entry
from issuing.card_data import vault as card_data
from issuing.card_data.vault import SEALED_COLUMNS, masked, reveal_stored, store_card_data
from issuing.cards import changes as card_changes
from issuing.cards import service as cards
from issuing.management.commands import rotate_card_keys
from issuing.models import VirtualCard
from onecard.kit import clock
from onecard.kit.crypto import AlteredError, KeyMissingError, NoKeyError, SealError, WrongRowError
from onecard.kit.luhn import passes_luhn
from onecard.kit.transactions import TransactionError, transaction
from tests.issuing.card_data.stored_cards import (
    CVV,
    NEW,
    NUMBER,
    OLD,
    REASON,
    outcomes,
    real_commits,
    reveal,
    rotate,
    stored_card,
    storing,
    swap,
)
from tests.support.factories import VirtualCardFactory
from tests.support.threads import at_once

__all__ = ["storing"]


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
def test_ten_an_hour_for_each_actor() -> None:
    card = stored_card()
    for _ in range(10):
        reveal(card)
    with clock.ahead(dt.timedelta(minutes=55)):
        for _ in range(3):
            with pytest.raises(card_data.TooManyRevealsError, match="10 card numbers within an hour"):
                reveal(card)
        assert outcomes() == ["shown"] * 10 + ["refused"] * 3
        reveal(card, "user:2")

    # What was refused does not count, so that asking again does not lock anybody out for longer.
    with clock.ahead(dt.timedelta(minutes=61)):
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
        card_data.store_card_data(VirtualCard(last_four="4242"), number=NUMBER[:-1] + "1", cvv=CVV)
    except card_data.InvalidCardDataError as error:
        frames = [frame for frame, _line in traceback.walk_tb(error.__traceback__)]
    values = dict(SafeExceptionReporterFilter().get_traceback_frame_variables(_Production(), frames[-1]))
    assert NUMBER[:-1] + "1" not in str(values)


class _Production:
    """A request as Django's reporter sees one with DEBUG off."""

    sensitive_post_parameters = "__ALL__"


# Forgetting -----------------------------------------------------------------------------------------------------------


@real_commits
def test_closing_a_card_forgets_its_number_and_says_so_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(card_changes, "carry_out", lambda **_change: "intended")
    card, other = stored_card(), stored_card()
    frozen = cards.freeze(card=card, reason="Lost", requested_by="user:0")
    assert VirtualCard.objects.get(pk=card.pk).encrypted_card_number, "a frozen card may be used again"

    cards.close(card=frozen, reason="Not wanted", requested_by="user:0")

    closed = VirtualCard.objects.get(pk=card.pk)
    assert (closed.encrypted_card_number, closed.encrypted_cvv, closed.last_four) == ("", "", NUMBER[-4:])
    assert reveal(other) == (NUMBER, CVV)
    assert Entry.objects.filter(action="card_data.erased", subject_id=str(card.pk)).count() == 1


@real_commits
def test_erasing_needs_a_transaction_and_erasing_nothing_writes_no_entry() -> None:
    with pytest.raises(TransactionError):
        card_data.erase_card_data(stored_card(), actor="user:1")
    with transaction():
        assert not card_data.erase_card_data(VirtualCardFactory(), actor="user:1")
    assert not Entry.objects.filter(action="card_data.erased").exists()
