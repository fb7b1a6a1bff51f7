"""The bases of every page of the back office: what only shows, and what may be edited."""

from typing import TYPE_CHECKING, Any

from django.contrib.admin import ShowFacets, SimpleListFilter
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse

if TYPE_CHECKING:
    # Unfold has no types; its bases are Django's with more attributes.
    from django.contrib.admin import ModelAdmin, StackedInline, TabularInline
    from django.contrib.admin.views.main import ChangeList

    BaseAdmin = ModelAdmin[Any]
    BaseStackedInline = StackedInline[Any, Any]
    BaseTabularInline = TabularInline[Any, Any]
else:
    from unfold.admin import ModelAdmin as BaseAdmin
    from unfold.admin import StackedInline as BaseStackedInline  # noqa: F401  (for the apps' admins)
    from unfold.admin import TabularInline as BaseTabularInline


class BackOfficeAdmin(BaseAdmin):
    """What all pages share."""

    list_per_page = 50
    list_max_show_all = 50
    show_full_result_count = False
    show_facets = ShowFacets.NEVER  # Counting rows for each choice of a filter is too dear on long tables.
    list_fullwidth = True
    # Shown in an empty list: how such rows come about.
    nothing_yet = "They appear here as they come."


class ReadOnly:
    """Nobody adds, changes or deletes here, superusers included (money-safety I2, T17); viewing follows permissions."""

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class ReadOnlyAdmin(ReadOnly, BackOfficeAdmin):
    """A room to look at: lists, details and history; every POST is refused."""

    actions = None

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Without the link to Django's history of edits, since there are none."""
        return super().change_view(request, object_id, form_url, {"show_history": False} | (extra_context or {}))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if request.method == "POST":
            raise PermissionDenied
        return super().changelist_view(request, extra_context)


class ReadOnlyInline(ReadOnly, BaseTabularInline):
    """Rows of a read-only page."""

    extra = 0
    hide_title = True


class TextFilter(SimpleListFilter):
    """A filter that is typed in: for columns with too many values to list, such as merchant category codes."""

    template = "admin/filters/text.html"
    lookup = ""
    input_mode = "text"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return []

    def has_output(self) -> bool:
        return True

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        text = (self.value() or "").strip()
        return queryset.filter(**{self.lookup or self.parameter_name or "": text}) if text else queryset

    def choices(self, changelist: "ChangeList") -> Any:
        """One pseudo choice: the rest of the query as pairs, which the form sends along."""
        kept = {key: value for key, value in changelist.params.items() if key not in (self.parameter_name, "p")}
        yield {"selected": bool(self.value()), "query_string": "?", "display": self.title, "kept": kept}


class MccFilter(TextFilter):
    """Purchases or rankings of one merchant category code."""

    title = "MCC"
    parameter_name = "mcc"
    input_mode = "numeric"
