"""The buttons of the customer's page that are of no other page: notes, the wallet's order, the end of a pause."""

from functools import partial
from typing import Any, cast
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from onecard.desk.customer.page import page_of_person
from onecard.desk.views import VIEW_PEOPLE, for_staff, holder_or_404
from onecard.kit.confirmation_pages import AreaWidget, Confirmation, ReasonForm, actor_of, ask_or_do, posted, turn_away
from onecard.kit.errors import OneCardError
from onecard.users.models import User
from wallet.methods import changes, cooling
from wallet.models import FundingMethod
from wallet.person_notes import LONGEST, NoteRefusedError, add_note


class NoteForm(forms.Form):
    """A note about a person."""

    text = forms.CharField(
        label=gettext_lazy("Note"),
        max_length=LONGEST,
        widget=AreaWidget({"rows": 4}),
        help_text=gettext_lazy("Staff read it, the person does not. It stays as it is written. Never a card's number."),
    )


@for_staff(VIEW_PEOPLE, "wallet.add_personnote")
def note(request: HttpRequest, public_id: UUID) -> HttpResponse:
    holder = holder_or_404(public_id)
    confirmation = Confirmation(
        title=_("Note about %(person)s") % {"person": holder},
        words=_("What you found out or agreed, for whoever looks next."),
        button=_("Add the note"),
        back=page_of_person(holder),
    )
    return ask_or_do(
        request,
        confirmation,
        NoteForm(posted(request)),
        partial(add_note, cardholder_id=holder.pk, user=cast("User", request.user)),
        done=_("The note is kept."),
        refusals=(NoteRefusedError,),
        row=holder,
    )


@for_staff(VIEW_PEOPLE, "wallet.change_fundingmethod")
def end_cooling(request: HttpRequest, public_id: UUID, method_id: UUID) -> HttpResponse:
    holder = holder_or_404(public_id)
    rows = FundingMethod.objects.select_related("cardholder")
    method = get_object_or_404(rows, public_id=method_id, cardholder=holder)
    page = page_of_person(holder)
    if request.method != "POST" and not cooling.is_cooling(method):
        return turn_away(request, _("%(card)s does not cool down any more.") % {"card": method}, page)
    confirmation = Confirmation(
        title=_("End cooling of %(card)s") % {"card": method},
        words=_("The card can be chosen again from the next purchase on. Its bank may decline again."),
        button=_("End cooling"),
        back=page,
    )
    return ask_or_do(
        request,
        confirmation,
        ReasonForm(posted(request)),
        partial(cooling.end_by_staff, method=method, actor=actor_of(request)),
        done=_("%(card)s can be chosen again.") % {"card": method},
        refusals=(cooling.NotCoolingError,),
        row=method,
    )


@for_staff(VIEW_PEOPLE, "wallet.change_fundingmethod")
@require_POST
def order(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Puts the wallet into the order that was dragged, or moves one card a place up or down."""
    holder = holder_or_404(public_id)
    page = f"{page_of_person(holder)}#wallet"
    try:
        shown, wanted = read_order(request)
        changes.reorder(holder, wanted, actor=actor_of(request), check=partial(_refuse_stale, shown))
    except (ValueError, changes.OrderError, _StaleError):
        return turn_away(
            request,
            _("The wallet was changed meanwhile, so its order stayed. Look at it and move the card again."),
            page,
        )
    messages.success(request, _("The wallet has its new order. It counts from the next purchase on."))
    return redirect(page)


def read_order(request: HttpRequest) -> tuple[list[UUID], list[UUID]]:
    """Returns the order that the page showed and the wanted one; raises ValueError for what is no order."""
    shown = [UUID(each) for each in request.POST.getlist("shown")]
    move = request.POST.get("move", "")
    if not move:
        return shown, [UUID(each) for each in request.POST.get("order", "").split(",")]
    card, _colon, way = move.partition(":")
    place = shown.index(UUID(card))
    wanted = [each for each in shown if each != shown[place]]
    wanted.insert(max(0, place + (1 if way == "down" else -1)), shown[place])
    return shown, wanted


class _StaleError(OneCardError):
    """The page showed another order."""

    code = "stale_order"


def _refuse_stale(shown: list[UUID], cards: Any) -> None:
    if [each.public_id for each in cards] != shown:
        raise _StaleError(_("The wallet was changed meanwhile."))
