"""The column of an event's raw body."""

from typing import Any

from django.db import models

from issuing.body_compression import compressed, restored


class CompressedBody(models.BinaryField):  # type: ignore[type-arg]
    """Stores bytes compressed, and gives them back as they came; rows from before the compression are read as well."""

    def get_prep_value(self, value: Any) -> bytes | None:
        return None if value is None else compressed(bytes(value))

    def from_db_value(self, value: Any, _expression: object, _connection: object) -> bytes | None:
        return None if value is None else restored(bytes(value))
