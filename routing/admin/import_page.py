"""The page that imports a file of rankings into a draft, and names each mistake with its row and column."""

from pathlib import Path
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from onecard.kit.confirmation_pages import TextWidget, change_page, posted
from routing.admin import draft_words
from routing.models import RankingDraft
from routing.rankings import csv_format, drafts, words
from routing.rankings.drafts import DraftRefusedError
from routing.rankings.entry import RankingsError
from routing.rankings.formats import format_of

MOST_BYTES: Final = 9 * 1024 * 1024
PROBLEMS_SHOWN: Final = 50


class ImportForm(forms.Form):
    """A file, what the draft is called, and whether the file is the whole list."""

    file = forms.FileField(
        label=gettext_lazy("File"), max_length=200,
        help_text=gettext_lazy("CSV with a header, or the walkthrough's JSON; 9 MB at most."),
        widget=forms.FileInput({"accept": ".csv,.json,text/csv,application/json", "class": "oc-input"}),
    )  # fmt: skip
    title = forms.CharField(
        label=gettext_lazy("Title of the draft"), required=False, max_length=120, widget=TextWidget,
        help_text=gettext_lazy("Empty: the file's name."),
    )  # fmt: skip
    removes_others = forms.BooleanField(
        label=gettext_lazy("The file is the whole list: remove what it does not name"), required=False
    )

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > MOST_BYTES:
            raise forms.ValidationError(_("The file is larger than 9 MB: split it into several."))
        return file


def show(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Asks for a file; a good one begins a draft, and of a bad one the page shows every mistake."""
    if request.method not in ("GET", "POST") or not request.user.has_perm("routing.add_rankingdraft"):
        raise PermissionDenied
    form = ImportForm(posted(request), request.FILES or None)
    refusal: RankingsError | DraftRefusedError | None = None
    if request.method == "POST" and form.is_valid():
        try:
            draft = _import(request, form.cleaned_data)
        except (RankingsError, DraftRefusedError) as error:
            refusal = error
        else:
            count = words.counted(draft.changes.count())
            messages.success(request, _("The draft changes %(count)s. Nothing takes effect yet.") % {"count": count})
            return redirect(change_page(draft))
    problems = getattr(refusal, "problems", ())
    context = {
        **model_admin.admin_site.each_context(request),
        "title": _("Import rankings"),
        "form": form,
        "second_person": draft_words.takes_two(request.user),
        "columns": csv_format.COLUMNS,
        "refusal": refusal.message if refusal and not problems else "",
        "problems": problems[:PROBLEMS_SHOWN],
        "problem_count": len(problems),
        "more_problems": max(0, len(problems) - PROBLEMS_SHOWN),
    }
    answer = TemplateResponse(request, "admin/routing/rankingrow/import.html", context)
    answer["Cache-Control"] = "no-store"
    return answer


def _import(request: HttpRequest, values: dict[str, Any]) -> RankingDraft:
    file, user = values["file"], request.user
    name = str(file.name)
    return drafts.import_file(
        content=file.read(),
        source=name,
        file_format=format_of(Path(name), None),
        title=values["title"] or name[:120],
        removes_others=values["removes_others"],
        user=user,  # type: ignore[arg-type]
    )
