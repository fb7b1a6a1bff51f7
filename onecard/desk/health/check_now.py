"""The button that has an issuer asked at once how we are registered there."""

from functools import partial
from typing import Any, Final

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from issuing.models import Provider
from issuing.registration import check
from onecard.desk.views import for_staff
from onecard.kit.confirmation_pages import Confirmation, actor_of, ask_or_do, posted

# Whoever may have cards compared with an issuer may have this compared, too.
MAY_ASK: Final = "issuing.add_syncrun"


def buttons(request: HttpRequest) -> list[dict[str, str]]:
    """Returns a button for each issuer, for those who may press it."""
    if not request.user.has_perm(MAY_ASK):
        return []
    return [
        {
            "title": _("Check %(issuer)s now") % {"issuer": Provider(provider).label},
            "page": reverse("desk:check-registration", args=[provider]),
        }
        for provider in check.registered_providers()
    ]


@for_staff(MAY_ASK)
def check_now(request: HttpRequest, provider: str) -> HttpResponse:
    if provider not in check.registered_providers():
        raise Http404
    form = forms.Form(posted(request))
    call: Any = partial(check.ask_for_check, provider=provider, actor=actor_of(request))
    return ask_or_do(
        request,
        _confirmation(provider),
        form,
        call,
        done=_("The issuer is asked now. This page shows its answer within a minute."),
    )


def _confirmation(provider: str) -> Confirmation:
    label = Provider(provider).label
    return Confirmation(
        title=_("Check %(issuer)s now") % {"issuer": label},
        words=_(
            "A worker asks the issuer where it calls us, and our own address for a sign of life. Nothing is changed."
        ),
        button=_("Check now"),
        back=reverse("desk:health"),
    )
