"""The buttons of a control: write, preview, take into shadow, publish by a second person, switch off, leave out."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from issuing import states
from issuing.admin.controls import people, sentences
from issuing.admin.controls.editor import ControlForm, initial_of
from issuing.admin.controls.forms import ExclusionsForm, NewControlForm, PreviewForm, PublishForm, SwitchOffForm
from issuing.backtest.controls import asking
from issuing.controls import life
from issuing.controls.errors import MoveError
from issuing.models import Control, ControlPreview, ControlVersion
from onecard.kit import display
from onecard.kit.admin import BaseAdmin, row_or_404
from onecard.kit.confirmation_pages import (
    Confirmation,
    actor_of,
    ask_or_do,
    change_page,
    page_action,
    posted,
    turn_away,
)

State = states.ControlState
EDITOR = "admin/issuing/control/editor.html"


class ControlButtons(BaseAdmin):
    """What may be done with a control now; each button is one call of issuing/controls/life.py."""

    actions_list = ("new_control",)
    actions_detail = ("write", "preview", "to_shadow", "publish", "switch_off", "leave_out")

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Shows what the control's versions allow, and Publish to nobody who wrote what waits."""
        allowed: list[Any] = super().get_actions_detail(request, object_id)  # type: ignore[misc]
        control = self.get_object(request, str(object_id))
        if not isinstance(control, Control):
            return []
        found = _by_state(control)
        shown = {"write": control.origin == Control.Origin.STAFF, "preview": bool(found), "leave-out": bool(found)}
        shown |= {"to-shadow": State.DRAFT in found, "switch-off": bool(set(found) - {State.OFF})}
        in_shadow, user = found.get(State.SHADOW), request.user
        shown["publish"] = in_shadow is not None and not people.why_not_publish(in_shadow, user)  # type: ignore[arg-type]
        return [each for each in allowed if shown.get(each.path)]

    def has_write_permission(self, request: HttpRequest, *_object: object) -> bool:
        return request.user.has_perm(people.WRITES)

    def has_publish_permission(self, request: HttpRequest, *_object: object) -> bool:
        return request.user.has_perm(people.PUBLISHES)

    def has_preview_permission(self, request: HttpRequest, *_object: object) -> bool:
        return request.user.has_perm(people.WRITES) or request.user.has_perm(people.PUBLISHES)

    @page_action(description=gettext_lazy("New control"), url_path="new", permissions=["write", "view"], icon="add")
    def new_control(self, request: HttpRequest) -> HttpResponse:
        form = NewControlForm(*_filled(request), **_shape(request), initial={"currency": sentences.CURRENCY})
        confirmation = Confirmation(
            title=_("New control"),
            words=_("It begins as a draft: no purchase meets it. Preview it, then take it into shadow."),
            button=_("Write the draft"),
            back=reverse("admin:issuing_control_changelist"),
            second_person=people.takes_two(request.user),
            template=EDITOR,
        )
        return ask_or_do(request, confirmation, form, partial(_create, actor_of(request)), done=_to_control)

    @page_action(description=gettext_lazy("Edit"), url_path="write", permissions=["write", "view"], icon="edit")
    def write(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Changes the draft, or begins a new version from the newest one."""
        control = row_or_404(self, request, object_id)
        newest = control.versions.order_by("-number").first()
        if newest is None or control.origin != Control.Origin.STAFF:
            return turn_away(request, _("This control is not written by staff."), change_page(control))
        draft = newest if newest.state == State.DRAFT else None
        if draft is not None and draft.author != actor_of(request):
            why = _("Only its author changes a draft. Switch it off and write your own.")
            return turn_away(request, why, change_page(control))
        first = initial_of(newest)
        form = ControlForm(*_filled(request), **_shape(request), initial=first, scope=control.scope)
        confirmation = Confirmation(
            title=_("Edit “%(name)s”") % {"name": control},
            words=_("The draft is changed.")
            if draft
            else _("A new version begins as a draft. What is active stays so."),
            button=_("Write the draft"),
            back=change_page(control),
            second_person=people.takes_two(request.user),
            template=EDITOR,
        )
        call = partial(_write, control, draft, actor_of(request))
        return ask_or_do(request, confirmation, form, call, done=_to_control, row=control)

    @page_action(
        description=gettext_lazy("Preview"), url_path="preview", permissions=["preview", "view"], icon="visibility"
    )
    def preview(self, request: HttpRequest, object_id: str) -> HttpResponse:
        control = row_or_404(self, request, object_id)
        version = _to_preview(control)
        if version is None:
            return turn_away(request, _("This control has no version yet."), change_page(control))
        confirmation = Confirmation(
            title=_("Preview “%(name)s”") % {"name": version},
            words=_(
                "The purchases of the last days are judged again by this version, in order, and it counts them as it "
                "would have. Nothing is declined or changed: you see what it would have done."
            ),
            button=_("Begin the preview"),
            back=change_page(control),
            facts=_facts(version),
        )
        user: Any = request.user
        call = partial(asking.ask, version=version, user=user)
        form = PreviewForm(posted(request))
        return ask_or_do(request, confirmation, form, call, done=_to_preview_page, row=control)

    @page_action(
        description=gettext_lazy("To shadow"),
        url_path="to-shadow",
        permissions=["write", "view"],
        icon="visibility_off",
    )
    def to_shadow(self, request: HttpRequest, object_id: str) -> HttpResponse:
        control = row_or_404(self, request, object_id)
        version = _by_state(control).get(State.DRAFT)
        if version is None:
            return turn_away(
                request, _("There is no draft to take into shadow: press “Edit” first."), change_page(control)
            )
        confirmation = Confirmation(
            title=_("Take “%(name)s” into shadow") % {"name": version},
            words=_(
                "From the next purchase on it counts, and records what it would have done. No purchase is declined. "
                "What it does cannot be changed any more: a change is a new version."
            ),
            button=_("To shadow"),
            back=change_page(control),
            facts=_facts(version),
            second_person=people.takes_two(request.user, people.author_of(version)),
        )
        call = partial(_move, life.to_shadow, version, actor_of(request))
        done = _("It is in shadow. The report shows its hits.")
        return ask_or_do(request, confirmation, forms.Form(posted(request)), call, done=done, row=control)

    @page_action(
        description=gettext_lazy("Publish"), url_path="publish", permissions=["publish", "view"], icon="publish"
    )
    def publish(self, request: HttpRequest, object_id: str) -> HttpResponse:
        control, user = row_or_404(self, request, object_id), request.user
        version = _by_state(control).get(State.SHADOW)
        if version is None:
            return turn_away(request, _("Only a version in shadow is published."), change_page(control))
        confirmation = Confirmation(
            title=_("Publish “%(name)s”") % {"name": version},
            words=_("From the next purchase on it takes its action. The version that is active now ends."),
            button=_("Publish"),
            back=change_page(control),
            danger=True,
            facts=_facts(version),
            needs_fresh_code=True,
            second_person=(
                _("You are the second person: %(author)s wrote it.") % {"author": people.named(version.author)},
            ),
        )
        form = PublishForm(posted(request), initial={"shown_version": version.pk})
        call = partial(_publish, version, user)
        done = _("Published: it takes its action from now on.")
        return ask_or_do(request, confirmation, form, call, done=done, row=control)

    @page_action(
        description=gettext_lazy("Switch off"), url_path="switch-off", permissions=["write", "view"], icon="toggle_off"
    )
    def switch_off(self, request: HttpRequest, object_id: str) -> HttpResponse:
        control = row_or_404(self, request, object_id)
        living = {str(each.pk): each for state, each in _by_state(control).items() if state != State.OFF}
        if not living:
            return turn_away(request, _("All versions of this control are off."), change_page(control))
        confirmation = Confirmation(
            title=_("Switch off “%(name)s”") % {"name": control},
            words=_("From the next purchase on the version does nothing. It cannot come back: write a new version."),
            button=_("Switch off"),
            back=change_page(control),
            danger=True,
            needs_fresh_code=True,
        )
        form = SwitchOffForm(living, posted(request))
        call = partial(_switch_off, living, actor_of(request))
        return ask_or_do(request, confirmation, form, call, done=_("It is off."), row=control)

    @page_action(
        description=gettext_lazy("Leave out"), url_path="leave-out", permissions=["publish", "view"], icon="person_off"
    )
    def leave_out(self, request: HttpRequest, object_id: str) -> HttpResponse:
        control = row_or_404(self, request, object_id)
        form = ExclusionsForm(control, posted(request))
        confirmation = Confirmation(
            title=_("Leave cards or people out of “%(name)s”") % {"name": control},
            words=_("The control does nothing to their purchases, and does not count them, from the next one on."),
            button=_("Change"),
            back=change_page(control),
            needs_fresh_code=True,
        )
        call = partial(_leave_out, control, actor_of(request), form)
        return ask_or_do(request, confirmation, form, call, done=_("Changed."), row=control)


def _by_state(control: Control) -> dict[str, ControlVersion]:
    """Returns the newest version in each state."""
    return {each.state: each for each in control.versions.select_related("control").order_by("number")}


def _to_preview(control: Control) -> ControlVersion | None:
    found = _by_state(control)
    return next(
        (found[state] for state in (State.DRAFT, State.SHADOW, State.ACTIVE, State.OFF) if state in found), None
    )


def _facts(version: ControlVersion) -> list[tuple[str, object]]:
    """Returns what a version does, who wrote it and what its newest preview found, before somebody decides on it."""
    preview = asking.newest_of(version)
    found: object = _("None of the version as it is now")
    if preview:
        words = ngettext("%(hits)s hit in %(days)s days", "%(hits)s hits in %(days)s days", preview.hits)
        found = display.link(change_page(preview), words % {"hits": f"{preview.hits:,}", "days": preview.days})
    return [
        *((_("What it does"), line) for line in sentences.in_sentences(version.definition)),
        (_("Written by"), people.named(version.author)),
        (_("Preview"), found),
    ]


def _filled(request: HttpRequest) -> tuple[Any, ...]:
    """Returns what the editor is bound to; pressing “More conditions” sends nothing yet."""
    return () if "more" in request.POST else (posted(request),)


def _shape(request: HttpRequest) -> dict[str, Any]:
    """Returns how an editor is shown anew with more rows, and with what was typed into it."""
    return {"typed": request.POST} if request.method == "POST" and "more" in request.POST else {}


WRITTEN: Final = ("definition", "reason_code", "sentence", "allows_pass")


def _create(actor: str, **values: Any) -> ControlVersion:
    names = (*WRITTEN, "name", "cardholder", "card")
    return life.create(actor=actor, **{name: values[name] for name in names})


def _write(control: Control, draft: ControlVersion | None, actor: str, **values: Any) -> ControlVersion:
    written = {name: values[name] for name in WRITTEN}
    if draft is not None:
        return life.change_draft(draft, actor=actor, **written)
    return life.write_version(control, actor=actor, **written)


def _move(move: Callable[..., ControlVersion], version: ControlVersion, actor: str) -> ControlVersion:
    return move(version, actor=actor)


def _publish(version: ControlVersion, user: Any, *, shown_version: int) -> ControlVersion:
    why_not = people.why_not_publish(version, user)
    if why_not:
        raise MoveError(why_not)
    if shown_version != version.pk:
        raise MoveError(_("Another version is in shadow than the one that you saw: look at it again."))
    return life.activate(version, actor=f"user:{user.pk}")


def _switch_off(living: dict[str, ControlVersion], actor: str, *, version: str, reason: str) -> ControlVersion:
    return life.switch_off(living[version], actor=actor, reason=reason)


def _leave_out(control: Control, actor: str, form: ExclusionsForm, *, reason: str, **_values: Any) -> Control:
    cards, cardholders = form.after()
    return life.exclude(control, cards=cards, cardholders=cardholders, actor=actor, reason=reason)


def _to_control(version: ControlVersion) -> HttpResponse:
    return redirect(change_page(version.control))


def _to_preview_page(preview: ControlPreview) -> HttpResponse:
    return redirect(change_page(preview))
