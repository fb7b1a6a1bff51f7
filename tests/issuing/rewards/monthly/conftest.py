"""The merchant's category is passed on here, so that all of a card's terms count."""

from collections.abc import Iterator

import pytest
from django.test import override_settings


@pytest.fixture(autouse=True)
def _passed_through() -> Iterator[None]:
    with override_settings(MERCHANT_MCC_PASSED_THROUGH=True):
        yield
