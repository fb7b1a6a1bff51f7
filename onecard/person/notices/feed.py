"""The feed of notices, and how a person wants to hear of each kind."""

from typing import Any, Final

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from onecard.notices import choices
from onecard.notices import services as notices
from onecard.notices.kinds import Channel, Kind, channels_of
from onecard.notices.models import Notice
from onecard.person.form_page import FormPage
from onecard.person.page import LoggedInPage

PAGE: Final = 25
# What a notice is about, and the page that shows it.
PAGES: Final = {"purchase": "person:purchase", "dispute": "person:dispute", "monthly_report": "person:month"}
PLAIN_PAGES: Final = {"profile": "person:identity", "card": "person:home", "funding_card": "person:wallet"}


class Notices(LoggedInPage):
    """The newest first, in pages; the button marks all as read that the page could show."""

    menu = "account"

    def get(self, request: HttpRequest) -> HttpResponse:
        rows = notices.feed_of(self.person.pk).order_by("-pk")
        before = request.GET.get("before", "")
        if before.isascii() and before.isdigit() and len(before) < 19:
            rows = rows.filter(pk__lt=int(before))
        found = list(rows[: PAGE + 1])
        return self.render(
            request,
            "notices/feed",
            notices=[(each, page_of(each)) for each in found[:PAGE]],
            has_unread=notices.feed_of(self.person.pk).filter(read_at=None).exists(),
            newest=found[0].pk if found else "",
            older=found[PAGE - 1].pk if len(found) > PAGE else "",
        )

    def post(self, request: HttpRequest) -> HttpResponse:
        notices.mark_read(notices.feed_of(self.person.pk))
        messages.success(request, "Everything is marked as read.")
        return redirect("person:notices")


class SettingsForm(forms.Form):
    """A choice for each kind that can be heard of in more than one way."""

    def __init__(self, data: Any, chosen: dict[Kind, Channel]) -> None:
        super().__init__(data)
        for kind, channel in chosen.items():
            allowed = channels_of(kind)
            if len(allowed) > 1:
                options = [(each.value, each.label) for each in allowed]
                self.fields[kind.value] = forms.ChoiceField(label=kind.label, choices=options, initial=channel.value)


class Settings(FormPage):
    menu = "account"
    title = "What we tell you, and where"
    words = "We mail you at once, whatever you choose, when your login changes or a purchase is not paid."

    def form(self, request: HttpRequest, data: Any = None, files: Any = None) -> SettingsForm:
        return SettingsForm(data, choices.all_of(self.person.pk))

    def save(self, request: HttpRequest, form: SettingsForm) -> HttpResponse:
        wanted = {Kind(name): Channel(channel) for name, channel in form.cleaned_data.items()}
        choices.choose(self.person, wanted, actor=f"user:{self.person.pk}")
        messages.success(request, "Your choices are saved.")
        return redirect("person:notice-settings")


def page_of(notice: Notice) -> str:
    """Returns the page of what a notice is about, and "" where there is none."""
    kind, _, key = notice.reference.partition(":")
    if kind in PAGES and key:
        return reverse(PAGES[kind], args=[key])
    return reverse(PLAIN_PAGES[kind]) if kind in PLAIN_PAGES else ""
