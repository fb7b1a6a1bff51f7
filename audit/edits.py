"""The base of every admin page that edits: it locks the row, refuses stale forms and writes an audit entry."""

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.core.exceptions import NON_FIELD_ERRORS
from django.db import IntegrityError, OperationalError, connection
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext_lazy

from audit import trail
from onecard.kit import fresh_code
from onecard.kit.admin import BackOfficeAdmin
from onecard.kit.confirmation_pages import actor_of
from onecard.kit.transactions import transaction

if TYPE_CHECKING:
    AnyModelForm = forms.ModelForm[Any]
    AnyFormSet = forms.BaseModelFormSet[Any, Any]
else:
    AnyModelForm = forms.ModelForm

CONFLICT = gettext_lazy(
    "Nothing was saved: someone else saved something that this cannot stand beside. Shown is what is stored now."
)
BUSY = gettext_lazy("Nothing was saved: the row was in use for too long. Try again.")
STALE = gettext_lazy(
    "This changed after you opened the page: someone else saved it, or a charge did. Nothing was saved. "
    "Open the page again to see what is stored now."
)


class AuditedAdmin(BackOfficeAdmin):
    """Staff may edit these rows. Each edit's commit writes old and new values to the trail (money-safety I15)."""

    # The model's version field, which rises with every change. A form opened under another version is refused.
    version_field = ""
    compressed_fields = False
    # What decides which card pays, or who may do what, is edited shortly after a second factor only (decisions/0048).
    needs_fresh_code = False
    # The trail names changes of these fields without their values.
    secret_fields: tuple[str, ...] = ()

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Shows what the database refuses as a sentence, with nothing saved."""
        if self.needs_fresh_code and self._may_edit(request, object_id) and not fresh_code.is_fresh(request):
            return fresh_code.ask(request)
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except IntegrityError:
            messages.error(request, CONFLICT)
        except OperationalError:
            messages.error(request, BUSY)
        return HttpResponseRedirect(request.get_full_path())

    def _may_edit(self, request: HttpRequest, object_id: str | None) -> bool:
        """Whoever may only look is not asked for a code."""
        if object_id is None:
            return self.has_add_permission(request)
        return self.has_change_permission(request)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """For an edit, returns the row under its lock, so that nobody overwrites another person's change unseen."""
        obj = super().get_object(request, object_id, from_field)
        if obj is not None and request.method == "POST" and connection.in_atomic_block:
            self.lock(obj)
        return obj

    def lock(self, obj: Model) -> None:
        obj.refresh_from_db(from_queryset=_rows_of(obj).select_for_update(no_key=True, of=("self",)))

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        if not self.version_field or obj is None or not self.has_change_permission(request, obj):
            return fieldsets
        return [*fieldsets, (None, {"fields": ("shown_version",), "classes": ("oc-hidden",)})]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:  # noqa: FBT001
        before = stored_values(obj) if change else {}
        changes = self.differences(before, values_of(obj))
        if change and not changes:
            return
        super().save_model(request, obj, form, change)
        self.record(request, obj, "changed" if change else "added", changes=changes)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:  # noqa: FBT001
        super().save_related(request, form, formsets, change)
        many = [field.name for field in _facts_of(form.instance).many_to_many if field.name in form.changed_data]
        if many:
            links = {name: [plain(list(form.initial.get(name, []))), plain(form.cleaned_data[name])] for name in many}
            self.record(request, form.instance, "changed", changes=links)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:  # noqa: FBT001
        before = {each.instance.pk: stored_values(each.instance) for each in formset.initial_forms}
        super().save_formset(request, form, formset, change)
        for obj in formset.new_objects:
            self.record(request, obj, "added", changes=self.differences({}, values_of(obj)))
        for obj, _ in formset.changed_objects:
            self.record(request, obj, "changed", changes=self.differences(before[obj.pk], values_of(obj)))
        for obj in formset.deleted_objects:
            self.record(request, obj, "deleted", was=plain(values_of(obj)))

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        with transaction():
            self.record(request, obj, "deleted", was=plain(values_of(obj)))
            super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        with transaction():
            for obj in queryset.select_for_update(no_key=False, of=("self",)):
                self.record(request, obj, "deleted", was=plain(values_of(obj)))
            super().delete_queryset(request, queryset)

    def differences(self, before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
        changed = {name: [before.get(name), value] for name, value in after.items() if before.get(name) != value}
        return {name: "changed" if name in self.secret_fields else plain(pair) for name, pair in changed.items()}

    def record(self, request: HttpRequest, obj: Any, verb: str, **details: Any) -> None:
        trail.record(actor=actor_of(request), action=f"{type(obj).__name__.lower()}.{verb}", subject=obj, **details)


class VersionedForm(AnyModelForm):
    """A form that knows which version of its row the page showed."""

    version_field = "version"
    shown_version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk is not None:
            self.initial["shown_version"] = getattr(self.instance, self.version_field)

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        shown = self.cleaned_data.get("shown_version")
        if shown is not None and shown != self.initial.get("shown_version"):
            raise forms.ValidationError(STALE, code="stale")
        return cleaned

    def add_error(self, field: str | None, error: Any) -> None:
        """Shows one message per fault: a constraint's name is left out when the model explained it."""
        found = getattr(error, "error_dict", {}).get(NON_FIELD_ERRORS, [])
        bare = {constraint.get_violation_error_message() for constraint in _facts_of(self.instance).constraints}
        in_words = [each for each in found if each.message not in bare]
        if in_words:
            error.error_dict[NON_FIELD_ERRORS] = in_words
        super().add_error(field, error)


def stored_values(obj: Model) -> dict[str, Any]:
    """Returns what the database holds now in the fields that people edit."""
    return _rows_of(obj).filter(pk=obj.pk).values(*_edited_fields(obj)).get()


def values_of(obj: Model) -> dict[str, Any]:
    return {name: getattr(obj, name) for name in _edited_fields(obj)}


def plain(value: Any) -> Any:
    """Returns a value as JSON; what JSON cannot express exactly becomes text."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | QuerySet):
        return [plain(item) for item in value]
    return str(value)


def _edited_fields(obj: Model) -> list[str]:
    return [field.attname for field in _facts_of(obj).concrete_fields if field.editable and not field.primary_key]


def _facts_of(obj: Model) -> Any:
    return obj._meta


def _rows_of(obj: Model) -> QuerySet[Any]:
    return type(obj)._base_manager.all()  # noqa: SLF001  (Django's documented model API)
