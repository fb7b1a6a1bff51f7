"""Bodies of events are stored compressed, and come back byte for byte, also those from before."""

import hashlib
import json
import threading

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from issuing.body_compression import DICTIONARIES, NEWEST, UnknownDictionaryError, compressed, restored
from issuing.inbox.bodies import body_of
from issuing.models import EventBody, IssuerEvent, JournalEntry
from tests.support import marqeta_events, stripe_events
from tests.support.threads import at_once
from tests.support.wallets import walkthrough_card

# A dictionary that bodies were stored with may not change any more: a new one gets the next number.
DIGESTS = {1: "b248cb4091c1c643b5199a8cea7d41d4adfa172abe315e8a8eab4d0b9a61e2e4"}


@given(st.binary(max_size=5000))
def test_any_bytes_come_back_as_they_came(body: bytes) -> None:
    assert restored(compressed(body)) == body


@pytest.mark.parametrize("body", [b"", b"{}", b'{"id": "evt_1"}', b"\x00\x01no frame", b"\x00", b"(\xb5/\xfd"])
def test_a_body_from_before_the_compression_is_read_as_it_is(body: bytes) -> None:
    assert restored(body) == body


def test_a_dictionary_of_a_later_release_is_asked_for_in_a_sentence() -> None:
    later = b"\x00\x63" + compressed(b"{}")[2:]

    with pytest.raises(UnknownDictionaryError, match="dictionary 99, which this release does not have"):
        restored(later)


def test_dictionaries_are_those_that_bodies_were_stored_with() -> None:
    found = {int(path.stem): hashlib.sha256(path.read_bytes()).hexdigest() for path in DICTIONARIES.glob("*.txt")}

    assert found == DIGESTS
    assert max(found) == NEWEST


def test_threads_do_not_mix_up_their_bodies() -> None:
    bodies = [json.dumps({"number": number} | dict.fromkeys("abcdefgh", number)).encode() * 50 for number in range(8)]
    barrier = threading.Barrier(len(bodies))

    def there_and_back(body: bytes) -> bool:
        barrier.wait()
        return all(restored(compressed(body)) == body for _ in range(200))

    assert all(at_once([lambda body=body: there_and_back(body) for body in bodies]))


@pytest.mark.django_db
def test_a_question_takes_a_tenth_where_it_is_stored() -> None:
    asked = stripe_events.authorization_request(card=walkthrough_card().issuer_card_id)
    body = json.dumps(asked, indent=2)

    assert stripe_events.post(body).json()["approved"] is True

    event = IssuerEvent.objects.get()
    assert body_of(event) == body.encode()
    assert JournalEntry.objects.count() == 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT octet_length(body) FROM issuing_eventbody")
        assert cursor.fetchone()[0] < len(body) / 4


@pytest.mark.django_db
def test_a_stored_question_of_before_is_read_by_everybody() -> None:
    asked = marqeta_events.gateway_request(card=walkthrough_card(issuer_provider="marqeta").issuer_card_id)
    assert marqeta_events.ask(asked).status_code == 200
    event = IssuerEvent.objects.get()
    plain = body_of(event)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE issuing_eventbody DISABLE TRIGGER USER")
        cursor.execute("UPDATE issuing_eventbody SET body = %s", [plain])
        cursor.execute("ALTER TABLE issuing_eventbody ENABLE TRIGGER USER")

    assert body_of(event) == plain
    assert EventBody.objects.get().body == plain
