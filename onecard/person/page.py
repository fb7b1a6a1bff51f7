"""The base of every page of a cardholder: who sees it, under which content policy, and how it refuses."""

from http import HTTPStatus
from typing import Any, ClassVar, Final, cast

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.cache import patch_vary_headers
from django.utils.http import urlencode
from django.utils.translation import get_language_from_request
from django.views import View
from rest_framework.exceptions import NotFound
from rest_framework.request import Request

from onecard.api.access import NoProfileError, cardholder_of
from onecard.api.throttles import PerPerson
from onecard.kit.time_zones import zone_of
from onecard.users.models import User
from onecard.users.people import is_person
from wallet.models import Cardholder

BACK_OFFICE: Final = "/admin/"
# Everything comes from this address, and no script or style stands in the HTML. No script runs, except on a page that
# needs one of our files for what no browser does without: passkeys.
CONTENT_POLICY: Final = (
    "default-src 'self'; script-src {scripts}; style-src 'self'; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
NOT_FOUND: Final = "There is no such page, or it is not yours."


class Page(View):
    """A page under the content policy, which no cache keeps. Asking too often is 429, counted as in the API."""

    throttle_scope = ""
    runs_script: ClassVar[bool] = False
    # Under which entry of the menu the page is.
    menu: ClassVar[str] = ""
    # Such a page is in the browser's language; every other is in English.
    is_translated: ClassVar[bool] = False

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        language = get_language_from_request(request) if self.is_translated else settings.LANGUAGE_CODE
        with translation.override(language):
            answer = self._throttled(request) or self.answer(request, *args, **kwargs)
        if self.is_translated:
            patch_vary_headers(answer, ("Accept-Language", "Cookie"))
        answer["Content-Security-Policy"] = CONTENT_POLICY.format(scripts="'self'" if self.runs_script else "'none'")
        answer["Cache-Control"] = "no-store"
        answer["Referrer-Policy"] = "same-origin"
        return answer

    def answer(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return super().dispatch(request, *args, **kwargs)

    def render(
        self, request: HttpRequest, template: str, *, status: int = HTTPStatus.OK, **context: Any
    ) -> HttpResponse:
        """Renders templates/person/<template>.html."""
        return render(request, f"person/{template}.html", {"menu": self.menu, **context}, status=status)

    def _throttled(self, request: HttpRequest) -> HttpResponse | None:
        limit = PerPerson()
        # It reads only what Django's requests have as well: who asks, from where, and how.
        if limit.allow_request(cast("Request", request), self):
            return None
        answer = self.render(request, "refused", status=HTTPStatus.TOO_MANY_REQUESTS, words="You asked too often.")
        answer["Retry-After"] = str(limit.wait())
        return answer


class LoggedInPage(Page):
    """A page for a logged-in person, with or without a profile; a foreign id is 404, as an unknown one."""

    person: User

    def answer(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not isinstance(request.user, User):
            return self.turn_away(request)
        if not is_person(request.user):
            return redirect(BACK_OFFICE)
        self.person = request.user
        try:
            return self.answer_person(request, *args, **kwargs)
        except (Http404, NotFound):
            return self.render(request, "refused", status=HTTPStatus.NOT_FOUND, words=NOT_FOUND)

    def answer_person(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return super().answer(request, *args, **kwargs)

    def turn_away(self, request: HttpRequest) -> HttpResponseBase:
        """Leads somebody who is not logged in to the login, and from there back to this page."""
        wanted = request.get_full_path() if request.method == "GET" else ""
        return redirect(reverse("person:login") + (f"?{urlencode({'next': wanted})}" if wanted else ""))


class PersonPage(LoggedInPage):
    """A page for a person with a profile, in their own time zone; who has none yet is led to getting started."""

    holder: Cardholder

    def answer_person(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            self.holder = cardholder_of(request)
        except NoProfileError:
            return redirect("person:start")
        with timezone.override(zone_of(self.holder.time_zone)):
            return super().answer_person(request, *args, **kwargs)
