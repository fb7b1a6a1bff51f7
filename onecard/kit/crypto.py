"""Sealing texts and files at rest: django-cryptography's cipher inside an envelope that names its key and its row.

A sealed value is base64 text of: version (1 byte), key id (8 bytes), token. The token is `FernetBytes` of the library:
AES-256-CBC, then HMAC-SHA256 over all of it. Its plaintext begins with a hash of version, key id and context, so that
these three are authenticated too: a value that was copied to another row or relabelled does not open.

Each key of the ring gives three things by HKDF: the cipher's key, the HMAC's key and the id. The id belongs to the key,
so no key can stand under two ids. SECRET_KEY has no part in it, nothing is pickled.
"""

import base64
import functools
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.signing import BadSignature
from django.views.decorators.debug import sensitive_variables
from django_cryptography.core.signing import FernetSigner
from django_cryptography.utils.crypto import FernetBytes, InvalidToken

from onecard.kit import clock
from onecard.kit.errors import OneCardError

CARD_DATA_RING: Final = "CARD_DATA_KEYS"
VERSION: Final = b"\x01"
KEY_ID_BYTES: Final = 8
# 9 bytes are 12 characters of base64, to the bit: values under one key begin alike, which a query can ask for.
HEADER_BYTES: Final = len(VERSION) + KEY_ID_BYTES
BINDING_BYTES: Final = 32


class SealError(OneCardError):
    """A text could not be sealed or opened; no message holds any of it."""

    code = "card_data_unreadable"


class NoKeyError(SealError):
    """The ring is empty, so nothing can be sealed."""

    code = "card_data_no_key"


class KeyMissingError(SealError):
    """The value names a key that is not in the ring."""

    code = "card_data_key_missing"


class AlteredError(SealError):
    """The value is not what was sealed."""

    code = "card_data_altered"


class WrongRowError(SealError):
    """The value is genuine, but it was sealed for another row, column or key id."""

    code = "card_data_wrong_row"


@dataclass(frozen=True, slots=True)
class RingKey:
    """One key of the ring, ready for use; only the header, which every value shows, is in its repr."""

    header: bytes
    cipher: FernetBytes = field(repr=False)

    @property
    def prefix(self) -> str:
        """The beginning of every value that was sealed with this key."""
        return base64.urlsafe_b64encode(self.header).decode()

    @property
    def name(self) -> str:
        """The key's id for people and the trail; it reveals nothing of the key."""
        return self.header[len(VERSION) :].hex()


@sensitive_variables()
def seal(plaintext: str, *, context: str, ring: str = CARD_DATA_RING) -> str:
    """Encrypts with the ring's first key for one place ("table.column:row-uuid"); raises NoKeyError or SealError.

    `ring` is the name of the setting that holds the keys.
    """
    try:
        body = plaintext.encode()
    except UnicodeEncodeError:
        # The codec's own error carries the text.
        raise SealError("A text that is not valid Unicode cannot be sealed.") from None
    return base64.urlsafe_b64encode(seal_bytes(body, context=context, ring=ring)).decode()


@sensitive_variables()
def seal_bytes(content: bytes, *, context: str, ring: str = CARD_DATA_RING) -> bytes:
    """Encrypts a file as `seal` does a text, without base64 around it; raises NoKeyError."""
    key = first_key(ring)
    token: bytes = key.cipher.encrypt_at_time(_binding(key.header, context) + content, int(clock.now().timestamp()))
    return key.header + token


@sensitive_variables()
def open_sealed(sealed: str, *, context: str, ring: str = CARD_DATA_RING) -> str:
    """Decrypts what was sealed for this place; raises KeyMissingError, AlteredError or WrongRowError."""
    return open_bytes(_decoded(sealed), context=context, ring=ring).decode()


@sensitive_variables()
def open_bytes(sealed: bytes, *, context: str, ring: str = CARD_DATA_RING) -> bytes:
    """Decrypts what `seal_bytes` sealed for this place; raises KeyMissingError, AlteredError or WrongRowError."""
    header = sealed[:HEADER_BYTES]
    bound = _decrypted(_key_of(header, ring), sealed[HEADER_BYTES:])
    if not hmac.compare_digest(bound[:BINDING_BYTES], _binding(header, context)):
        raise WrongRowError("A sealed value was found in a place that it was not sealed for.")
    return bound[BINDING_BYTES:]


def first_key(ring: str = CARD_DATA_RING) -> RingKey:
    """Returns the key that seals; raises NoKeyError when the ring is empty."""
    for key in _ring(tuple(getattr(settings, ring))).values():
        return key
    raise NoKeyError(f"{ring} is not set, so nothing can be sealed.")


def _decoded(sealed: str) -> bytes:
    try:
        raw = base64.b64decode(sealed, altchars=b"-_", validate=True)
    except ValueError:
        raise AlteredError("A sealed value is not base64: it was altered or cut short.") from None
    # Base64 has several spellings of some bytes (unused bits at the end); only ours is genuine.
    genuine = base64.urlsafe_b64encode(raw).decode() == sealed
    if not genuine or len(raw) < HEADER_BYTES or not raw.startswith(VERSION):
        raise AlteredError("A sealed value has an unknown form: it was altered or cut short.")
    return raw


def _key_of(header: bytes, ring: str) -> RingKey:
    key = _ring(tuple(getattr(settings, ring))).get(header)
    if key is None:
        name = header[len(VERSION) :].hex()
        raise KeyMissingError(f"A sealed value names the key {name}, which is not in {ring}.")
    return key


@sensitive_variables()
def _decrypted(key: RingKey, token: bytes) -> bytes:
    try:
        return key.cipher.decrypt(token)
    except (BadSignature, InvalidToken):
        raise AlteredError("A sealed value was altered: its signature does not match.") from None


def _binding(header: bytes, context: str) -> bytes:
    return hashlib.sha256(b"onecard sealed value\x00" + header + context.encode()).digest()


@functools.lru_cache(maxsize=8)
def _ring(keys: Sequence[bytes]) -> dict[bytes, RingKey]:
    """Returns the keys by header, the first first; derived once for each ring."""
    ring = [ring_key(key) for key in keys]
    return {key.header: key for key in ring}


@sensitive_variables()
def ring_key(key: bytes) -> RingKey:
    if len(key) != 32:
        raise SealError("A key of a ring is not 32 bytes long.")
    cipher = FernetBytes(_derived(key, "cipher", 32), FernetSigner(_derived(key, "hmac", 32)))
    return RingKey(header=VERSION + _derived(key, "id", KEY_ID_BYTES), cipher=cipher)


@sensitive_variables()
def _derived(key: bytes, purpose: str, length: int) -> bytes:
    return HKDF(SHA256(), length, salt=None, info=f"onecard card data v1 {purpose}".encode()).derive(key)
