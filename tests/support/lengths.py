"""How long a proof is: short in the suite, whole in `make proofs`, which sets PROOFS."""

import os

ARE_WHOLE = bool(os.environ.get("PROOFS"))


def length(name: str, *, short: int, whole: int) -> int:
    """Returns what the environment's variable of this name says, otherwise the number for the suite or the proof."""
    return int(os.environ.get(name) or (whole if ARE_WHOLE else short))
