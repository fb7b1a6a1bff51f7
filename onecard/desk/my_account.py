"""The page on which a member of staff chooses the language and the time zone of the back office."""

from typing import Any, Final

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import translation
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from onecard.desk.viewer import known_zones, language_of, zone_of
from onecard.kit.confirmation_pages import SelectWidget, posted
from onecard.users.models import User

A_YEAR_S: Final = 365 * 24 * 3600


class MyAccountForm(forms.Form):
    """How the back office speaks to one member of staff."""

    language = forms.ChoiceField(
        label=gettext_lazy("Language"),
        required=False,
        widget=SelectWidget,
        choices=[("", gettext_lazy("As my browser says")), *settings.LANGUAGES],
    )
    time_zone = forms.ChoiceField(
        label=gettext_lazy("Time zone"),
        required=False,
        widget=SelectWidget,
        help_text=gettext_lazy("All times on these pages are shown in it, with its name."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        zones = [(name, name.replace("_", " ")) for name in sorted(known_zones())]
        self.fields["time_zone"].choices = [("", _("As my browser says")), *zones]  # type: ignore[attr-defined]


def my_account(request: HttpRequest) -> HttpResponse:
    """Shows and saves the choices of whoever is logged in; they are nobody else's business and leave no trail."""
    user = request.user
    assert isinstance(user, User)  # noqa: S101  (the admin's own check let nobody else in)
    form = MyAccountForm(posted(request), initial={"language": user.language, "time_zone": user.time_zone})
    if form.is_valid():
        User.objects.filter(pk=user.pk).update(**form.cleaned_data)
        user.language = form.cleaned_data["language"]
        with translation.override(language_of(request)):
            messages.success(request, _("Saved. The back office now speaks to you like this."))
        return redirect("my-account")
    context = {
        **admin.site.each_context(request),
        "title": _("My account"),
        "form": form,
        "zone": zone_of(request).key.replace("_", " "),
    }
    return TemplateResponse(request, "desk/my_account.html", context)


@require_POST
def choose_language(request: HttpRequest) -> HttpResponse:
    """Keeps the language of this browser in a cookie, also before a login, and leads back to the page."""
    back = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure())
    answer = HttpResponseRedirect(back if is_ours else reverse("admin:index"))
    language = request.POST.get("language", "")
    if language in dict(settings.LANGUAGES):
        answer.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            language,
            max_age=A_YEAR_S,
            path="/admin/",
            secure=not settings.DEBUG,
            httponly=True,
            samesite="Lax",
        )
    return answer
