"""UUIDs in the order of their time (version 7), several by one read of the system's random bytes: each read is a
system call.

Each index that holds one, or a key made of one, then takes new rows at its end. Random ones go to a page each, which at
many rows is read, and logged whole after every checkpoint (docs/decisions/0070). 74 bits are random.
"""

import os
import time
import uuid


def uuids(count: int) -> list[str]:
    """Returns as many, as str(uuid.UUID) writes them."""
    at, digits = f"{time.time_ns() // 1_000_000:012x}", os.urandom(10 * count).hex()
    start = f"{at[:8]}-{at[8:]}-7"
    return [_written(start, digits[place : place + 20]) for place in range(0, 20 * count, 20)]


def fresh() -> uuid.UUID:
    """Returns one."""
    noise = int.from_bytes(os.urandom(10))
    at, high, low = time.time_ns() // 1_000_000, noise >> 68, noise & (1 << 62) - 1
    return uuid.UUID(int=at << 80 | 7 << 76 | high << 64 | 2 << 62 | low)


def _written(start: str, digits: str) -> str:
    # RFC 9562, section 5.7: four bits for the version, two for the variant.
    return f"{start}{digits[:3]}-{'89ab'[int(digits[3], 16) & 3]}{digits[4:7]}-{digits[7:19]}"
