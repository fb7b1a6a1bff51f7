"""Strategy `value`, case by case, as golden_cases.txt has them."""

import pytest

from tests.routing.value.golden import Case, describe, read_cases


@pytest.mark.parametrize("case", read_cases(), ids=lambda case: case.name)
def test_golden_case(case: Case) -> None:
    assert describe(case.run()) == case.expected
