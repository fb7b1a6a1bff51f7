"""The signature is that of the Standard Webhooks specification; the secret lies sealed, and is shown to nobody."""

import base64
import datetime as dt
import logging
import uuid
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from audit.models import Entry
from onecard.integrations import endpoints, events, sending, signing
from onecard.integrations.models import Delivery, Endpoint
from onecard.kit import clock
from onecard.kit.crypto import SealError
from onecard.kit.transactions import transaction
from tests.support.webhook_receivers import Receiver, is_genuine

pytestmark = pytest.mark.django_db
OLD, NEW = b"o" * 31 + b"1", b"n" * 31 + b"2"


def send_one(endpoint: Endpoint) -> str:
    with transaction():
        made = events.write_test(endpoint)
    return sending.send(delivery_id=made.pk)


def test_the_specifications_own_example_has_its_signature() -> None:
    made = signing.signed(
        ["whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        event_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp=1614265330,
        body=b'{"test": 2432232314}',
    )
    assert made["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_receiver_can_check_what_it_gets(endpoint: Endpoint, receiver: Receiver) -> None:
    assert send_one(endpoint) == "delivered"

    (received,) = receiver.received
    secret = signing.secret_of(endpoint)
    assert is_genuine(received, secret)
    assert abs(int(received.headers["webhook-timestamp"]) - clock.now().timestamp()) < 60
    assert not is_genuine(received, "whsec_" + base64.b64encode(b"x" * 32).decode())
    assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32


def test_after_a_change_both_secrets_sign_for_a_day(endpoint: Endpoint, receiver: Receiver) -> None:
    old, key = signing.secret_of(endpoint), uuid.uuid4()
    rotated = endpoints.rotate(endpoint, key=key, actor="user:1")
    new = signing.secret_of(endpoints.rotate(endpoint, key=key, actor="user:1"))
    assert new == signing.secret_of(rotated) != old
    assert Entry.objects.filter(action="webhook_endpoint.secret_rotated").count() == 1

    send_one(endpoint)
    with clock.ahead(dt.timedelta(hours=24, seconds=1)):
        send_one(endpoint)

    early, late = receiver.received
    assert is_genuine(early, old)
    assert is_genuine(early, new)
    assert is_genuine(late, new)
    assert not is_genuine(late, old)


def test_secrets_are_sealed_for_their_endpoint_only(endpoint: Endpoint) -> None:
    other = endpoints.create(endpoint.user, url=endpoint.url, description="", wanted=["*"], key=uuid.uuid4(), actor="a")
    other.sealed_secret = endpoint.sealed_secret
    with pytest.raises(SealError):
        signing.secret_of(other)


def test_the_secret_is_in_no_log_row_trail_or_repr(
    endpoint: Endpoint, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = signing.secret_of(endpoint)
    receiver.answers(500, f"I got {secret}".encode())
    send_one(endpoint)
    endpoints.rotate(endpoint, key=uuid.uuid4(), actor="user:1")

    rows = [*Entry.objects.values(), *Endpoint.objects.values(), *Delivery.objects.values()]
    said = caplog.text + repr(rows) + repr(endpoint) + str(endpoint)
    assert rows
    assert secret not in said
    assert secret.removeprefix("whsec_") not in said


def test_the_keys_rotation_seals_these_too(endpoint: Endpoint, settings: Any) -> None:
    settings.SECOND_FACTOR_KEYS = (OLD,)
    signing.give_secret(endpoint)
    endpoint.save()
    endpoints.rotate(endpoint, key=uuid.uuid4(), actor="user:1")
    endpoint.refresh_from_db()
    secret = signing.secret_of(endpoint)
    settings.SECOND_FACTOR_KEYS = (NEW, OLD)

    call_command("rotate_second_factor_keys")
    call_command("rotate_second_factor_keys")
    settings.SECOND_FACTOR_KEYS = (NEW,)

    endpoint.refresh_from_db()
    assert signing.secret_of(endpoint) == secret
    assert signing.headers(endpoint, event_id="1", body=b"")["webhook-signature"].count("v1,") == 2


def test_a_secret_that_no_key_opens_is_named_and_waits(endpoint: Endpoint, settings: Any, receiver: Receiver) -> None:
    settings.SECOND_FACTOR_KEYS = (NEW,)
    with pytest.raises(CommandError, match="keep every key"):
        call_command("rotate_second_factor_keys")

    assert send_one(endpoint) == "waiting"
    endpoint.refresh_from_db()
    assert endpoint.failing_since is None
    assert receiver.received == []
