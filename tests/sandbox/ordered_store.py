"""Things in the order in which they came, so that a page of a long list begins where the page before it ended."""

from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar

Thing = TypeVar("Thing")


class Shelf(Mapping[str, Thing], Generic[Thing]):
    """Things by their ids; what came before or after one of them is found without a search."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._rows: dict[int, tuple[str, Thing]] = {}
        self._first = 0

    def __setitem__(self, thing_id: str, thing: Thing) -> None:
        """Put a thing at the end, or another in the place of one with the same id."""
        number = self._numbers.setdefault(thing_id, self._end)
        self._rows[number] = thing_id, thing

    def __getitem__(self, thing_id: str) -> Thing:
        return self._rows[self._numbers[thing_id]][1]

    def __iter__(self) -> Iterator[str]:
        return iter(self._numbers)

    def __len__(self) -> int:
        return len(self._numbers)

    def newest_first(self, *, before: str | None = None) -> Iterator[Thing]:
        """To the oldest, from the newest or from the one before this id; raises KeyError for one that is not here."""
        end = self._end if before is None else self._numbers[before]
        return (self._rows[number][1] for number in range(end - 1, self._first - 1, -1))

    def oldest_first(self, *, after: str) -> Iterator[Thing]:
        """From the one after this id to the newest; raises KeyError for an id that is not here."""
        return (self._rows[number][1] for number in range(self._numbers[after] + 1, self._end))

    def forget_oldest(self) -> None:
        """Take the oldest away; raises KeyError when there is none."""
        thing_id, _thing = self._rows.pop(self._first)
        del self._numbers[thing_id]
        self._first += 1

    def clear(self) -> None:
        """Take all away."""
        self._numbers.clear()
        self._rows.clear()
        self._first = 0

    @property
    def _end(self) -> int:
        return self._first + len(self._numbers)
