"""What a person did and heard: purchases, disputes, rewards, and the messages that were sent to them."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy

from issuing.activity import disputes
from issuing.activity import purchases as activity
from issuing.admin import purchase_lines
from issuing.admin.purchase_lines import PurchaseLine
from issuing.models import DisputeRequest
from issuing.rewards.totals import Total, totals
from onecard.desk.customer.paging import Page, page_of
from onecard.kit import clock, display
from onecard.kit.clock import local_day
from onecard.notices.models import Notice, NoticeMail
from onecard.notices.services import feed_of
from wallet.models import Cardholder

STATUS: Final = {
    activity.PENDING: (gettext_lazy("Pending"), "info"),
    activity.COMPLETED: (gettext_lazy("Completed"), "good"),
    activity.DECLINED: (gettext_lazy("Declined"), "bad"),
    activity.CANCELLED: (gettext_lazy("Cancelled"), "neutral"),
    activity.REFUNDED: (gettext_lazy("Refunded"), "neutral"),
    activity.UNPAID: (gettext_lazy("Unpaid"), "bad"),
}
DISPUTE_TONE: Final = {disputes.WON: "good", disputes.LOST: "bad", disputes.EXPIRED: "bad", disputes.REQUESTED: "warn"}
MOST_DISPUTES: Final = 10
MONTHS: Final = 3
MAIL_TONE: Final = {NoticeMail.Status.SENT: "good", NoticeMail.Status.GIVEN_UP: "bad"}


@dataclass(frozen=True, slots=True)
class ShownPurchase:
    """One purchase in a list: its key, merchant and amount, where it stands, who paid or why it was declined."""

    pk: int
    at: dt.datetime
    merchant: str
    amount: str
    state: str
    paid_by: str | SafeString


@dataclass(frozen=True, slots=True)
class ShownDispute:
    """One dispute that the person asked for."""

    row: DisputeRequest
    state: str
    sentence: str


@dataclass(frozen=True, slots=True)
class ShownMonth:
    """What a month's purchases earned, in one currency."""

    month: str
    earned: str
    value: str
    benefit: str


@dataclass(frozen=True, slots=True)
class ShownMessage:
    """A notice that the person got, and what became of its mail."""

    row: Notice
    mailed: str


def purchases_of(holder: Cardholder, *, before: int | None, length: int) -> Page[ShownPurchase]:
    """Returns purchases, the newest first, from those with a smaller key than `before`."""
    found = page_of(activity.of_cardholder(holder), before=before, length=length)
    lines = purchase_lines.of(found.rows)
    return Page([_purchase(each, lines[each.row.pk]) for each in activity.views(found.rows)], found.next_before)


def disputes_of(holder: Cardholder) -> list[ShownDispute]:
    """Returns the last disputes, the newest first."""
    rows = disputes.of_cardholder(holder).prefetch_related(None).order_by("-pk")[:MOST_DISPUTES]
    return [ShownDispute(each, _dispute_state(each), str(disputes.sentence(each))) for each in rows]


def rewards_of(holder: Cardholder) -> list[ShownMonth]:
    """Returns what the last months earned, the newest first."""
    today = local_day(clock.now(), holder.time_zone)
    since = (today.replace(day=1) - dt.timedelta(days=31 * (MONTHS - 1))).replace(day=1)
    return [_month(each) for each in totals(by="month", cardholder=holder.user.get_username(), since=since)]


def messages_of(holder: Cardholder, *, before: int | None, length: int) -> Page[ShownMessage]:
    """Returns what the person was told, the newest first."""
    found = page_of(feed_of(holder.user_id).select_related("mail"), before=before, length=length)
    return Page([ShownMessage(each, _mailed(each)) for each in found.rows], found.next_before)


def _purchase(view: activity.PurchaseView, line: PurchaseLine) -> ShownPurchase:
    word, tone = STATUS[view.status]
    is_declined = view.status == activity.DECLINED
    minor = line.asked_minor if is_declined else view.money.minor
    return ShownPurchase(
        pk=view.row.pk,
        at=view.row.created_at,
        merchant=view.row.merchant_name or view.row.issuer_authorization_id,
        amount=display.money(minor or (None if is_declined else 0), view.row.currency),
        state=display.label(word, tone),
        paid_by=line.paid_or_why_not,
    )


def _dispute_state(request: DisputeRequest) -> str:
    state = disputes.status(request)
    return display.label(request.get_status_display(), DISPUTE_TONE.get(state, "info"))


def _month(found: Total) -> ShownMonth:
    return ShownMonth(
        month=found.label,
        earned=_joined(found.earned),
        value=display.total(found.value.face, found.currency),
        benefit=display.total(found.value.benefit, found.currency),
    )


def _joined(earned: Sequence[Any]) -> str:
    return ", ".join(f"{each}" for each in earned) or display.NOTHING


def _mailed(notice: Notice) -> str:
    mail = getattr(notice, "mail", None)
    return display.label(mail.get_status_display(), MAIL_TONE.get(mail.status, "info")) if mail else display.NOTHING
