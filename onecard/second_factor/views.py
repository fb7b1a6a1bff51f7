"""The pages on which staff set up their second factor, and on which a superuser takes a lost one away."""

from typing import Any

import segno
from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables

from onecard.kit.acts import Act, CodeField, PasswordWidget, ReasonForm, ask
from onecard.second_factor import devices
from onecard.users.models import User

# The key stays on the page this long; typing it by hand takes a minute.
SHOWN_FOR_S = 300


class BeginForm(forms.Form):
    """Who is already enrolled proves it with the old device."""

    password = forms.CharField(
        label="Your password", widget=PasswordWidget({"autocomplete": "current-password"}), strip=False
    )
    code = CodeField(label="Code of the device you have now", required=True)


class FirstForm(BeginForm):
    """The first device: there is no code yet."""

    code = None  # type: ignore[assignment]


class CodeForm(forms.Form):
    code = CodeField(label="The six digits that the app shows now")


@sensitive_post_parameters()
@sensitive_variables()
def begin(request: HttpRequest) -> HttpResponse:
    """Asks for the password, and then shows the new key, once, as the answer to that POST."""
    user = _staff(request)
    enrolled = devices.has_device(user)
    form = (BeginForm if enrolled else FirstForm)(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            enrolment = devices.begin(user=user, **form.cleaned_data)
        except devices.SecondFactorError as error:
            form.add_error(None, error.message)
        else:
            return _shown(request, enrolment)
    return ask(request, _begin_act(enrolled=enrolled), form)


@sensitive_post_parameters()
@sensitive_variables()
def finish(request: HttpRequest) -> HttpResponse:
    """The first code; the key is not on this page, since the app has it."""
    user = _staff(request)
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            devices.finish(user=user, **form.cleaned_data)
        except devices.SecondFactorError as error:
            form.add_error(None, error.message)
        else:
            messages.success(request, "Your second factor is set up.")
            return HttpResponseRedirect(reverse("admin:index"))
    return ask(request, _finish_act(), form)


def remove(request: HttpRequest, user_id: int) -> HttpResponse:
    """For somebody who lost the device; superusers only."""
    if not _staff(request).is_superuser:
        raise PermissionDenied
    person = get_object_or_404(User, pk=user_id)
    page = reverse("admin:users_user_change", args=[person.pk])
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            devices.remove(user=person, actor=f"user:{request.user.pk}", reason=form.cleaned_data["reason"])
        except devices.SecondFactorError as error:
            form.add_error(None, error.message)
        else:
            messages.success(request, f"{person} has no second factor any more, and can set up another one.")
            return redirect(page)
    act = Act(
        title=f"Remove the second factor of {person}",
        words="Make sure, by another way than e-mail, that it is they who ask. They can then set up another device.",
        button="Remove it",
        back=page,
        danger=True,
    )
    return ask(request, act, form)


def _begin_act(*, enrolled: bool) -> Act:
    have = "You have a second factor. To replace it, give a code of the old device. " if enrolled else ""
    return Act(
        title="My second factor",
        words=f"{have}An authenticator app on your phone shows six digits that change every half minute; some pages "
        "ask for them. On the next page you see the key for the app, once.",
        button="Replace it" if enrolled else "Set it up",
        back=reverse("admin:index"),
    )


def _finish_act() -> Act:
    return Act(
        title="Type the first code",
        words="The device counts once the app has shown a right code. If you did not copy the key, start again.",
        button="Finish",
        back=reverse("second-factor"),
        target=reverse("second-factor-finish"),
    )


def _shown(request: HttpRequest, enrolment: devices.Enrolment) -> TemplateResponse:
    answer = ask(request, _finish_act(), CodeForm(), template="admin/second_factor/key.html")
    more: dict[str, Any] = {"key": enrolment.key, "qr": _qr(enrolment.url), "seconds": SHOWN_FOR_S}
    answer.context_data = {**(answer.context_data or {}), **more}
    return answer


def _qr(url: str) -> SafeString:
    """Drawn here: no other server may see the key."""
    drawn = segno.make(url, error="m").svg_inline(scale=4, border=4, dark="#000", light="#fff", omitsize=True)
    return mark_safe(drawn)  # noqa: S308  (segno writes nothing but shapes)


def _staff(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user
