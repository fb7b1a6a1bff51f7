"""A sealed value opens only in its own row and column, with a key of the ring (money-safety I17, F16)."""

import base64
import os
import pickle
import subprocess
import sys
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from onecard import environment
from onecard.kit import crypto
from onecard.kit.crypto import AlteredError, KeyMissingError, NoKeyError, SealError, WrongRowError, open_sealed, seal

OLD, NEW = os.urandom(32), os.urandom(32)
NUMBER = "4242424242424242"
PLACE = "issuing_virtualcard.encrypted_card_number:6f1c0a52-0000-4000-8000-000000000001"
given_one_ring = hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(autouse=True)
def _ring(settings: Any) -> None:
    settings.CARD_DATA_KEYS = (OLD,)


@given_one_ring
@given(plaintext=st.text(st.characters(exclude_categories=["Cs"])), place=st.text(st.characters(codec="utf-8")))
def test_what_is_sealed_opens_in_its_place(plaintext: str, place: str) -> None:
    assert open_sealed(seal(plaintext, context=place), context=place) == plaintext


@given_one_ring
@given(places=st.lists(st.text(st.characters(codec="utf-8")), min_size=2, max_size=2, unique=True))
def test_it_opens_in_no_other_place(places: list[str]) -> None:
    with pytest.raises(WrongRowError):
        open_sealed(seal(NUMBER, context=places[0]), context=places[1])


@given_one_ring
@given(noise=st.binary() | st.binary(min_size=60).map(lambda tail: crypto.first_key().header + tail))
def test_noise_never_opens(noise: bytes) -> None:
    with pytest.raises(SealError):
        open_sealed(base64.urlsafe_b64encode(noise).decode(), context=PLACE)


@given_one_ring
@given(text=st.text())
def test_text_that_was_never_sealed_does_not_open(text: str) -> None:
    with pytest.raises(SealError):
        open_sealed(text, context=PLACE)


def test_the_same_text_is_sealed_differently_each_time() -> None:
    assert len({seal(NUMBER, context=PLACE) for _ in range(100)}) == 100


def test_every_bit_counts() -> None:
    raw = base64.urlsafe_b64decode(seal(NUMBER, context=PLACE))
    for bit in range(len(raw) * 8):
        altered = bytearray(raw)
        altered[bit // 8] ^= 1 << bit % 8
        with pytest.raises((AlteredError, KeyMissingError)) as refused:
            open_sealed(base64.urlsafe_b64encode(altered).decode(), context=PLACE)
        # Only the 8 bytes of the key id can make it a key that we do not have.
        assert isinstance(refused.value, KeyMissingError) == (8 <= bit < 72)


def test_every_character_counts_also_the_unused_bits_of_the_last() -> None:
    sealed = seal("123", context=PLACE)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/= \n\x00é"
    for place, right in enumerate(sealed):
        for wrong in set(alphabet) - {right}:
            with pytest.raises(SealError):
                open_sealed(sealed[:place] + wrong + sealed[place + 1 :], context=PLACE)


def test_a_part_or_an_addition_does_not_open() -> None:
    sealed = seal(NUMBER, context=PLACE)
    for altered in [*(sealed[:length] for length in range(len(sealed))), sealed + "A", sealed + "AAAA", sealed * 2]:
        with pytest.raises(SealError):
            open_sealed(altered, context=PLACE)


def test_the_first_key_seals_and_all_open(settings: Any) -> None:
    under_old = seal(NUMBER, context=PLACE)
    settings.CARD_DATA_KEYS = (NEW, OLD)
    under_new = seal(NUMBER, context=PLACE)
    assert open_sealed(under_old, context=PLACE) == open_sealed(under_new, context=PLACE) == NUMBER
    assert under_new.startswith(crypto.first_key().prefix)
    assert not under_old.startswith(crypto.first_key().prefix)

    settings.CARD_DATA_KEYS = (NEW,)
    assert open_sealed(under_new, context=PLACE) == NUMBER
    with pytest.raises(KeyMissingError) as refused:
        open_sealed(under_old, context=PLACE)
    assert refused.value.code == "card_data_key_missing"


def test_a_value_relabelled_with_another_key_of_the_ring_does_not_open(settings: Any) -> None:
    settings.CARD_DATA_KEYS = (OLD, NEW)
    raw = base64.urlsafe_b64decode(seal(NUMBER, context=PLACE))
    new_header = crypto.ring_key(NEW).header
    with pytest.raises(AlteredError):
        open_sealed(base64.urlsafe_b64encode(new_header + raw[len(new_header) :]).decode(), context=PLACE)


def test_the_key_id_is_authenticated_even_by_the_same_key(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    """The trap of one key under two ids: even then a relabelled value is refused."""
    raw = base64.urlsafe_b64decode(seal(NUMBER, context=PLACE))
    key = crypto.ring_key(OLD)
    other = crypto.RingKey(header=crypto.VERSION + b"8 bytes!", cipher=key.cipher)
    # A key that no other test has, since the rings of a process are kept by their keys.
    settings.CARD_DATA_KEYS = (OLD, b"stands for the second id, 32 by.")
    monkeypatch.setattr(crypto, "ring_key", lambda given: key if given == OLD else other)
    with pytest.raises(WrongRowError):
        open_sealed(base64.urlsafe_b64encode(other.header + raw[len(other.header) :]).decode(), context=PLACE)


def test_without_keys_nothing_is_sealed_or_opened(settings: Any) -> None:
    sealed = seal(NUMBER, context=PLACE)
    settings.CARD_DATA_KEYS = ()
    with pytest.raises(NoKeyError):
        seal(NUMBER, context=PLACE)
    with pytest.raises(KeyMissingError):
        open_sealed(sealed, context=PLACE)


@pytest.mark.only_in_proofs
def test_another_secret_key_in_another_process_opens_it() -> None:
    """A fresh process, since the library computes its own defaults from SECRET_KEY once, at import."""
    script = (
        "import os, django; django.setup()\n"
        "from onecard.kit.crypto import open_sealed\n"
        "print(open_sealed(os.environ['SEALED'], context=os.environ['PLACE']))"
    )
    changed = {"SECRET_KEY": "another secret of more than 32 characters", "DJANGO_SETTINGS_MODULE": "onecard.settings"}
    ring = {"CARD_DATA_KEYS": base64.b64encode(OLD).decode()}
    sealed = {"SEALED": seal(NUMBER, context=PLACE), "PLACE": PLACE}
    command = [sys.executable, "-c", script]
    opened = subprocess.run(command, env={**os.environ, **changed, **ring, **sealed}, capture_output=True, text=True)
    assert opened.stdout.strip() == NUMBER, opened.stderr


def test_neither_errors_nor_reprs_hold_plaintext_or_keys() -> None:
    shown = [repr(crypto.first_key()), str(crypto.first_key())]
    sealed = seal(NUMBER, context=PLACE)
    for attempt in (
        lambda: open_sealed(sealed, context="elsewhere"),
        lambda: open_sealed(sealed[:-8], context=PLACE),
        lambda: seal(f"{NUMBER}\ud800", context=PLACE),
    ):
        with pytest.raises(SealError) as refused:
            attempt()
        shown += [repr(refused.value), str(refused.value), repr(refused.value.__cause__), refused.value.message]
        assert refused.value.__suppress_context__ or refused.value.__context__ is None
    secrets = (NUMBER, repr(OLD), OLD.hex(), base64.b64encode(OLD).decode(), sealed)
    assert not [text for text in shown for secret in secrets if secret in text]


def test_sealed_text_is_no_pickle() -> None:
    with pytest.raises(pickle.UnpicklingError):
        pickle.loads(base64.urlsafe_b64decode(seal(NUMBER, context=PLACE)))  # noqa: S301  (that it fails is the point)


def read_keys(monkeypatch: pytest.MonkeyPatch, text: str, **needed: str) -> tuple[bytes, ...]:
    monkeypatch.setenv("CARD_DATA_KEYS", text)
    return environment.secret_keys("CARD_DATA_KEYS", **needed)


def test_keys_are_read_in_order_in_either_alphabet(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [base64.b64encode(OLD).decode(), base64.urlsafe_b64encode(NEW).decode()]
    assert read_keys(monkeypatch, ", ".join(texts) + ",") == (OLD, NEW)
    assert read_keys(monkeypatch, "") == ()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("not base64 at all!", "Key 1 of CARD_DATA_KEYS"),
        (base64.b64encode(OLD[:16]).decode(), "Key 1 of CARD_DATA_KEYS"),
        (base64.b64encode(OLD + b"x").decode(), "Key 1 of CARD_DATA_KEYS"),
        (base64.b64encode(bytes(32)).decode(), "Key 1 of CARD_DATA_KEYS"),
        (f"{base64.b64encode(OLD).decode()},{OLD.hex()}", "Key 2 of CARD_DATA_KEYS"),
        (",".join([base64.b64encode(OLD).decode(), base64.urlsafe_b64encode(OLD).decode()]), "same key twice"),
    ],
    ids=["no base64", "short", "long", "zeros", "hexadecimal", "twice"],
)
def test_a_wrong_key_is_refused_by_its_place_and_never_repeated(
    monkeypatch: pytest.MonkeyPatch, text: str, says: str
) -> None:
    with pytest.raises(ImproperlyConfigured) as refused:
        read_keys(monkeypatch, text)
    assert says in str(refused.value)
    assert not [part for part in text.split(",") if part in str(refused.value)]


def test_storing_without_a_key_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ImproperlyConfigured, match="STORE_CARD_DATA is on"):
        read_keys(monkeypatch, " , ", required_because="STORE_CARD_DATA is on")
