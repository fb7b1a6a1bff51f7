"""Amounts that staff entered by hand. Those that wait for a second person come first."""

from functools import partial
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from onecard.kit import display, references
from onecard.kit.admin import ReadOnlyAdmin, row_of, row_or_404
from onecard.kit.confirmation_pages import Confirmation, ReasonForm, ask_or_do, change_page, page_action, posted
from onecard.kit.range_filters import AmountFilter
from onecard.kit.words import Words
from onecard.second_factor import second_people
from wallet.admin.person_link import person_link
from wallet.admin.second_person import AGREES, AgreeForm
from wallet.entered import amounts as entered_amounts
from wallet.models import EnteredAmount

Status = EnteredAmount.Status
TONE: dict[str, str] = {Status.PROPOSED: "warn", Status.APPLIED: "good", Status.WITHDRAWN: "neutral"}
AGREE, WITHDRAW = "agree", "withdraw"
HAPPENS: dict[str, Words] = {
    EnteredAmount.Kind.CONVERSION: gettext_lazy(
        "The transaction counts for this amount, and the amount due follows at once."
    ),
    EnteredAmount.Kind.TOP_UP: gettext_lazy(
        "The cardholder's own card is charged, and the money is put on the virtual card."
    ),
    EnteredAmount.Kind.LIMITS: gettext_lazy("The raised limits hold at once, and the issuer gets them."),
    EnteredAmount.Kind.REFUND: gettext_lazy("The money goes back to the card that paid, at our own cost."),
    EnteredAmount.Kind.LINK: gettext_lazy(
        "The movement is put where it says, and what both cardholders pay follows at once."
    ),
    EnteredAmount.Kind.OWN_MONEY: gettext_lazy("It is posted between our bank and the issuer or processor."),
}


@admin.register(EnteredAmount)
class EnteredAmountAdmin(ReadOnlyAdmin):
    """Entered amounts change only through the two buttons, and each asks for confirmation."""

    actions_detail = ("agree", "withdraw")
    ordering = ("ended_at", "-id")
    list_display = ("amount", "kind", "state", "holder", "entered_by", "agreed_by", "entered")
    list_display_links = ("amount", "kind")
    list_filter = ("entered_at", AmountFilter, "status", "kind")
    list_select_related = ("cardholder", "entered_by", "agreed_by")
    search_fields = ("reference", "reason", "cardholder__name")
    search_help_text = gettext_lazy("Cardholder, reason, or what it is about, such as virtualcard:1")
    nothing_yet = gettext_lazy(
        "They appear here when somebody enters an amount by hand on a transaction's, card's or case's page."
    )
    fields = (
        ("kind", "state"),
        ("amount", "holder"),
        ("about", "changes"),
        "reason",
        ("entered_by", "entered"),
        ("agreed_by", "ended"),
        "who_may_agree",
    )

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Shows the buttons while the amount waits, and never shows Agree to the person who entered it."""
        allowed: list[Any] = super().get_actions_detail(request, object_id)  # type: ignore[misc]
        entered = self.get_object(request, str(object_id))
        if not isinstance(entered, EnteredAmount) or entered.status != Status.PROPOSED:
            return []
        return [each for each in allowed if each.path != AGREE or entered.entered_by_id != request.user.pk]

    def has_agree_permission(self, request: HttpRequest, *_object: object) -> bool:
        return request.user.has_perm(AGREES)

    def has_withdraw_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Whoever may agree may also withdraw, and so may the person who entered the amount."""
        entered = row_of(self, request, object_id)
        is_mine = entered is not None and entered.entered_by_id == request.user.pk
        return request.user.has_perm(AGREES) or is_mine

    @page_action(description=gettext_lazy("Agree"), url_path=AGREE, permissions=["agree", "view"], icon="check")
    def agree(self, request: HttpRequest, object_id: str) -> HttpResponse:
        entered = row_or_404(self, request, object_id)
        form = AgreeForm(posted(request), initial={"shown_minor": entered.amount_minor})
        words = _("%(happens)s %(asked_by)s See with your own eyes that it is right.") % {
            "happens": HAPPENS[entered.kind],
            "asked_by": _asked_by(entered),
        }
        confirmation = Confirmation(
            title=_("Agree: %(entered)s") % {"entered": entered},
            words=words,
            button=_("Agree"),
            back=change_page(entered),
            danger=True,
            needs_fresh_code=True,
        )
        user: Any = request.user
        call = partial(entered_amounts.agree, entered=entered, user=user)
        return ask_or_do(request, confirmation, form, call, done=_("It is done."), row=entered)

    @page_action(
        description=gettext_lazy("Do not agree"), url_path=WITHDRAW, permissions=["withdraw", "view"], icon="block"
    )
    def withdraw(self, request: HttpRequest, object_id: str) -> HttpResponse:
        entered = row_or_404(self, request, object_id)
        words = _("Nothing is done, and it can be entered anew. %(asked_by)s") % {"asked_by": _asked_by(entered)}
        confirmation = Confirmation(
            title=_("Do not agree: %(entered)s") % {"entered": entered},
            words=words,
            button=_("Do not agree"),
            back=change_page(entered),
        )
        user: Any = request.user
        call = partial(entered_amounts.withdraw, entered=entered, user=user)
        form = ReasonForm(posted(request))
        return ask_or_do(request, confirmation, form, call, done=_("Nothing was done."), row=entered)

    @admin.display(description=gettext_lazy("Amount"), ordering="amount_minor")
    def amount(self, entered: EnteredAmount) -> str:
        return display.money(entered.amount_minor, entered.currency)

    @admin.display(description=gettext_lazy("State"), ordering="status")
    def state(self, entered: EnteredAmount) -> SafeString:
        return display.label(entered.get_status_display(), TONE[entered.status])

    @admin.display(description=gettext_lazy("Cardholder"), ordering="cardholder__name")
    def holder(self, entered: EnteredAmount) -> str | SafeString:
        return person_link(entered.cardholder)

    @admin.display(description=gettext_lazy("About"))
    def about(self, entered: EnteredAmount) -> str:
        return references.link(entered.reference)

    @admin.display(description=gettext_lazy("What changes"))
    def changes(self, entered: EnteredAmount) -> str:
        return _changes_in_words(entered) or display.NOTHING

    @admin.display(description=gettext_lazy("Who may agree"))
    def who_may_agree(self, entered: EnteredAmount) -> str:
        if entered.status != Status.PROPOSED:
            return display.NOTHING
        return second_people.in_words(AGREES, besides=[entered.entered_by])

    @admin.display(description=gettext_lazy("Entered"), ordering="entered_at")
    def entered(self, entered: EnteredAmount) -> str:
        return display.moment(entered.entered_at)

    @admin.display(description=gettext_lazy("Ended"), ordering="ended_at")
    def ended(self, entered: EnteredAmount) -> str:
        return display.moment(entered.ended_at)


def _asked_by(entered: EnteredAmount) -> str:
    changes = _changes_in_words(entered)
    said = f" ({changes})" if changes else ""
    return _("%(person)s entered %(money)s%(said)s and wrote: “%(reason)s”") % {
        "person": entered.entered_by.get_username(),
        "money": str(entered.money),
        "said": said,
        "reason": entered.reason,
    }


def _changes_in_words(entered: EnteredAmount) -> str:
    """Returns the limits of one purchase, a day and a month; or from which purchase to which a movement goes."""
    if entered.kind == EnteredAmount.Kind.LINK:
        return _("from %(from)s to %(to)s") % {"from": entered.details["from"], "to": entered.details["to"]}
    before, after = entered.details.get("before"), entered.details.get("after")
    if not before or not after:
        return ""
    pairs = zip(before, after, strict=True)
    changes = "; ".join(
        f"{display.money(old, entered.currency)} → {display.money(new, entered.currency)}" for old, new in pairs
    )
    return _("limits of one purchase, a day, a month: %(changes)s") % {"changes": changes}


references.register("enteredamount", lambda key: reverse("admin:wallet_enteredamount_change", args=[key]))
