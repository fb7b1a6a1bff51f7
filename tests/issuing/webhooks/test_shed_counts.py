"""Purchases that were shed are counted by all processes together, and none is lost while Redis is away."""

from collections.abc import Iterator
from typing import Any

import pytest

from issuing.webhooks import shed_counts
from onecard.kit import shared_counts
from tests.onecard.metrics.scraping import scraped


@pytest.fixture(autouse=True)
def _nothing_counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    # A test adds up by itself.
    monkeypatch.setattr(shed_counts, "EVERY_S", 3600)
    shed_counts.add_up()
    shared_counts.link().clear()
    yield
    shared_counts.link().clear()
    shared_counts.link.cache_clear()


@pytest.mark.django_db
def test_sheds_show_in_the_scrape() -> None:
    for provider in ("stripe", "stripe", "marqeta"):
        shed_counts.add(provider)
    shed_counts.add_up()
    shed_counts.add("stripe")
    shed_counts.add_up()

    assert shed_counts.read() == {"stripe": 3, "marqeta": 1}
    assert scraped(provider="stripe")["onecard_purchases_shed_total"] == 3


def test_what_redis_did_not_take_is_added_with_the_next(settings: Any) -> None:
    there = settings.REDIS_URL
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    shared_counts.link.cache_clear()
    shed_counts.add("stripe")
    shed_counts.add_up()
    settings.REDIS_URL = there
    shared_counts.link.cache_clear()
    assert shed_counts.read() == {}

    shed_counts.add("stripe")
    shed_counts.add_up()

    assert shed_counts.read() == {"stripe": 2}
