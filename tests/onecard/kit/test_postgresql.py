"""Statements whose parameters the server binds: none is cut off, none is one too many, and each is planned once."""

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import DataError, connection, transaction
from django.db.models import F, Value
from django.db.models.functions import Greatest, Least
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from onecard.kit.postgresql.base import MOST_PARAMETERS

COLUMNS = {
    "SmallIntegerField": ("smallint", 16),
    "PositiveSmallIntegerField": ("smallint", 16),
    "IntegerField": ("integer", 32),
    "PositiveIntegerField": ("integer", 32),
    "BigIntegerField": ("bigint", 64),
    "PositiveBigIntegerField": ("bigint", 64),
}
NUMBERS = st.integers(-(2**70), 2**70)


@pytest.mark.parametrize("number", [2**31 - 1, 2**31, 10**13, -(2**31) - 1, 2**63 - 1])
@pytest.mark.django_db
def test_an_expression_that_names_no_field_keeps_the_whole_number(number: int) -> None:
    one = ContentType.objects.order_by("pk")[:1]

    [(alone, greatest, least)] = one.annotate(
        alone=Value(number), greatest=Greatest(Value(number), Value(number)), least=Least(Value(number), Value(number))
    ).values_list("alone", "greatest", "least")

    assert (alone, greatest, least) == (number, number, number)


@pytest.mark.django_db
def test_what_is_added_to_a_column_is_the_whole_number() -> None:
    one = ContentType.objects.order_by("pk")[:1]

    [(key, more, less)] = one.annotate(more=F("pk") + 10**13, less=F("pk") - 10**13).values_list("pk", "more", "less")

    assert (more, less) == (key + 10**13, key - 10**13)


@pytest.mark.django_db
def test_more_rows_than_a_statement_holds_are_written_in_batches() -> None:
    many = [ContentType(app_label="many", model=f"model {n}") for n in range(MOST_PARAMETERS // 2 + 2)]

    ContentType.objects.bulk_create(many)

    assert ContentType.objects.filter(app_label="many").count() == len(many)


@pytest.mark.django_db
def test_more_keys_than_a_statement_holds_are_looked_up_in_batches() -> None:
    known = set(ContentType.objects.values_list("pk", flat=True))

    assert set(ContentType.objects.in_bulk(range(1, MOST_PARAMETERS + 2))) == known


@pytest.mark.django_db
def test_a_statement_that_comes_back_is_planned_once() -> None:
    for key in range(8):
        ContentType.objects.filter(pk=key, model=f"model {key}").exists()

    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements")
        planned = [statement for (statement,) in cursor.fetchall()]
    assert any('"model" = $' in one and '"id" = $' in one for one in planned), planned


class TestEveryWidth(TestCase):
    """Any number into a column of any width: it stands there as it was, or the database refuses it."""

    def setUp(self) -> None:
        columns = ", ".join(f"{name} {sort}" for name, (sort, _bits) in COLUMNS.items())
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE TEMPORARY TABLE widths ({columns}) ON COMMIT DROP")

    @given(name=st.sampled_from(sorted(COLUMNS)), number=NUMBERS)
    @example(name="SmallIntegerField", number=2**15)
    @example(name="IntegerField", number=2**31)
    @example(name="IntegerField", number=-(2**31) - 1)
    @example(name="BigIntegerField", number=2**63)
    @example(name="BigIntegerField", number=2**63 - 1)
    def test_a_column_holds_the_number_or_refuses_it(self, name: str, number: int) -> None:
        bits = COLUMNS[name][1]
        if -(2 ** (bits - 1)) <= number < 2 ** (bits - 1):
            assert self._through(name, number) == number
        else:
            with pytest.raises(DataError, match="out of range"):
                self._through(name, number)

    def _through(self, name: str, number: int) -> object:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("DELETE FROM widths")
            adapted = connection.ops.adapt_integerfield_value(number, name)
            cursor.execute(f"INSERT INTO widths ({name}) VALUES (%s) RETURNING {name}", [adapted])
            return cursor.fetchone()[0]
