"""A list's filters under a name: saved by one person, for that person or for everybody of one of their groups."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db.models import Model, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from onecard.desk.models import SavedFilter
from onecard.kit import clock
from onecard.kit.admin_filters import AFTER, BEFORE

# Of one person and one list.
MOST: int = 30
LONGEST_QUERY: int = 500


class NameForm(forms.Form):
    """A name, and the group with which it is shared."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=60)
    group = forms.ModelChoiceField(Group.objects.none(), label=gettext_lazy("Group"), required=False)

    def __init__(self, user: Any, data: Any) -> None:
        super().__init__(data)
        self.fields["group"].queryset = user.groups.all()  # type: ignore[attr-defined]


def of(user: Any, model: type[Model]) -> "QuerySet[SavedFilter]":
    """Returns a list's filters that a person sees: their own and those shared with their groups, by name."""
    shown_to = Q(owner=user.pk) | Q(group__in=user.groups.values("pk"))
    return SavedFilter.objects.filter(shown_to, list=model._meta.label).select_related("group", "owner").distinct()


@require_POST
def save(request: HttpRequest, app: str, name: str) -> HttpResponse:
    """Saves the filters of the list's address; the same name again replaces what the person saved under it."""
    model, page = _list(request, app, name)
    query, form = _filters(request), NameForm(request.user, request.POST)
    if not query or not form.is_valid():
        messages.error(request, _("A saved filter needs a name, at most 60 letters, and a list that is filtered."))
        return HttpResponseRedirect(f"{page}?{query}")
    own = SavedFilter.objects.filter(owner=request.user.pk, list=model._meta.label)
    called = form.cleaned_data["name"]
    if own.count() >= MOST and not own.filter(name=called).exists():
        messages.error(request, _("You have %(most)d saved filters of this list. Delete one first.") % {"most": MOST})
        return HttpResponseRedirect(f"{page}?{query}")
    SavedFilter.objects.update_or_create(
        owner_id=request.user.pk,
        list=model._meta.label,
        name=called,
        defaults={"query": query, "group": form.cleaned_data["group"], "created_at": clock.now()},
    )
    messages.success(request, _("The filter “%(name)s” is saved.") % {"name": called})
    return HttpResponseRedirect(f"{page}?{query}")


@require_POST
def delete(request: HttpRequest, key: int) -> HttpResponse:
    """Deletes a filter of one's own; pressed twice, the second time there is none."""
    saved = get_object_or_404(SavedFilter, pk=key, owner=request.user.pk)
    app, name = saved.list.lower().split(".")
    saved.delete()
    messages.success(request, _("The filter “%(name)s” is deleted.") % {"name": saved.name})
    return HttpResponseRedirect(reverse(f"admin:{app}_{name}_changelist"))


def _list(request: HttpRequest, app: str, name: str) -> tuple[type[Model], str]:
    for model, room in admin.site._registry.items():  # noqa: SLF001  (Django has no other list of them)
        if (model._meta.app_label, model._meta.model_name) == (app, name):
            if not room.has_view_permission(request):
                raise PermissionDenied
            return model, reverse(f"admin:{app}_{name}_changelist")
    raise Http404


def _filters(request: HttpRequest) -> str:
    """Returns the address's filters, search and order, without its page; "" for what is too long to keep."""
    kept = QueryDict(request.GET.urlencode(), mutable=True)
    for name in (AFTER, BEFORE, "p", "e", "all"):
        kept.pop(name, None)
    query = kept.urlencode()
    return query if len(query) <= LONGEST_QUERY else ""
