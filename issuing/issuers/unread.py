"""Rows of an issuer's list that cannot be read: each is named by itself, so that it holds up no other."""

import hashlib
from collections.abc import Mapping
from typing import Any

from onecard.kit import exact_json
from onecard.kit.text import clean_text

LONGEST_NAME = 64


def name_of(row: Mapping[str, Any], *, key: str) -> str:
    """What the issuer calls it, under `key`, or what tells it from others that have no name either."""
    name = clean_text(row.get(key), limit=LONGEST_NAME)
    return name or f"row {hashlib.sha256(exact_json.dumps(row).encode()).hexdigest()[:16]}"
