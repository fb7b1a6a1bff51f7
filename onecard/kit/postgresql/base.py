"""Django's PostgreSQL backend, made fit for parameters that the server binds (docs/decisions/0024).

A statement then holds `MOST_PARAMETERS` of them, so that what is written in bulk is sent in batches. And Django takes a
number whose field it does not know, as in `Value(10**13)` or `F("amount_minor") + 10**13`, for one of 32 bits; psycopg
would drop, without a word, what is beyond, so that a number which is too large for its parameter is sent whole.
"""

from collections.abc import Sequence

from django.db.backends.postgresql import base, features, operations

BITS = {"Small": 16, "PositiveSmall": 16, "": 32, "Positive": 32, "Big": 64, "PositiveBig": 64}
# PostgreSQL's protocol counts a statement's parameters in 16 bits (its manual, "Message Formats", Bind).
MOST_PARAMETERS = 2**16 - 1


class DatabaseOperations(operations.DatabaseOperations):
    """What a statement is told: no more parameters than it can hold, and no number cut off."""

    def bulk_batch_size(self, fields: Sequence[object], objs: Sequence[object]) -> int:
        """How many of the objects, each with a parameter for every one of the fields, one statement can hold."""
        return min(len(objs), MOST_PARAMETERS // max(len(fields), 1))

    def adapt_integerfield_value(self, value: object, internal_type: str) -> object:
        """Gives a number its parameter's type where it fits; psycopg chooses one that holds the others.

        A column that is too narrow for the number then refuses it with an error, as it should.
        """
        if isinstance(value, int) and not _fits(value, BITS[internal_type.removesuffix("IntegerField")]):
            return int(value)
        return super().adapt_integerfield_value(value, internal_type)


class DatabaseFeatures(features.DatabaseFeatures):
    """What Django may count on."""

    max_query_params = MOST_PARAMETERS


class DatabaseWrapper(base.DatabaseWrapper):
    """One connection to PostgreSQL."""

    features_class = DatabaseFeatures
    ops_class = DatabaseOperations


def _fits(value: int, bits: int) -> bool:
    bound: int = 2 ** (bits - 1)
    return -bound <= value < bound
