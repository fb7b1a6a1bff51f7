"""The page on which staff change a card's limits, with a reason. Above a threshold a second person has to agree."""

from functools import partial
from typing import Any, Final, cast

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from issuing import entered_amounts
from issuing.errors import CardRefusedError
from issuing.issuers.base import Limits
from issuing.limits.cardholder_limits import FIELDS, limits_of
from issuing.models import VirtualCard
from onecard.kit.admin import BaseAdmin, row_or_404
from onecard.kit.amount_field import parse_typed, typed
from onecard.kit.confirmation_pages import (
    Confirmation,
    ReasonForm,
    TextWidget,
    ask_or_do,
    change_page,
    page_action,
    posted,
)
from onecard.kit.money import Money, MoneyError
from onecard.users.models import User
from wallet.admin.person_link import person_link
from wallet.admin.second_person import announced, show_result
from wallet.entered.amounts import EnteredRefusedError, Kind
from wallet.models import EnteredAmount

CHANGE_LIMITS: Final = "limits"
TITLES: Final = {
    "per_transaction_limit": gettext_lazy("Limit for one purchase, in %(currency)s"),
    "daily_limit": gettext_lazy("Limit a day, in %(currency)s"),
    "monthly_limit": gettext_lazy("Limit a month, in %(currency)s"),
}


class LimitsForm(ReasonForm):
    """Limits as people write them: 500.00, in the card's own currency; exact to the minor unit, without rounding."""

    field_order = (*TITLES, "reason")
    shown = forms.CharField(max_length=80, widget=forms.HiddenInput)

    def __init__(self, card: VirtualCard, data: Any) -> None:
        self.card, now = card, amounts_of(limits_of(card))
        shown = dict(zip(TITLES, (typed(Money(minor, card.currency)) for minor in now), strict=True))
        super().__init__(data, initial={**shown, "shown": _plain(now)})
        for name, title in TITLES.items():
            self.fields[name] = forms.CharField(
                label=str(title) % {"currency": card.currency},
                max_length=30,
                widget=TextWidget({"inputmode": "decimal"}),
            )
        self.order_fields(self.field_order)

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        for name in TITLES:
            if name in self.cleaned_data:
                self._read(name)
        return cleaned

    def _read(self, name: str) -> None:
        try:
            self.cleaned_data[name] = parse_typed(self.cleaned_data[name], self.card.currency).minor
        except MoneyError as error:
            self.add_error(name, f"{error.message}.")


class LimitsAdmin(BaseAdmin):
    """Gives a virtual card's page its button “Change limits”."""

    @page_action(description=gettext_lazy("Change limits"), url_path=CHANGE_LIMITS, permissions=["change"], icon="tune")
    def change_limits(self, request: HttpRequest, object_id: str) -> HttpResponse:
        card: VirtualCard = row_or_404(self, request, object_id)
        confirmation = Confirmation(
            title=_("Change the limits of %(card)s") % {"card": card},
            words=_("They hold here at once, and the issuer gets them. They count in the cardholder's own days."),
            button=_("Change limits"),
            back=change_page(card),
            facts=[(_("Cardholder"), person_link(card.cardholder))],
            needs_fresh_code=True,
            second_person=announced(Kind.LIMITS, card.currency, request.user),
        )
        return ask_or_do(
            request,
            confirmation,
            LimitsForm(card, posted(request)),
            partial(_change, card, cast("User", request.user)),
            done=partial(_show, request),
            refusals=(CardRefusedError, EnteredRefusedError),
            row=card,
        )


def _change(card: VirtualCard, user: User, *, shown: str, reason: str, **minor: int) -> EnteredAmount | None:
    wanted = Limits(
        minor["per_transaction_limit"], minor["daily_limit"], minor["monthly_limit"], currency=card.currency
    )
    if shown == _plain(amounts_of(wanted)):
        raise CardRefusedError(gettext_lazy("These are the limits that the card has: change one of them."))
    return entered_amounts.change_limits(
        card=card, is_as_shown=lambda now: _plain(amounts_of(now)) == shown, wanted=wanted, reason=reason, user=user
    )


def _show(request: HttpRequest, waits: EnteredAmount | None) -> None:
    if waits is not None:
        show_result(request, waits)
    else:
        messages.success(request, _("The limits hold from now on. The issuer gets them at once."))


def amounts_of(limits: Limits) -> tuple[int, ...]:
    """Returns the limits for a purchase, a day and a month, in minor units."""
    return tuple(getattr(limits, name) for name in FIELDS)


def _plain(amounts: tuple[int, ...]) -> str:
    return ",".join(str(each) for each in amounts)
