"""Getting started: every step with how it stands, and the one that is next."""

from django.http import HttpRequest, HttpResponse

from onecard.person.onboarding.steps import is_started, steps_of
from onecard.person.page import LoggedInPage


class Start(LoggedInPage):
    menu = "home"

    def get(self, request: HttpRequest) -> HttpResponse:
        steps = steps_of(self.person)
        return self.render(request, "onboarding/start", steps=steps, is_started=is_started(steps))
