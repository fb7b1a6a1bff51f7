"""Filters of lists that refuse what they do not understand, with the name of the parameter."""

from typing import Any

from django import forms
from django.core.validators import RegexValidator
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field

from onecard.kit.fields import refuse_odd_digits
from onecard.kit.money import MAX_AMOUNT_MINOR


class _YesOrNo(forms.Field):
    """true or false; the framework's own field takes anything else for neither."""

    def to_python(self, value: Any) -> bool | None:
        found = {"": None, "true": True, "false": False}.get(str(value or "").lower(), "")
        if found == "":
            raise forms.ValidationError("Send true or false.")
        return bool(found) if found is not None else None


@extend_schema_field(OpenApiTypes.BOOL)
class YesNoFilter(filters.Filter):
    """true or false."""

    field_class = _YesOrNo


@extend_schema_field({"type": "string", "pattern": r"^\d{4}$"})
class MccFilter(filters.CharFilter):
    """A merchant category code."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, validators=[RegexValidator(r"\A[0-9]{4}\Z", "Send four digits, such as 5812.")], **more)


class _Whole(forms.IntegerField):
    """A whole number in the digits 0 to 9, as `WholeNumberField` of a body."""

    def to_python(self, value: Any) -> int | None:
        refuse_odd_digits(str(value or ""))
        return super().to_python(value)


@extend_schema_field({"type": "integer", "minimum": 0, "maximum": MAX_AMOUNT_MINOR})
class MinorFilter(filters.NumberFilter):
    """A whole number of minor units."""

    field_class = _Whole

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, min_value=0, max_value=MAX_AMOUNT_MINOR, **more)

    def get_max_validator(self) -> None:
        """The field has its own."""
