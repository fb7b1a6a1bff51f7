"""The signature of a webhook, and its secrets: made, sealed, changed (the Standard Webhooks specification, v1).

`webhook-signature` is `v1,` and the base64 of the HMAC-SHA256 of `<webhook-id>.<webhook-timestamp>.<body>`, under the
bytes that the secret has in base64 behind `whsec_`. For a day after a change there are two, with a blank between them.
"""

import base64
import datetime as dt
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from typing import Final

from django.views.decorators.debug import sensitive_variables

from onecard.integrations.models import Endpoint
from onecard.kit import clock
from onecard.kit.crypto import first_key, open_sealed, seal
from onecard.kit.transactions import transaction

RING: Final = "SECOND_FACTOR_KEYS"
PREFIX: Final = "whsec_"
OLD_SIGNS_FOR: Final = dt.timedelta(hours=24)


@sensitive_variables()
def headers(endpoint: Endpoint, *, event_id: str, body: bytes) -> dict[str, str]:
    """Returns the headers that prove a body to its receiver; raises SealError when no key opens the secret."""
    sent_at = clock.now()
    secrets_now = [secret_of(endpoint)]
    if endpoint.old_secret_until is not None and sent_at < endpoint.old_secret_until:
        secrets_now.append(_open(endpoint, endpoint.sealed_old_secret))
    return signed(secrets_now, event_id=event_id, timestamp=int(sent_at.timestamp()), body=body)


@sensitive_variables()
def signed(by: Sequence[str], *, event_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Returns the three headers, with a signature by each secret."""
    content = b".".join((event_id.encode(), str(timestamp).encode(), body))
    keys = (base64.b64decode(secret.removeprefix(PREFIX)) for secret in by)
    made = (base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode() for key in keys)
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{each}" for each in made),
    }


@sensitive_variables()
def give_secret(endpoint: Endpoint) -> None:
    """Gives an endpoint a new secret of 32 random bytes, sealed for this endpoint; the caller saves it."""
    secret = PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()
    endpoint.sealed_secret = seal(secret, context=_place(endpoint), ring=RING)


@sensitive_variables()
def secret_of(endpoint: Endpoint) -> str:
    """Returns the present secret; raises SealError."""
    return _open(endpoint, endpoint.sealed_secret)


def reseal(pk: int) -> bool:
    """Seals an endpoint's secrets with the first key of the ring; returns whether one was not. Raises SealError."""
    with transaction():
        row = Endpoint.objects.select_for_update(no_key=True).get(pk=pk)
        fresh = {name: _resealed(row, getattr(row, name)) for name in ("sealed_secret", "sealed_old_secret")}
        changed = {name: value for name, value in fresh.items() if value != getattr(row, name)}
        return bool(changed) and bool(Endpoint.objects.filter(pk=pk).update(**changed))


@sensitive_variables()
def _resealed(endpoint: Endpoint, sealed: str) -> str:
    if not sealed:
        return sealed
    plain = _open(endpoint, sealed)
    is_fresh = sealed.startswith(first_key(RING).prefix)
    return sealed if is_fresh else seal(plain, context=_place(endpoint), ring=RING)


def _open(endpoint: Endpoint, sealed: str) -> str:
    return open_sealed(sealed, context=_place(endpoint), ring=RING)


def _place(endpoint: Endpoint) -> str:
    return f"integrations_endpoint.secret:{endpoint.public_id}"
