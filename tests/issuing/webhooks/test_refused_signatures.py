"""Refused deliveries are counted together: a flood of them must not wait for Redis in the threads of decisions."""

import time
from typing import Any

import pytest

from issuing.issuers.guard.redis_scripts import Shared
from issuing.webhooks import refused_signatures


def test_a_flood_asks_redis_once_and_counts_each(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, usual = [], Shared.run

    def run(link: Shared, script: str, key: str, *arguments: object) -> Any:
        asked.append(arguments)
        return usual(link, script, key, *arguments)

    monkeypatch.setattr(refused_signatures, "EVERY_S", 0.3)
    with monkeypatch.context() as patch:
        patch.setattr(Shared, "run", run)
        for _ in range(50):
            refused_signatures.note("stripe")
    assert asked == [(1,)]

    time.sleep(refused_signatures.EVERY_S)
    refused_signatures.note("stripe")

    found = refused_signatures.of_a_day("stripe")
    assert found is not None
    assert found.count == 51
