"""What every test shares."""

import pytest

from routing import rulebook


@pytest.fixture(autouse=True)
def _fresh_rulebook() -> None:
    """Each test starts like a new process: nothing compiled."""
    rulebook._compiled = None
