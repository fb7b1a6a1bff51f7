"""Random UUIDs (version 4) as text, several by one read of the system's random bytes: each read is a system call."""

import os


def uuids(count: int) -> list[str]:
    """Returns as many, as str(uuid.uuid4()) writes them."""
    digits = os.urandom(16 * count).hex()
    return [_written(digits[at : at + 32]) for at in range(0, 32 * count, 32)]


def _written(digits: str) -> str:
    # RFC 9562, section 5.4: four bits for the version, two for the variant.
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"
