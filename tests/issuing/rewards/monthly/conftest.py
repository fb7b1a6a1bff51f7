"""The merchant's category is passed on here, so that all of a card's terms count, and no purchase comes too late."""

from collections.abc import Iterator

import pytest
from django.test import override_settings


@pytest.fixture(autouse=True)
def _terms_count() -> Iterator[None]:
    with override_settings(MERCHANT_MCC_PASSED_THROUGH=True, DECISION_DEADLINE_MS=30_000):
        yield
