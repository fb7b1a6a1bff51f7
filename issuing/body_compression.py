"""Compresses the raw bodies of events with what the issuers' messages have in common (docs/decisions/0069).

A stored body begins with a zero byte and the number of its dictionary; a zstandard frame follows. No message begins
like that, so a body from before the compression is recognised, and stays as it came.
"""

import threading
from functools import cache
from pathlib import Path
from typing import Final

import zstandard

from onecard.kit.errors import OneCardError

DICTIONARIES: Final = Path(__file__).parent / "body_dictionaries"
# The dictionary of new bodies. One that was used once is kept for as long as there are bodies, and never changed.
NEWEST: Final = 1
LEVEL: Final = 3
_FRAME: Final = b"\x28\xb5\x2f\xfd"


class UnknownDictionaryError(OneCardError):
    """A body was stored by a later release, whose dictionary this one does not have."""

    code = "unknown_dictionary"


def compressed(body: bytes) -> bytes:
    """Returns the body as it is stored: some 500 bytes for an authorization request of 5 000."""
    return bytes((0, NEWEST)) + _coders.compressor.compress(body)


def restored(stored: bytes) -> bytes:
    """Returns the body that was stored, byte for byte; raises UnknownDictionaryError."""
    if stored[:1] != b"\x00" or stored[2:6] != _FRAME:
        return stored
    return _coders.decompressor(stored[1]).decompress(stored[2:])


class _Coders(threading.local):
    """The coders of a thread: two threads must not use the same one at a time."""

    def __init__(self) -> None:
        self._decompressors: dict[int, zstandard.ZstdDecompressor] = {}
        self.compressor = zstandard.ZstdCompressor(level=LEVEL, dict_data=_dictionary(NEWEST))

    def decompressor(self, number: int) -> zstandard.ZstdDecompressor:
        if number not in self._decompressors:
            self._decompressors[number] = zstandard.ZstdDecompressor(dict_data=_dictionary(number))
        return self._decompressors[number]


@cache
def _dictionary(number: int) -> zstandard.ZstdCompressionDict:
    try:
        content = (DICTIONARIES / f"{number}.txt").read_bytes()
    except FileNotFoundError:
        raise UnknownDictionaryError(
            f"The body was stored with dictionary {number}, which this release does not have. Run the release that "
            "stored it, or a later one."
        ) from None
    made = zstandard.ZstdCompressionDict(content, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
    made.precompute_compress(level=LEVEL)
    return made


_coders: Final = _Coders()
