"""How long a proof is: short or left out in the suite, whole in `make proofs`.

`make test` without arguments sets SUITE, and `make proofs` sets PROOFS. A file that is named, as in
`make test ARGS=tests/faults/test_pooler.py`, runs whatever it is, in its short form.
"""

import os

ARE_WHOLE = bool(os.environ.get("PROOFS"))
IS_SUITE = bool(os.environ.get("SUITE"))


def length(name: str, *, short: int, whole: int) -> int:
    """Returns what the environment's variable of this name says, otherwise the number for the suite or the proof."""
    return int(os.environ.get(name) or (whole if ARE_WHOLE else short))
