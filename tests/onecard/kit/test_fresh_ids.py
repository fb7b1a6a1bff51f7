"""UUIDs in the order of their time."""

import time
import uuid

from onecard.kit import fresh_ids


def test_each_is_another_uuid_of_version_7_as_python_writes_it() -> None:
    before = time.time_ns() // 1_000_000
    made = fresh_ids.uuids(1000)
    after = time.time_ns() // 1_000_000

    read = [uuid.UUID(each) for each in made]
    assert len(set(made)) == 1000
    alone = fresh_ids.fresh()
    assert {(each.version, each.variant) for each in [*read, alone]} == {(7, uuid.RFC_4122)}
    assert [str(each) for each in read] == made
    assert all(before <= each.int >> 80 <= after for each in read)


def test_later_ones_sort_behind_earlier_ones() -> None:
    first = fresh_ids.fresh()
    time.sleep(0.002)
    assert first < fresh_ids.fresh()
    assert str(first) < fresh_ids.uuids(1)[0]


def test_what_follows_the_time_is_random() -> None:
    made = [each.int & ((1 << 62) - 1) for each in map(uuid.UUID, fresh_ids.uuids(200))]
    ones = [sum(each >> bit & 1 for each in made) for bit in range(62)]
    assert 50 < min(ones) <= max(ones) < 150
