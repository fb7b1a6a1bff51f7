"""Is it really the issuer who speaks? Verified over the raw bytes, before anything reads them."""

import time
from collections.abc import Sequence

from stripe import WebhookSignature

from onecard.kit.errors import OneCardError

TOLERANCE_S = 300


class SignatureError(OneCardError):
    """The delivery is not proven to come from the issuer."""

    code = "bad_signature"


def verify_stripe(body: bytes, header: str, secrets: Sequence[str]) -> None:
    """Raises SignatureError unless any secret made a v1 signature of the body within 5 minutes either way.

    Rule: Stripe, webhook signatures. The package refuses old timestamps but takes any from the future, so that side
    is checked here; it also raises errors of many kinds for odd headers, all of which mean the same.
    """
    usable = [secret for secret in secrets if secret]
    if not usable:
        raise SignatureError("No webhook secret is set, so no delivery can be trusted; set STRIPE_WEBHOOK_SECRETS.")
    if not any(_matches(body, header, secret) for secret in usable):
        raise SignatureError("The signature does not match the body under any of our secrets, or it is too old.")
    if _timestamp(header) > time.time() + TOLERANCE_S:
        raise SignatureError("The signature's timestamp lies more than 5 minutes in the future.")


def _matches(body: bytes, header: str, secret: str) -> bool:
    try:
        # The body goes in as text because the package joins it to the timestamp as text.
        WebhookSignature.verify_header(body.decode("utf-8"), header, secret, TOLERANCE_S)
    except Exception:  # noqa: BLE001  (TypeError, UnicodeDecodeError, …: whatever is wrong with it, it does not match)
        return False
    return True


def _timestamp(header: str) -> int:
    """The `t` that the package just verified, read by its own first-match rule."""
    pairs = (item.split("=", 2) for item in header.split(","))
    return int(next(pair[1] for pair in pairs if pair[0] == "t"))
