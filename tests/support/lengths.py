"""How long a proof is: short or left out in the suite, whole in `make proofs`.

`make test` without arguments sets SUITE, and `make proofs` sets PROOFS; CI sets SHORT as well, for want of time. A file
that is named, as in `make test ARGS=tests/faults/test_pooler.py`, runs whatever it is, in its short form.
"""

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence

import pytest

ARE_PROOFS = bool(os.environ.get("PROOFS"))
ARE_WHOLE = ARE_PROOFS and not os.environ.get("SHORT")
IS_SUITE = bool(os.environ.get("SUITE"))


def length(name: str, *, short: int, whole: int) -> int:
    """Returns what the environment's variable of this name says, otherwise the number for the suite or the proof."""
    return int(os.environ.get(name) or (whole if ARE_WHOLE else short))


def left_out_of_suite(items: Sequence[pytest.Item]) -> Iterator[pytest.Item]:
    """Yields what `make test` leaves to `make proofs`: tests marked `only_in_proofs`, and most of `some_in_suite(n)`.

    Of the cases of one test marked `some_in_suite(n)`, n stay, spread evenly over their order.
    """
    cases = defaultdict(list)
    for item in items:
        if item.get_closest_marker("only_in_proofs"):
            yield item
        elif some := item.get_closest_marker("some_in_suite"):
            cases[item.nodeid.split("[")[0], some.args[0]].append(item)
    for (_, kept), of_one in cases.items():
        stay = {of_one[number * len(of_one) // kept] for number in range(kept)}
        yield from (item for item in of_one if item not in stay)
