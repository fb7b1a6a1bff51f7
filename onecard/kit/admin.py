"""The base classes of all admin pages: those that only show, and those that edit."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.contrib.admin import ShowFacets
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.widgets import AutocompleteSelect, AutocompleteSelectMultiple
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from onecard.kit import list_search
from onecard.kit.admin_filters import PAGING, allowed_names, is_of_days, without_empty
from onecard.kit.common_values import with_common_values
from onecard.kit.fields import FreeTextField, refuse_card_number, refuse_odd_digits
from onecard.kit.long_lists import ListPage, sortable
from onecard.kit.range_filters import DaysFilter
from onecard.kit.row_counts import is_long
from onecard.kit.text import clean_text

if TYPE_CHECKING:
    # Unfold has no types; its bases are Django's with more attributes.
    from django.contrib.admin import ModelAdmin, StackedInline, TabularInline
    from django_stubs_ext import StrOrPromise

    BaseAdmin = ModelAdmin[Any]
    BaseStackedInline = StackedInline[Any, Any]
    BaseTabularInline = TabularInline[Any, Any]
else:
    from unfold.admin import ModelAdmin as BaseAdmin
    from unfold.admin import StackedInline as BaseStackedInline
    from unfold.admin import TabularInline as BaseTabularInline


LONGEST_SEARCH = 200


class FormFields:
    """How a page's form fields are made from a row's columns."""

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        """Covers a card number in text for people, and refuses it in every other column, such as an id.

        It also refuses digits that only look like those of an id or a code.
        """
        field = super().formfield_for_dbfield(db_field, request, **options)  # type: ignore[misc]
        if isinstance(field, forms.CharField) and not isinstance(db_field, FreeTextField):
            field.validators += [refuse_card_number, refuse_odd_digits]
        return field

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        options = _picked(self, RowPicker, db_field, request, options)
        return super().formfield_for_foreignkey(db_field, request, **options)  # type: ignore[misc]

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        options = _picked(self, RowsPicker, db_field, request, options)
        return super().formfield_for_manytomany(db_field, request, **options)  # type: ignore[misc]


class BackOfficeAdmin(FormFields, BaseAdmin):
    """What all admin pages share; every page derives from it (tests/onecard/test_admin_filters.py).

    A list accepts only the filters that its page offers. Django would accept any column, and with a filter such as
    `user__password__startswith` a person who may only look could guess a secret letter by letter.
    """

    list_per_page = 50
    list_max_show_all = 50
    show_full_result_count = False
    show_facets = ShowFacets.NEVER  # Counting rows for each choice of a filter is too expensive on long tables.
    list_fullwidth = True
    # Ids that a search looks for as a whole first, each with the columns of the index that serves it. All columns but
    # the last one have choices, such as the issuer.
    search_ids: tuple[tuple[str, ...], ...] = ()
    # Columns of times that rise with the rows' keys: days are found by keys where no index has these columns.
    rises_with_key: tuple[str, ...] = ()
    # Shown in an empty list: what makes such rows.
    nothing_yet: "StrOrPromise" = gettext_lazy("They appear here as they come.")

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Returns whether the list has this filter."""
        return lookup in allowed_names(self.model, self.get_list_filter(request) if request else self.list_filter)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Shows the list.

        An address with a filter that the list does not have leads to the list without it, with a message. One with
        empty fields leads to the same without them.
        """
        refused = [name for name in request.GET if name not in PAGING and not self.lookup_allowed(name, "", request)]
        kept = without_empty(request.GET, self.model, self.get_list_filter(request))
        if not refused and (len(kept) == len(request.GET) or request.method != "GET"):
            title = capfirst(self.opts.verbose_name_plural)
            return super().changelist_view(request, {"title": title} | (extra_context or {}))
        for name in refused:
            del kept[name]
        if refused:
            messages.warning(
                request,
                _("This list has no filter %(refused)s, so it is shown without it.")
                % {"refused": repr(refused[0][:60])},
            )
        return HttpResponseRedirect(f"{request.path}?{kept.urlencode()}" if kept else request.path)

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Shows a message when a filter's value means nothing; Django then shows the whole list."""
        try:
            page = super().get_changelist_instance(request)
        except IncorrectLookupParameters:
            messages.warning(request, _("A filter or page of this address means nothing, so the whole list is shown."))
            raise
        self.prepare_rows(page.result_list)
        return page

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Finds a whole id by its index; other words in every row of a short list, and by indexes in a long one."""
        term = clean_text(search_term, limit=LONGEST_SEARCH)
        found = list_search.with_whole_id(queryset, self.search_ids, term) if term else None
        if found is not None:
            return found, False
        if not term or not is_long(self.model):
            return super().get_search_results(request, queryset, term)
        found, left_out = list_search.with_words(queryset, self.get_search_fields(request), term)
        if left_out and hasattr(request, "_messages"):
            messages.info(request, left_out)
        return found, False

    def get_list_filter(self, request: HttpRequest) -> Any:
        """Gives each column of times its filter of days, and lets no filter look for its values in a long table."""
        return [
            (each, DaysFilter) if is_of_days(self.model, each) else with_common_values(self.model, each)
            for each in super().get_list_filter(request)
        ]

    def prepare_rows(self, rows: Sequence[Any]) -> None:
        """Reads what the cells of these rows need, at once for all: those of a page, or some of an export."""

    def get_changelist(self, request: HttpRequest, **options: Any) -> type[Any]:
        return ListPage

    def get_sortable_by(self, request: HttpRequest) -> Any:
        """Offers on a long list only what an index has in order."""
        columns = super().get_sortable_by(request)
        return sortable(self.model, columns, self._sorted_by) if is_long(self.model) else columns

    def _sorted_by(self, column: Any) -> Any:
        shown = getattr(self, column, None) if isinstance(column, str) else column
        return getattr(shown, "admin_order_field", None) if callable(shown) else column


class StackedRows(FormFields, BaseStackedInline):
    """Rows that are edited on the page of their parent, as many as a page can show."""

    max_num = 50

    def get_formset(self, request: HttpRequest, obj: Any = None, **options: Any) -> Any:
        """Limits the rows that a form claims to have: Django would draw two thousand, which takes a minute."""
        # The class's number: Django sets it to none on an inline to which nobody may add.
        return super().get_formset(request, obj, **{"absolute_max": type(self).max_num, **options})


class RowPicker(AutocompleteSelect):
    """A choice among many rows. After a refused form it leaves out what cannot be a row's key."""

    def optgroups(self, name: str, value: Sequence[str], attr: Any = None) -> Any:
        return super().optgroups(name, [key for key in value if _is_key(self.field, key)], attr)


class RowsPicker(RowPicker, AutocompleteSelectMultiple):
    """A choice of several rows."""


def row_of(model_admin: Any, request: HttpRequest, object_id: object) -> Any:
    """Returns the row that a page's address names, or None, also for an address that names nothing."""
    return model_admin.get_object(request, str(object_id)) if object_id else None


def row_or_404(model_admin: Any, request: HttpRequest, object_id: object) -> Any:
    """Returns the row that a button's address names; raises Http404."""
    row = row_of(model_admin, request, object_id)
    if row is None:
        raise Http404
    return row


def _picked(
    model_admin: Any, picker: type[AutocompleteSelect], db_field: Any, request: HttpRequest, options: dict[str, Any]
) -> dict[str, Any]:
    if db_field.name not in model_admin.get_autocomplete_fields(request):
        return options
    return {"widget": picker(db_field, model_admin.admin_site, using=options.get("using"))} | options


def _is_key(field: Any, key: object) -> bool:
    try:
        field.remote_field.model._meta.pk.to_python(key)
    except ValidationError:
        return False
    return True


class ReadOnly:
    """Nobody adds, changes or deletes here, not even superusers (money-safety I2, T17); viewing needs permission."""

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class ReadOnlyAdmin(ReadOnly, BackOfficeAdmin):
    """A read-only page: lists, details and history; every POST is refused."""

    actions = None

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Leaves out the link to Django's history of edits, because there are none."""
        return super().change_view(request, object_id, form_url, {"show_history": False} | (extra_context or {}))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if request.method == "POST":
            raise PermissionDenied
        return super().changelist_view(request, extra_context)


class ReadOnlyInline(ReadOnly, BaseTabularInline):
    """Read-only rows on their parent's page."""

    extra = 0
    hide_title = True
