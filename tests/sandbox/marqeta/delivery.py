"""One POST to the account's server, with Basic auth, custom headers and, where a secret is set, a signature."""

import base64
import hashlib
import hmac
from collections.abc import Mapping

from tests.sandbox.http_post import Posted, Poster
from tests.sandbox.marqeta.batches import Target

SIGNATURE_HEADER = "X-Marqeta-Signature"
_HASHES = {"HMAC_SHA_1": hashlib.sha1, "HMAC_SHA_256": hashlib.sha256}


class Courier:
    """Posts over connections that stay open."""

    def __init__(self) -> None:
        self._poster = Poster()

    def post(self, body: bytes, target: Target, *, timeout_s: float) -> Posted:
        """Send once; a failure is told in what is handed back, never raised."""
        return self._poster.post(target.url, body=body, headers=_headers(body, target), timeout_s=timeout_s)

    def close(self) -> None:
        """Close the kept connections."""
        self._poster.close()


def sign(body: bytes, *, secret: str, algorithm: str) -> str:
    """Sign the raw body: lower-case hex, no timestamp, no prefix."""
    return hmac.new(secret.encode(), body, _HASHES[algorithm]).hexdigest()


def _headers(body: bytes, target: Target) -> Mapping[str, str]:
    pair = base64.b64encode(f"{target.username}:{target.password}".encode()).decode()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Marqeta (sandbox)",
        "Accept": "application/json",
        "Authorization": f"Basic {pair}",
        **dict(target.headers),
    }
    if target.secret:
        headers[SIGNATURE_HEADER] = sign(body, secret=target.secret, algorithm=target.algorithm)
    return headers
