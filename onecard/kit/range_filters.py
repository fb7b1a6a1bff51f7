"""The filters of a list that have two ends: amounts as they are printed, and days in the viewer's own zone."""

import datetime as dt
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django import forms
from django.contrib.admin import DateFieldListFilter
from django.contrib.admin.utils import get_fields_from_path
from django.core.exceptions import ValidationError
from django.db.models import DateTimeField, Model, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from onecard.kit.admin_filters import FilterError, Written, WrittenFilter
from onecard.kit.amount_field import parse_typed
from onecard.kit.common_values import common_values
from onecard.kit.currencies import alpha_3
from onecard.kit.money import Money, MoneyError
from onecard.kit.row_counts import is_long, key_at

if TYPE_CHECKING:
    from django.contrib.admin.views.main import ChangeList
    from django_stubs_ext import StrOrPromise

CURRENCY: Final = "USD"
# Years in which a day has a beginning and an end in every zone.
YEARS: Final = range(1900, 3000)
# A row is written soon after its own time, and numbers are given out in the order of writing.
WRITTEN_WITHIN: Final = dt.timedelta(days=1)


class AmountFilter(WrittenFilter):
    """Amounts from … to …, both included, in one currency: as the viewer's language prints them.

    `amount` and `currency` are the columns, also of a row that each row leads to. A currency that is typed with an
    amount counts, as in 1,500.00 EUR.
    """

    title: "StrOrPromise" = gettext_lazy("amount")
    names = ("amount_from", "amount_to", "amount_in")
    only_with_others = ("amount_in",)
    reads_rows = True
    amount: ClassVar[str] = "amount_minor"
    currency: ClassVar[str] = "currency"

    @classmethod
    def of(cls, amount: str, currency: str, title: "StrOrPromise" = "") -> type["AmountFilter"]:
        """Returns this filter for other columns."""
        return type(cls.__name__, (cls,), {"amount": amount, "currency": currency, "title": title or cls.title})

    def select(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        least, most = (self._read(self.typed[name]) for name in self.names[:2])
        if least and most and least.currency != most.currency:
            raise FilterError(_("Both amounts must be in one currency."))
        if least and most and least.minor > most.minor:
            raise FilterError(
                _("No amount is between %(least)s and %(most)s: the first is larger.")
                % {"least": str(least), "most": str(most)}
            )
        (currency,) = {end.currency for end in (least, most) if end}
        return self.between(rows, least.minor if least else None, most.minor if most else None, currency)

    def between(self, rows: QuerySet[Any], least: int | None, most: int | None, currency: str) -> QuerySet[Any]:
        """Returns the rows whose amount in minor units is in the range; None is no bound."""
        return rows.filter(in_range(self.amount, least, most), **{self.currency: currency})

    def fields(self) -> list[dict[str, Any]]:
        currencies = self._currencies()
        chosen = alpha_3(self.typed["amount_in"]) or currencies[0]
        return [
            {"name": "amount_from", "label": _("From"), "value": self.typed["amount_from"], "mode": "decimal"},
            {"name": "amount_to", "label": _("To"), "value": self.typed["amount_to"], "mode": "decimal"},
            {"name": "amount_in", "label": _("Currency"), "value": chosen, "options": currencies},
        ]

    def _read(self, typed: str) -> Money | None:
        """Returns a typed amount in the currency that stands with it, else in the chosen one."""
        number, _blank, letters = typed.rpartition(" ")
        written = alpha_3(letters) if number else ""
        try:
            currency = written or alpha_3(self.typed["amount_in"]) or CURRENCY
            return parse_typed(number if written else typed, currency) if typed else None
        except MoneyError as error:
            raise FilterError(f"{error.message}.") from None

    def _currencies(self) -> list[str]:
        *_way, field = get_fields_from_path(self.model, self.currency)
        if is_long(field.model):
            found = common_values(field.model, str(field.column))
        else:
            rows: Any = field.model._meta.default_manager
            found = list(rows.order_by(field.name).values_list(field.name, flat=True).distinct())
        typed = alpha_3(self.typed["amount_in"])
        return list(dict.fromkeys([CURRENCY, *found, *([typed] if typed else [])]))


class DaysFilter(Written, DateFieldListFilter):
    """Django's links (today, past 7 days …) and any two days, both included, as the viewer's own zone counts them."""

    template = "admin/filters/written.html"

    def __init__(
        self, field: Any, request: HttpRequest, params: dict[str, Any], model: type[Model], room: Any, field_path: str
    ) -> None:
        self.names = (f"{field_path}_from", f"{field_path}_to")
        self.take(params)
        super().__init__(field, request, params, model, room, field_path)
        # A link takes the place of typed days.
        self.field_generic = f"{field_path}_"
        self.rises_with_key = field_path in room.rises_with_key and is_long(model)
        self.model = model

    def expected_parameters(self) -> list[str | None]:
        return [*super().expected_parameters(), *self.names]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        rows = super().queryset(request, queryset)
        return None if rows is None else self.selected(request, rows).filter(self._keys)

    def select(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        return rows.filter(in_span(self.field_path, *self._ends()))

    def narrowing(self, column: str) -> Q:
        return in_span(column, *self._span) if column == self.field_path else self._keys

    def choices(self, changelist: "ChangeList") -> Iterator[Any]:
        """Returns Django's links, and then the two fields."""
        for link in super().choices(changelist):
            yield {**link, "selected": link["selected"] and not self.is_used}
        for name, label in zip(self.names, (_("From"), _("To")), strict=True):
            yield {"name": name, "label": label, "value": self._as_day(self.typed[name]), "type": "date"}

    def _ends(self) -> tuple[Any, Any]:
        """Returns the first moment that counts and the first one that counts no more; None is no bound."""
        first, last = (self._day(self.typed[name]) for name in self.names)
        if first and last and first > last:
            raise FilterError(
                _("No day is between %(first)s and %(last)s: the first is later.")
                % {"first": first.isoformat(), "last": last.isoformat()}
            )
        return self._begin(first), self._begin(last and last + dt.timedelta(days=1))

    @cached_property
    def _span(self) -> tuple[Any, Any]:
        """Returns the typed span, or that of one of Django's links."""
        if self.is_used:
            return (None, None) if self.problem else self._ends()
        ends = (self.used_parameters.get(name) for name in (self.lookup_kwarg_since, self.lookup_kwarg_until))
        since, until = (self._moment(end[-1] if isinstance(end, list) else end) for end in ends)
        return since, until

    def _moment(self, value: Any) -> Any:
        try:
            return self.field.to_python(value)
        except ValidationError:
            return None

    def _begin(self, day: dt.date | None) -> Any:
        """Returns when a day begins where the viewer is; the day itself for a column of days."""
        if day is None or not isinstance(self.field, DateTimeField):
            return day
        return timezone.make_aware(dt.datetime.combine(day, dt.time()))

    def _day(self, typed: str) -> dt.date | None:
        try:
            day: dt.date | None = forms.DateField(required=False).clean(typed)
        except ValidationError:
            day = None
        if typed and (day is None or day.year not in YEARS):
            raise FilterError(_("“%(text)s” is not a day: write it like 2026-11-30.") % {"text": typed[:40]})
        return day

    def _as_day(self, typed: str) -> str:
        """Returns what a browser's field of a date takes."""
        try:
            day = self._day(typed)
        except FilterError:
            return ""
        return day.isoformat() if day else ""

    @cached_property
    def _keys(self) -> Q:
        """Returns the keys that rows of the span can have, where keys rise with the time of the rows."""
        if not self.rises_with_key:
            return Q()
        since, until = self._span
        first = since and key_at(self.model, self.field_path, since - WRITTEN_WITHIN)
        last = until and key_at(self.model, self.field_path, until + WRITTEN_WITHIN)
        return in_span("pk", first, last)


def in_range(column: str, least: int | None, most: int | None) -> Q:
    """Selects what is in a range with both of its ends; None is no bound."""
    return Q(*_bound(f"{column}__gte", least), *_bound(f"{column}__lte", most))


def in_span(column: str, since: Any, until: Any) -> Q:
    """Selects what is in a span without its later end; None is no bound."""
    return Q(*_bound(f"{column}__gte", since), *_bound(f"{column}__lt", until))


def _bound(lookup: str, value: Any) -> list[Q]:
    return [] if value is None else [Q(**{lookup: value})]
