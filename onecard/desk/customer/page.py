"""Puts the page of one customer together: each part only for those who may see its rows."""

from typing import Any, Final

from django.http import HttpRequest
from django.urls import reverse

from onecard.desk.customer import activity, cards, cases, history, identity, wallet
from onecard.desk.customer.buttons import buttons_of
from onecard.desk.customer.paging import Page
from onecard.users.models import User
from wallet.models import Cardholder, Case, PersonNote

PURCHASES, MESSAGES, HISTORY = 10, 5, 15
MOST_NOTES: Final = 50
# The parts of the page, and the permission that shows each.
PERMISSIONS: Final = {
    "purchases": "issuing.view_authorization",
    "cases": "wallet.view_case",
    "disputes": "issuing.view_disputerequest",
    "rewards": "issuing.view_rewardentry",
    "cards": "issuing.view_virtualcard",
    "messages": "notices.view_notice",
    "history": "audit.view_entry",
}


def page_of_person(holder: Cardholder) -> str:
    """Returns the address of a person's page."""
    return reverse("desk:person", args=[holder.public_id])


def build(request: HttpRequest, holder: Cardholder) -> dict[str, Any]:
    """Returns what the page shows, by a number of queries that does not grow with the person's purchases."""
    page, may = page_of_person(holder), may_see(request)
    found_cases = cases.about(holder) if may["cases"] or may["history"] else []
    shown_cases = cases.shown(found_cases) if may["cases"] else None
    return {
        "holder": holder,
        "who": identity.who_is(holder),
        "identity": identity.identity_of(request, holder, page=page),
        "wallet": wallet.wallet_of(holder),
        "buttons": buttons_of(request, holder, page=page),
        "cards": cards.living_cards(request, holder, page=page) if may["cards"] else None,
        "closed_cards": cards.closed_cards(holder) if may["cards"] else [],
        "purchases": activity.purchases_of(holder, before=None, length=PURCHASES) if may["purchases"] else None,
        "cases": shown_cases,
        "open_cases": sum(each.row.status == Case.Status.OPEN for each in shown_cases or []),
        "disputes": activity.disputes_of(holder) if may["disputes"] else None,
        "rewards": activity.rewards_of(holder) if may["rewards"] else None,
        "messages_sent": activity.messages_of(holder, before=None, length=MESSAGES) if may["messages"] else None,
        "history": _history(holder, found_cases) if may["history"] else None,
        "notes": list(PersonNote.objects.filter(cardholder=holder).select_related("author")[:MOST_NOTES]),
        "may_edit": request.user.has_perm("wallet.change_cardholder"),
        "may_note": request.user.has_perm("wallet.add_personnote"),
        "may_order": request.user.has_perm("wallet.change_fundingmethod"),
    }


def _history(holder: Cardholder, found_cases: list[Case]) -> Page[history.Line]:
    return history.history_of(holder, before=None, length=HISTORY, found_cases=found_cases)


def may_see(request: HttpRequest) -> dict[str, bool]:
    """Returns which parts of the page this user may see."""
    user: Any = request.user
    assert isinstance(user, User)  # noqa: S101  (the back office lets nobody else in)
    return {part: user.has_perm(permission) for part, permission in PERMISSIONS.items()}
