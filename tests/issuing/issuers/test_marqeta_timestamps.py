"""The one reader of Marqeta's timestamps."""

import datetime as dt
from typing import Any

import pytest

from issuing.issuers.marqeta.timestamps import happened_at

NOON = dt.datetime(2026, 5, 4, 12, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    "text", ["2026-05-04T12:00:00Z", "2026-05-04T12:00:00", "2026-05-04T05:00:00-07:00", "2026-05-04T12:00:00.000+0000"]
)
def test_every_spelling_of_a_moment_is_read_as_utc(text: str) -> None:
    found = happened_at({"user_transaction_time": text})
    assert (found, found and found.tzinfo) == (NOON, dt.UTC)


BAD: list[Any] = [None, "", "yesterday", 17, {}, [], True, "0001-01-01T00:00:00+14:00", "2026-13-04T12:00:00Z"]


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_time_is_unknown_and_not_an_error(bad: Any) -> None:
    assert happened_at({"user_transaction_time": bad, "created_time": bad}) is None


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_merchant_time_gives_way_to_marqetas_own(bad: Any) -> None:
    assert happened_at({"user_transaction_time": bad, "created_time": NOON.isoformat()}) == NOON
