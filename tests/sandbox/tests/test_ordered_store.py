"""Things stay in the order in which they came, and a list goes on from any of them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.sandbox.ordered_store import Shelf

pytestmark = pytest.mark.only_in_proofs

IDS = st.sampled_from("abcdefgh")


class LikeADict(RuleBasedStateMachine):
    """A shelf beside a plain dict, whose order is searched."""

    def __init__(self) -> None:
        super().__init__()
        self.shelf: Shelf[int] = Shelf()
        self.plain: dict[str, int] = {}

    @rule(thing_id=IDS, thing=st.integers())
    def put(self, thing_id: str, thing: int) -> None:
        self.shelf[thing_id] = thing
        self.plain[thing_id] = thing

    @rule()
    def forget_oldest(self) -> None:
        if self.plain:
            self.shelf.forget_oldest()
            del self.plain[next(iter(self.plain))]
        else:
            with pytest.raises(KeyError):
                self.shelf.forget_oldest()

    @rule()
    def clear(self) -> None:
        self.shelf.clear()
        self.plain.clear()

    @invariant()
    def they_hold_the_same(self) -> None:
        assert list(self.shelf.items()) == list(self.plain.items())
        assert len(self.shelf) == len(self.plain)

    @invariant()
    def lists_go_on_from_each(self) -> None:
        things = list(self.plain.values())
        assert list(self.shelf.newest_first()) == things[::-1]
        for place, thing_id in enumerate(self.plain):
            assert list(self.shelf.newest_first(before=thing_id)) == things[:place][::-1]
            assert list(self.shelf.oldest_first(after=thing_id)) == things[place + 1 :]


TestLikeADict = LikeADict.TestCase
TestLikeADict.settings = settings(max_examples=50, stateful_step_count=30)


@given(IDS)
def test_an_id_that_is_not_here_is_named(thing_id: str) -> None:
    shelf: Shelf[int] = Shelf()
    for find in (
        lambda: shelf[thing_id],
        lambda: shelf.newest_first(before=thing_id),
        lambda: shelf.oldest_first(after=thing_id),
    ):
        with pytest.raises(KeyError, match=thing_id):
            find()
