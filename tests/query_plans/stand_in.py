"""What stand-in asks the database for: a snapshot of all cards, and the fold of its answers."""

import os
import tempfile
import time
import uuid
import zlib
from pathlib import Path

import msgspec
from django.test import override_settings

from issuing.authorizations import stand_in_fold
from issuing.issuers.messages import Envelope
from issuing.issuers.stripe.events import parse_authorization_request
from issuing.stand_in import snapshot_writing
from issuing.stand_in.entries import Entry, line_of, request_of
from tests.support import stripe_events


def snapshot_of_cards() -> None:
    with tempfile.TemporaryDirectory() as folder:
        snapshot_writing.take(Path(folder))


def fold_of_stand_in() -> None:
    """Of an approval and a decline, and of an approval that is in doubt."""
    with tempfile.TemporaryDirectory() as folder, override_settings(STAND_IN_DIR=folder):
        entries = [entry_of_17(reason) for reason in ("", "stand_in_declined")]
        doubt = msgspec.structs.replace(entry_of_17(""), awaits_mark=True)
        waiting = Path(folder) / "waiting-17.journal"
        waiting.write_bytes(b"".join(map(line_of, (*entries, doubt))))
        os.utime(waiting, (0, 0))
        outcomes = dict(stand_in_fold.fold(Path(folder)).outcomes)
        assert outcomes == {"approved": 1, "declined": 1, "in_doubt": 1}, outcomes


def entry_of_17(reason: str) -> Entry:
    """An answer about a purchase with card 17 that nobody has heard of."""
    event = stripe_events.authorization_request(card="ic_17")
    envelope = Envelope(event["id"], event["type"], "", event["data"]["object"])
    asked = parse_authorization_request("stripe", envelope)
    return Entry(
        id=str(uuid.uuid4()),
        answered_at=time.time(),
        request=request_of(asked),
        reason=reason,
        response=b"{}",
        method_id=17,
        snapshot_at=time.time(),
        elapsed_ms=1.0,
        in_doubt=[],
        body=zlib.compress(b"{}"),
        original_mac="",
    )
