"""Django's PostgreSQL backend, with numbers that are too large for their parameter sent whole.

Django takes a number whose field it does not know, as in `Value(10**13)` or `F("amount_minor") + 10**13`, for one of
32 bits. With parameters bound by the server (docs/decisions/0024) psycopg then drops, without a word, what is beyond.
"""

from django.db.backends.postgresql import base, operations

BITS = {"Small": 16, "PositiveSmall": 16, "": 32, "Positive": 32, "Big": 64, "PositiveBig": 64}


class DatabaseOperations(operations.DatabaseOperations):
    """Gives a whole number its parameter's type only where it fits; psycopg chooses one that holds the others."""

    def adapt_integerfield_value(self, value: object, internal_type: str) -> object:
        """A column that is too narrow for the number then refuses it with an error, as it should."""
        if isinstance(value, int) and not _fits(value, BITS[internal_type.removesuffix("IntegerField")]):
            return int(value)
        return super().adapt_integerfield_value(value, internal_type)


class DatabaseWrapper(base.DatabaseWrapper):
    """One connection to PostgreSQL."""

    ops_class = DatabaseOperations


def _fits(value: int, bits: int) -> bool:
    bound: int = 2 ** (bits - 1)
    return -bound <= value < bound
