"""How staff change the reward catalogue: an entry's text goes into a draft, and so does a whole file."""

import json
from collections.abc import Callable
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from onecard.kit.confirmation_pages import (
    AreaWidget,
    Confirmation,
    FileWidget,
    TextWidget,
    ask_or_do,
    change_page,
    posted,
)
from routing.admin import draft_forms, draft_words
from routing.catalogue import drafting, rows
from routing.catalogue.entries import CatalogueError, Entry, entries_of
from routing.models import Kind, RankingDraft

MOST_BYTES: Final = 4 * 1024 * 1024


class EntryForm(draft_forms.DraftForm):
    """The draft, and the entry's text as the catalogue's file has it."""

    text = forms.CharField(
        label=gettext_lazy("Entry"), widget=AreaWidget({"rows": 24, "spellcheck": "false", "class": "oc-code"}),
        max_length=100_000, strip=True,
        help_text=gettext_lazy(
            "JSON, as in the exported file. Every rate is a total rate, and amounts are in minor units; give each "
            "rule you checked its source with the day: “verified_on”."
        ),
    )  # fmt: skip

    def clean_text(self) -> Entry:
        try:
            return json.loads(self.cleaned_data["text"])
        except ValueError as error:
            raise forms.ValidationError(_("This is no JSON: %(error)s.") % {"error": error}) from error


class NewEntryForm(EntryForm):
    """A new entry: its key is what its text says, or what is typed for a merchant list."""

    key = forms.CharField(label=gettext_lazy("Key"), max_length=60, widget=TextWidget)

    field_order = ("draft", "key", "text")


class FileForm(forms.Form):
    """A catalogue's file, and whether it is the whole catalogue."""

    file = forms.FileField(
        label=gettext_lazy("File"), max_length=200, widget=FileWidget({"accept": ".json,application/json"}),
        help_text=gettext_lazy("JSON, as it is exported; 4 MB at most."),
    )  # fmt: skip
    removes_others = forms.BooleanField(
        label=gettext_lazy("The file is the whole catalogue: remove what it does not name"), required=False
    )

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > MOST_BYTES:
            raise forms.ValidationError(_("The file is larger than 4 MB."))
        return file


def edit(request: HttpRequest, *, kind: str, key: str, back: str) -> HttpResponse:
    """Asks for an entry's new text and puts it into a draft."""
    entry = entries_of(rows.read()).get((kind, key))
    text = json.dumps(entry, indent=1, ensure_ascii=False)
    form = EntryForm(posted(request), initial={"text": text}, drafts=draft_forms.open_drafts())
    title = _("Change %(entry)s") % {"entry": f"{Kind(kind).label} {key}"}
    return _ask(request, title, form, back, lambda values: (kind, key, values["text"]))


def add(request: HttpRequest, *, kind: str, back: str, example: Entry) -> HttpResponse:
    """Asks for a new entry and puts it into a draft."""
    text = json.dumps(example, indent=1, ensure_ascii=False)
    form = NewEntryForm(posted(request), initial={"text": text}, drafts=draft_forms.open_drafts())
    title = _("New: %(kind)s") % {"kind": Kind(kind).label}
    return _ask(request, title, form, back, lambda values: (kind, values["key"], values["text"]))


def remove(request: HttpRequest, *, kind: str, key: str, back: str) -> HttpResponse:
    """Puts an entry's removal into a draft."""
    form = draft_forms.DraftForm(posted(request), drafts=draft_forms.open_drafts())
    title = _("Remove %(entry)s") % {"entry": f"{Kind(kind).label} {key}"}
    return _ask(request, title, form, back, lambda _values: (kind, key, None))


def import_file(request: HttpRequest, *, back: str) -> HttpResponse:
    """Asks for a file; what differs becomes a draft."""
    user: Any = request.user
    form = FileForm(posted(request), request.FILES if request.method == "POST" else None)
    confirmation = Confirmation(
        title=_("Import reward terms"),
        words=_("The file's differences become a draft, and nothing takes effect until a second person publishes it."),
        button=_("Import into a draft"),
        back=back,
        second_person=draft_words.takes_two(user),
    )

    def begin(*, file: Any, removes_others: bool) -> RankingDraft:
        name = str(file.name)
        return drafting.import_file(
            content=file.read(), source=name, title=name[:120], removes_others=removes_others, user=user
        )

    def show(draft: RankingDraft) -> HttpResponse:
        count = draft.entries.count()
        messages.success(
            request, _("The draft changes %(count)s entries. Nothing takes effect yet.") % {"count": count}
        )
        return redirect(change_page(draft))

    return ask_or_do(request, confirmation, form, begin, done=show)


def take_out(request: HttpRequest, draft: RankingDraft, change_id: int) -> HttpResponse:
    """Takes a change of the catalogue out of its draft."""
    user: Any = request.user
    change = draft.entries.filter(pk=change_id).first()
    confirmation = Confirmation(
        title=_("Take %(entry)s out of the draft") % {"entry": change or ""},
        words=_("The entry stays as it is published."),
        button=_("Take out"),
        back=change_page(draft),
    )

    def leave() -> None:
        drafting.take_out(draft=draft, change_id=change_id, user=user)

    return ask_or_do(request, confirmation, forms.Form(posted(request)), leave, done=_("Taken out."), row=draft)


def _ask(
    request: HttpRequest,
    title: str,
    form: forms.Form,
    back: str,
    wanted: Callable[[dict[str, Any]], tuple[str, str, Entry | None]],
) -> HttpResponse:
    user: Any = request.user
    confirmation = Confirmation(
        title=title,
        words=_("It goes into a draft, and nothing takes effect until a second person publishes it."),
        button=_("Put it into the draft"),
        back=back,
        second_person=draft_words.takes_two(user),
    )

    def put(**values: Any) -> RankingDraft:
        kind, key, entry = wanted(values)
        if entry is None and "text" in values:
            raise CatalogueError([_("An entry is never null: remove it instead.")])
        draft = draft_forms.chosen_draft(values["draft"], user)
        drafting.put(draft=draft, kind=kind, key=key, entry=entry, user=user)
        return draft

    return ask_or_do(request, confirmation, form, draft_forms.in_one_commit(put), done=draft_forms.to_draft(request))
