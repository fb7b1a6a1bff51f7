"""Proves that a delivery comes from the issuer, over its raw bytes, before anything reads them."""

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Sequence

from stripe import WebhookSignature

from onecard.kit.errors import OneCardError

TOLERANCE_S = 300


class SignatureError(OneCardError):
    """The delivery is not proven to come from the issuer."""

    code = "bad_signature"


def verify_stripe(body: bytes, header: str, secrets: Sequence[str]) -> int:
    """Returns when a v1 signature of the body was made by any of the secrets, in whole seconds of Unix time.

    Raises SignatureError without such a signature from within 5 minutes before or after now
    (docs/issuers/stripe.md, Webhook signatures). The package refuses old timestamps but takes any from the future,
    so that side is checked here. It raises errors of many kinds for odd headers, which all mean the same.
    """
    usable = [secret for secret in secrets if secret]
    if not usable:
        raise SignatureError("No webhook secret is set, so no delivery can be trusted; set STRIPE_WEBHOOK_SECRETS.")
    if not any(_matches(body, header, secret) for secret in usable):
        raise SignatureError("The signature does not match the body under any of our secrets, or it is too old.")
    signed_at = _timestamp(header)
    if signed_at > time.time() + TOLERANCE_S:
        raise SignatureError("The signature's timestamp lies more than 5 minutes in the future.")
    return signed_at


def verify_basic(header: str, *, username: str, password: str) -> None:
    """Raises SignatureError unless an Authorization header carries exactly these; refuses everybody if one is empty."""
    given_name, given_password = _basic(header)
    name_fits = hmac.compare_digest(given_name, username.encode())
    password_fits = hmac.compare_digest(given_password, password.encode())
    if not (username and password and name_fits and password_fits):
        raise SignatureError("The user name and the password are not the ones that this door asks for.")


def verify_marqeta(body: bytes, header: str, secret: str) -> None:
    """Raises SignatureError unless the header is the hex HMAC of the body, by SHA-1 or SHA-256.

    Checks nothing without a secret.

    Both are taken because retries keep their old algorithm for two weeks (docs/issuers/marqeta.md, Webhook
    signatures).
    """
    given = header.strip().encode("utf-8", "replace")
    expected = [hmac.new(secret.encode(), body, algorithm).hexdigest() for algorithm in (hashlib.sha1, hashlib.sha256)]
    fits = [hmac.compare_digest(given, each.encode()) for each in expected]
    if secret and not any(fits):
        raise SignatureError("The signature does not match the body under our secret.")


def _basic(header: str) -> tuple[bytes, bytes]:
    scheme, _, encoded = header.partition(" ")
    try:
        name, _, password = base64.b64decode(encoded.strip().encode("ascii"), validate=True).partition(b":")
    except (binascii.Error, UnicodeEncodeError):
        return b"", b""
    return (name, password) if scheme.lower() == "basic" else (b"", b"")


def _matches(body: bytes, header: str, secret: str) -> bool:
    try:
        # The body goes in as text because the package joins it to the timestamp as text.
        WebhookSignature.verify_header(body.decode("utf-8"), header, secret, TOLERANCE_S)
    except Exception:  # noqa: BLE001  (TypeError, UnicodeDecodeError, …: whatever is wrong with it, it does not match)
        return False
    return True


def _timestamp(header: str) -> int:
    """Returns the `t` that the package has just verified, by the package's rule that the first one counts."""
    pairs = (item.split("=", 2) for item in header.split(","))
    return int(next(pair[1] for pair in pairs if pair[0] == "t"))
