"""The forms about drafts, and what the buttons share that put something into one."""

from collections.abc import Callable, Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from onecard.kit.confirmation_pages import (
    Confirmation,
    ReasonForm,
    SelectWidget,
    TextWidget,
    ask_or_do,
    change_page,
)
from onecard.kit.transactions import transaction
from onecard.users.models import User
from routing.admin.ranking_form import NEW_DRAFT, DayWidget, RankingForm
from routing.models import RankingDraft
from routing.rankings import drafts, previews
from routing.rankings.drafts import DraftRefusedError

DRAFTS_OFFERED = 50
WRITES = "routing.add_rankingdraft"


class DraftForm(forms.Form):
    """Into which draft something goes."""

    draft = forms.ChoiceField(label=gettext_lazy("Draft"), widget=SelectWidget)

    def __init__(self, *args: Any, drafts: Sequence[RankingDraft], **options: Any) -> None:
        super().__init__(*args, **options)
        field: Any = self.fields["draft"]
        field.choices = [*((str(each.pk), each.title) for each in drafts), (NEW_DRAFT, _("A new draft"))]


class PreviewForm(forms.Form):
    """Over how many days, and as on which day."""

    days = forms.IntegerField(
        label=gettext_lazy("Purchases of the last days"), min_value=1, max_value=previews.MOST_DAYS, initial=30,
        widget=TextWidget({"inputmode": "numeric"}),
    )  # fmt: skip
    as_on = forms.DateField(
        label=gettext_lazy("Decide each purchase as on this day"), required=False, widget=DayWidget,
        help_text=gettext_lazy("For rankings that begin later. Empty: each purchase on its own day."),
    )  # fmt: skip


class PublishForm(ReasonForm):
    """Publishes the draft as the page shows it."""

    shown_version = forms.IntegerField(min_value=1, widget=forms.HiddenInput)


class TitleForm(forms.Form):
    """What a draft is called."""

    title = forms.CharField(label=gettext_lazy("Title"), max_length=120, widget=TextWidget)


def open_drafts() -> list[RankingDraft]:
    """Returns the drafts that may be written, the newest first."""
    return list(RankingDraft.objects.filter(status=RankingDraft.Status.DRAFT).order_by("-pk")[:DRAFTS_OFFERED])


def chosen_draft(choice: str, user: User) -> RankingDraft:
    """Returns the draft of a form's choice, or begins a new one; raises DraftRefusedError for one that is gone."""
    if choice == NEW_DRAFT:
        return drafts.begin(title=_("Draft of %(name)s") % {"name": user.get_username()}, user=user)
    draft = RankingDraft.objects.filter(pk=choice).first()
    if draft is None:
        raise DraftRefusedError(_("This draft is gone: choose another."))
    return draft


def ask(
    request: HttpRequest, confirmation: Confirmation, form: RankingForm, draft: RankingDraft | None = None
) -> HttpResponse:
    """Asks for a ranking and puts it into the given draft, or into the one that the form names."""
    user: Any = request.user

    def put(**values: Any) -> RankingDraft:
        into = draft or chosen_draft(values["draft"], user)
        drafts.put(draft=into, entry=form.entry(), user=user)
        return into

    return ask_or_do(request, confirmation, form, in_one_commit(put), done=to_draft(request))


def in_one_commit(call: Callable[..., Any]) -> Callable[..., Any]:
    """Returns the call in a transaction: a refused ranking leaves no new draft behind."""

    def together(**values: Any) -> Any:
        with transaction():
            return call(**values)

    return together


def to_draft(request: HttpRequest) -> Callable[[RankingDraft], HttpResponse]:
    """Returns what leads to the draft after something was put into it."""

    def go(draft: RankingDraft) -> HttpResponse:
        messages.success(request, _("It is in the draft “%(title)s”. Nothing takes effect yet.") % {"title": draft})
        return redirect(change_page(draft))

    return go
