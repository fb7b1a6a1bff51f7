"""Which tests the suite leaves to `make proofs`."""

from types import SimpleNamespace
from typing import Any

from tests.support.lengths import left_out_of_suite


def case(name: str, **marks: Any) -> Any:
    found = {mark: SimpleNamespace(args=(value,)) for mark, value in marks.items()}
    # Stands for pytest's item, of which only these two are read.
    return type("Case", (), {"nodeid": name, "get_closest_marker": lambda _self, mark: found.get(mark)})()


def left(items: list[Any]) -> list[str]:
    return [item.nodeid for item in left_out_of_suite(items)]


def test_a_test_without_a_mark_stays() -> None:
    assert left([case("a"), case("b[1]")]) == []


def test_a_test_only_in_proofs_is_left_out() -> None:
    assert left([case("a", only_in_proofs=None), case("b")]) == ["a"]


def test_of_many_cases_some_stay_spread_evenly() -> None:
    cases = [case(f"a[{number}]", some_in_suite=3) for number in range(9)]

    assert left(cases) == [f"a[{number}]" for number in (1, 2, 4, 5, 7, 8)]


def test_each_test_has_its_own_share() -> None:
    cases = [case(f"{name}[{number}]", some_in_suite=1) for name in "ab" for number in range(2)]

    assert left(cases) == ["a[1]", "b[1]"]


def test_all_stay_where_there_are_fewer() -> None:
    assert left([case(f"a[{number}]", some_in_suite=5) for number in range(2)]) == []
