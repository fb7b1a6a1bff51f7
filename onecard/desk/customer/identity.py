"""Who a person is: the profile, the identity check with its history, and its place in the queue of staff."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from django.http import HttpRequest
from django.utils import formats
from django.utils.translation import gettext as _

from onecard.desk.customer.buttons import Button, buttons_of
from onecard.kit import display
from onecard.users.models import User
from wallet.admin.identity import TONE
from wallet.kyc.fields import in_words, missing
from wallet.models import Cardholder, KycEvent, KycReview, KycStatus
from wallet.states import OPEN_REVIEW

MOST_EVENTS: Final = 10


@dataclass(frozen=True, slots=True)
class Moved:
    """One move of the identity's status."""

    row: KycEvent
    who: str


@dataclass(frozen=True, slots=True)
class ShownIdentity:
    """Where the identity check stands; `waits` says the place in the queue, and "" while nothing waits for staff."""

    state: str
    facts: list[tuple[str, object]]
    waits: str
    history: list[Moved]
    buttons: list[Button] = field(default_factory=list)


def who_is(holder: Cardholder) -> list[tuple[str, object]]:
    """Returns the profile as names and values, without what is empty."""
    street = ", ".join(part for part in (holder.address_line1, holder.address_line2) if part)
    town = " ".join(part for part in (holder.address_postal_code, holder.address_city, holder.address_state) if part)
    legal = f"{holder.legal_first_name} {holder.legal_last_name}".strip()
    facts: list[tuple[str, object]] = [
        (_("Legal name"), legal if legal != holder.name else ""),
        (_("E-mail address"), holder.user.email),
        (_("Phone"), holder.phone),
        (_("Date of birth"), formats.date_format(birth, "DATE_FORMAT") if (birth := holder.birth_date) else ""),
        (_("Address"), ", ".join(part for part in (street, town, holder.address_country) if part)),
        (_("Time zone"), holder.time_zone),
        (_("Wants to earn"), holder.get_preference_display()),
        (_("Terms accepted"), _terms(holder)),
        (_("Customer since"), display.moment(holder.created_at)),
        (_("Public id"), display.copyable(holder.public_id)),
        (_("Login"), "" if holder.user.is_active else display.label(_("Switched off"), "bad")),
    ]
    return [(name, value) for name, value in facts if value]


def identity_of(request: HttpRequest, holder: Cardholder, *, page: str) -> ShownIdentity:
    """Returns the identity check; its buttons decide on a submission that waits."""
    review = KycReview.objects.filter(cardholder=holder, status__in=OPEN_REVIEW).select_related("cardholder").first()
    events = list(KycEvent.objects.filter(cardholder=holder)[:MOST_EVENTS])
    lacking = in_words(missing(holder))
    facts: list[tuple[str, object]] = [
        (_("Verified until"), display.moment(holder.kyc_due_at) if holder.kyc_due_at else ""),
        (_("Compliance flags"), ", ".join(holder.compliance_flags)),
        (_("A card still needs"), lacking),
    ]
    names = _names(events, holder)
    return ShownIdentity(
        state=display.label(holder.get_kyc_status_display(), TONE.get(holder.kyc_status, "neutral")),
        facts=[(name, value) for name, value in facts if value],
        waits=_waits(review) if review else "",
        history=[Moved(each, names.get(each.actor, each.actor)) for each in events],
        buttons=buttons_of(request, review, page=page) if review and _may_see(request) else [],
    )


def _waits(review: KycReview) -> str:
    if review.status != KycStatus.PENDING:
        return _("Staff asked for more; the person has to submit again.")
    earlier = KycReview.objects.filter(status=KycStatus.PENDING, submitted_at__lt=review.submitted_at)
    return _("Waits for %(age)s, at place %(place)s of the queue.") % {
        "age": display.age(review.submitted_at), "place": earlier.count() + 1,
    }  # fmt: skip


def _may_see(request: HttpRequest) -> bool:
    return request.user.has_perm("wallet.view_kycreview") or request.user.has_perm("wallet.change_kycreview")


def _terms(holder: Cardholder) -> str:
    if not holder.terms_version:
        return ""
    return f"{holder.terms_version}, {display.moment(holder.terms_accepted_at)}"


def _names(events: list[KycEvent], holder: Cardholder) -> Mapping[str, str]:
    """Returns who moved it, by the actor of the trail."""
    keys = {int(key) for each in events if (key := each.actor.removeprefix("user:")).isdecimal()}
    people = User.objects.in_bulk(keys) if keys else {}
    return {
        f"user:{key}": str(holder) if key == holder.user_id else user.get_username() for key, user in people.items()
    }
