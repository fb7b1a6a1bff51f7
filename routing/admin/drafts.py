"""Drafts of rankings: written by one person, previewed, published by another; and what was published before."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from onecard.kit import display, references
from onecard.kit.admin import ReadOnlyAdmin, row_of, row_or_404
from onecard.kit.confirmation_pages import (
    Confirmation,
    ReasonForm,
    ask_or_do,
    change_page,
    page_action,
    posted,
)
from onecard.second_factor import second_people
from routing.admin import catalogue_editing, draft_changes, draft_forms, draft_words
from routing.admin.ranking_form import RankingForm, initial_of
from routing.catalogue import words as entry_words
from routing.models import RankingChange, RankingDraft
from routing.rankings import drafts, previews, publishing, words

Status = RankingDraft.Status
TONE: Final[dict[str, str]] = {Status.DRAFT: "warn", Status.PUBLISHED: "good", Status.DISCARDED: "neutral"}
# The buttons by what the draft is; Publish is not shown to the draft's own people.
BUTTONS: Final[dict[str, tuple[str, ...]]] = {
    Status.DRAFT: ("add-ranking", "preview", "publish", "compare-anew", "discard"),
    Status.PUBLISHED: ("go-back",),
    Status.DISCARDED: (),
}


@admin.register(RankingDraft)
class RankingDraftAdmin(ReadOnlyAdmin):
    """Drafts and publications change only through their buttons."""

    actions_list = ("new_draft",)
    actions_detail = ("add_ranking", "preview", "publish", "compare_anew", "discard", "go_back")
    inlines = (draft_changes.ChangesInline, draft_changes.EntriesInline)
    list_display = ("title", "state", "changes_count", "written", "published", "why")
    list_filter = ("status", "published_at")
    list_select_related = ("author", "published_by")
    search_fields = ("title", "reason", "source")
    search_help_text = gettext_lazy("Title, reason or file")
    nothing_yet = gettext_lazy("Press “New draft”, or import a list of rankings: both begin a draft.")
    fields = (
        ("title", "state"),
        "warnings",
        ("written", "changed"),
        ("second_person", "published"),
        ("source", "why"),
        "shown_previews",
    )

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        own, entry = (f"<int:object_id>/{kind}/<int:change_id>" for kind in ("changes", "entries"))
        return [
            path(f"{own}/take-out/", view(self.take_out), name="routing_rankingdraft_take_out"),
            path(f"{own}/edit/", view(self.edit_change), name="routing_rankingdraft_edit_change"),
            path(f"{entry}/take-out/", view(self.take_out_entry), name="routing_rankingdraft_take_out_entry"),
            *super().get_urls(),
        ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[RankingDraft]:
        return draft_changes.with_counts(super().get_queryset(request))

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Shows what the draft's state and its people allow."""
        allowed: list[Any] = super().get_actions_detail(request, object_id)  # type: ignore[misc]
        draft = self.get_object(request, str(object_id))
        if not isinstance(draft, RankingDraft):
            return []
        user: Any = request.user
        is_own = any(writer.pk == user.pk for writer in publishing.writers(draft))
        shown = [name for name in BUTTONS[draft.status] if name != "publish" or not is_own]
        return [each for each in allowed if each.path in shown]

    def has_draft_permission(self, request: HttpRequest, *_object: object) -> bool:
        return request.user.has_perm(draft_forms.WRITES)

    def has_publish_permission(self, request: HttpRequest, *_object: object) -> bool:
        return request.user.has_perm(draft_words.PUBLISHES)

    def has_preview_permission(self, request: HttpRequest, *_object: object) -> bool:
        return request.user.has_perm(draft_forms.WRITES) or request.user.has_perm(draft_words.PUBLISHES)

    @page_action(description=gettext_lazy("New draft"), url_path="new", permissions=["draft", "view"], icon="add")
    def new_draft(self, request: HttpRequest) -> HttpResponse:
        confirmation = Confirmation(
            title=_("New draft"),
            words=_("A draft holds changes of rankings that belong together."),
            button=_("Begin the draft"),
            back=reverse("admin:routing_rankingdraft_changelist"),
            second_person=draft_words.takes_two(request.user),
        )
        return _do(request, confirmation, draft_forms.TitleForm(posted(request)), drafts.begin, done=_show)

    @page_action(
        description=gettext_lazy("Add a ranking"), url_path="add-ranking", permissions=["draft", "view"], icon="add"
    )
    def add_ranking(self, request: HttpRequest, object_id: str) -> HttpResponse:
        draft = row_or_404(self, request, object_id)
        asked = {"mcc": request.GET.get("mcc", ""), "card": request.GET.get("card", "")}
        confirmation = Confirmation(
            title=_("Add a ranking to “%(title)s”") % {"title": draft},
            back=change_page(draft),
            words=_("An MCC and card that is ranked from the same first day gets these values instead."),
            button=_("Put it into the draft"),
            second_person=_takes_two(request, draft),
        )
        return draft_forms.ask(request, confirmation, RankingForm(posted(request), initial=asked, draft=draft), draft)

    @page_action(
        description=gettext_lazy("Preview"), url_path="preview", permissions=["preview", "view"], icon="visibility"
    )
    def preview(self, request: HttpRequest, object_id: str) -> HttpResponse:
        draft = row_or_404(self, request, object_id)
        confirmation = Confirmation(
            title=_("Preview “%(title)s”") % {"title": draft},
            back=change_page(draft),
            words=_(
                "The purchases of the last days are decided again, without and with the draft. Nothing is charged or "
                "changed: you see which card would have paid, and how much more or less it would have earned."
            ),
            button=_("Begin the preview"),
        )
        form = draft_forms.PreviewForm(posted(request))
        return _do(request, confirmation, form, partial(previews.ask, draft=draft), done=_show, row=draft)

    @page_action(
        description=gettext_lazy("Publish"), url_path="publish", permissions=["publish", "view"], icon="publish"
    )
    def publish(self, request: HttpRequest, object_id: str) -> HttpResponse:
        draft = row_or_404(self, request, object_id)
        confirmation = Confirmation(
            title=_("Publish “%(title)s”") % {"title": draft},
            back=change_page(draft),
            words=_("From the next purchase on, every decision uses these rankings. See first what would change."),
            button=_("Publish"),
            danger=True,
            facts=draft_words.facts(draft),
            needs_fresh_code=True,
        )
        form = draft_forms.PublishForm(posted(request), initial={"shown_version": draft.version})
        done = _("Published: every purchase from now on uses it.")
        return _do(request, confirmation, form, partial(publishing.publish, draft=draft), done=done, row=draft)

    @page_action(
        description=gettext_lazy("Compare anew"), url_path="compare-anew", permissions=["draft", "view"], icon="sync"
    )
    def compare_anew(self, request: HttpRequest, object_id: str) -> HttpResponse:
        draft = row_or_404(self, request, object_id)
        confirmation = Confirmation(
            title=_("Compare “%(title)s” anew") % {"title": draft},
            back=change_page(draft),
            words=_(
                "Each change is compared with what is published now, and one that changes nothing any more is dropped. "
                "You count as the last person who changed the draft, so somebody else publishes it."
            ),
            button=_("Compare"),
            second_person=_takes_two(request, draft),
        )
        form, call = forms.Form(posted(request)), partial(publishing.renew, draft=draft)
        return _do(request, confirmation, form, call, done=_("Compared."), row=draft)

    @page_action(description=gettext_lazy("Discard"), url_path="discard", permissions=["draft", "view"], icon="delete")
    def discard(self, request: HttpRequest, object_id: str) -> HttpResponse:
        draft = row_or_404(self, request, object_id)
        confirmation = Confirmation(
            title=_("Discard “%(title)s”") % {"title": draft},
            back=change_page(draft),
            words=_("The draft ends without effect. It stays in the list."),
            button=_("Discard"),
            danger=True,
        )
        form, call = ReasonForm(posted(request)), partial(drafts.discard, draft=draft)
        return _do(request, confirmation, form, call, done=_("Discarded."), row=draft)

    @page_action(
        description=gettext_lazy("Go back to before this"), url_path="go-back", permissions=["draft", "view"],
        icon="undo",
    )  # fmt: skip
    def go_back(self, request: HttpRequest, object_id: str) -> HttpResponse:
        publication = row_or_404(self, request, object_id)
        confirmation = Confirmation(
            title=_("Go back to before “%(title)s”") % {"title": publication},
            back=change_page(publication),
            words=_(
                "A new draft takes back this publication and all that came after it. It is previewed as every draft is."
            ),
            button=_("Begin that draft"),
            second_person=draft_words.takes_two(request.user),
        )
        call = partial(publishing.draft_state_before, publication=publication)
        return _do(request, confirmation, forms.Form(posted(request)), call, done=_show)

    def take_out(self, request: HttpRequest, object_id: int, change_id: int) -> HttpResponse:
        draft, change = self._change(request, object_id, change_id)
        confirmation = Confirmation(
            title=_("Take %(card)s at MCC %(mcc)s out of the draft")
            % {"card": words.subject(change), "mcc": change.mcc},
            words=words.change_in_words(change),
            button=_("Take out"),
            back=change_page(draft),
        )
        call = partial(drafts.take_out, draft=draft, change_id=change_id)
        return _do(request, confirmation, forms.Form(posted(request)), call, done=_("Taken out."), row=draft)

    def take_out_entry(self, request: HttpRequest, object_id: int, change_id: int) -> HttpResponse:
        if not request.user.has_perm(draft_forms.WRITES):
            raise PermissionDenied
        draft = row_of(self, request, object_id)
        if draft is None:
            raise Http404
        return catalogue_editing.take_out(request, draft, change_id)

    def edit_change(self, request: HttpRequest, object_id: int, change_id: int) -> HttpResponse:
        draft, change = self._change(request, object_id, change_id)
        confirmation = Confirmation(
            title=_("Change %(card)s at MCC %(mcc)s") % {"card": words.subject(change), "mcc": change.mcc},
            words=words.change_in_words(change),
            button=_("Put it into the draft"),
            back=change_page(draft),
            second_person=_takes_two(request, draft),
        )
        form = RankingForm(posted(request), initial=initial_of(change), draft=draft, ranked=change)
        return draft_forms.ask(request, confirmation, form, draft)

    def _change(self, request: HttpRequest, object_id: int, change_id: int) -> tuple[RankingDraft, RankingChange]:
        if not request.user.has_perm(draft_forms.WRITES):
            raise PermissionDenied
        draft = row_of(self, request, object_id)
        change = draft.changes.select_related("product").filter(pk=change_id).first() if draft else None
        if change is None:
            raise Http404
        return draft, change

    @admin.display(description=gettext_lazy("State"), ordering="status")
    def state(self, draft: RankingDraft) -> SafeString:
        return display.label(draft.get_status_display(), TONE[draft.status])

    @admin.display(description=gettext_lazy("Changes"))
    def changes_count(self, draft: RankingDraft) -> str:
        entries = getattr(draft, "entry_count", None) or 0
        counts = [words.counted(getattr(draft, "change_count", None) or 0)]
        return display.joined([*counts, entry_words.counted(entries)] if entries else counts)

    @admin.display(description=gettext_lazy("Written"), ordering="created_at")
    def written(self, draft: RankingDraft) -> str:
        return draft_words.by(draft.author or draft.by_command, display.moment(draft.created_at))

    @admin.display(description=gettext_lazy("Last changed"))
    def changed(self, draft: RankingDraft) -> str:
        return draft_words.by(draft.changed_by or draft.by_command, display.moment(draft.changed_at))

    @admin.display(description=gettext_lazy("Published"), ordering="published_at")
    def published(self, draft: RankingDraft) -> str:
        if draft.published_at is None:
            return display.NOTHING
        return draft_words.by(draft.published_by or draft.by_command, display.moment(draft.published_at))

    @admin.display(description=gettext_lazy("Why"))
    def why(self, draft: RankingDraft) -> str:
        return draft.reason or display.NOTHING

    @admin.display(description=gettext_lazy("Who may publish it"))
    def second_person(self, draft: RankingDraft) -> str:
        if draft.status != Status.DRAFT:
            return display.NOTHING
        writers = publishing.writers(draft)
        names = display.joined(sorted(writer.get_username() for writer in writers))
        anybody = _("Anybody with the permission but %(names)s, who wrote it.") % {"names": names}
        return f"{anybody} {second_people.in_words(draft_words.PUBLISHES, besides=writers)}"

    @admin.display(description=gettext_lazy("Look at this"))
    def warnings(self, draft: RankingDraft) -> str:
        said = draft_words.warnings(draft)
        return format_html_join("", "<p>{}</p>", ((line,) for line in said)) if said else _("Nothing to look at.")

    @admin.display(description=gettext_lazy("Previews"))
    def shown_previews(self, draft: RankingDraft) -> str:
        found = draft.previews.order_by("-pk")[:5]
        lines = format_html_join("", "<p>{}</p>", ((draft_words.preview_link(each, draft),) for each in found))
        return lines or _("None yet. A draft is published after a preview of it as it is.")


def _takes_two(request: HttpRequest, draft: RankingDraft) -> tuple[str, ...]:
    return draft_words.takes_two(request.user, *publishing.writers(draft))


def _do(
    request: HttpRequest, confirmation: Confirmation, form: forms.Form, call: Callable[..., Any], **more: Any
) -> HttpResponse:
    """Asks, and then calls the domain in the name of whoever pressed the button."""
    return ask_or_do(request, confirmation, form, partial(call, user=request.user), **more)


def _show(row: Any) -> HttpResponse:
    """Leads to the draft or the preview that was begun."""
    return redirect(change_page(row))


references.register("rankingdraft", lambda key: reverse("admin:routing_rankingdraft_change", args=[key]))
