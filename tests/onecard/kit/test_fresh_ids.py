"""Random UUIDs as text."""

import uuid

from onecard.kit import fresh_ids


def test_each_is_another_uuid_of_version_4_as_python_writes_it() -> None:
    made = fresh_ids.uuids(1000)

    read = [uuid.UUID(each) for each in made]
    assert len(set(made)) == 1000
    assert {(each.version, each.variant) for each in read} == {(4, uuid.RFC_4122)}
    assert [str(each) for each in read] == made
