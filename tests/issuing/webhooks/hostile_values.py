"""Events with any one value exchanged for something hostile."""

import copy
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from tests.support.lengths import length

any_value = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**25), 10**25)
    | st.floats()
    | st.text(alphabet=st.characters() | st.sampled_from("\x00\ud800é\uff12"), max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def places_in(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value, as the keys that lead to it."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *[place for key, member in inner for place in places_in(member, (*path, key))]]


def with_changed(value: dict[str, Any], place: tuple[Any, ...], new: Any) -> Any:
    changed = copy.deepcopy(value)
    if not place:
        return new
    inner = changed
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = new
    return changed


EXAMPLES = length("HOSTILE_EXAMPLES", short=40, whole=200)
UNHURRIED = settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
