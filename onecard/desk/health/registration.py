"""Whether each issuer knows where to call us, as it said when the clock asked it last; no page asks an issuer."""

import datetime as dt
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from django.db.models import Max
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from issuing.issuers.registration import Finding
from issuing.models import Decision, IssuerEvent, Provider
from issuing.registration.check import ADDRESS, Kept, kept, registered_providers
from issuing.registration.words import in_words, state_of_finding
from onecard.desk.health.item import Item, State
from onecard.kit import clock, display

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

# The clock asks every ten minutes.
STALE_AFTER: Final = dt.timedelta(minutes=30)
# A delivery within this time proves that we can be reached, also where we do not reach ourselves.
RECENTLY: Final = dt.timedelta(hours=1)
LOOKED_THROUGH: Final = 5000
WORSE: Final[tuple[State, ...]] = ("good", "warn", "bad")
NAMES: "Final[dict[str, StrOrPromise]]" = {
    ADDRESS: gettext_lazy("Public address for %(issuer)s (tunnel)"),
    "webhook": gettext_lazy("Webhook of %(issuer)s connected"),
    "gateway": gettext_lazy("Gateway of %(issuer)s connected"),
    "product": gettext_lazy("Card product of %(issuer)s"),
}
PARTS: Final = {Provider.STRIPE: (ADDRESS, "webhook"), Provider.MARQETA: (ADDRESS, "webhook", "gateway", "product")}


def registrations() -> Iterator[Item]:
    """Each thing that an issuer must have of us; what is not known is never well."""
    for provider in registered_providers():
        known = kept(provider)
        for part in PARTS[Provider(provider)]:
            yield _part(provider, part, known)


def decisions_asked_for() -> Iterator[Item]:
    """When each issuer asked us for a decision last: at Stripe that is the only way to see that endpoint's setting."""
    newest = Decision.objects.aggregate(newest=Max("pk"))["newest"] or 0
    for provider in registered_providers():
        recent = Decision.objects.filter(pk__gt=newest - LOOKED_THROUGH, authorization__provider=provider)
        at = recent.order_by("-pk").values_list("decided_at", flat=True).first()
        measured = (
            _("It asked %(age)s ago.") % {"age": display.age(at)}
            if at
            else _("There is none among the last %(count)s decisions.") % {"count": LOOKED_THROUGH}
        )
        yield Item(
            name=_("Decisions asked for by %(issuer)s") % {"issuer": Provider(provider).label},
            state="good" if at else "warn",
            measured=measured,
            to_do=_(
                "If purchases are declined without us: Stripe's endpoint for decisions is set in its dashboard, under "
                "Issuing settings; Marqeta's is the gateway above."
            ),
            page=f"{reverse('admin:issuing_authorization_changelist')}?provider__exact={provider}",
        )


def _part(provider: str, part: str, known: Kept) -> Item:
    found = [each for each in known.findings if each.part == part]
    states: list[State] = [_state(provider, each) for each in found]
    if not found or known.is_unanswered or known.checked_at is None or clock.now() - known.checked_at > STALE_AFTER:
        states.append("warn")
    return Item(
        name=str(NAMES[part]) % {"issuer": Provider(provider).label},
        state=max(states, key=WORSE.index),
        measured=" ".join(_sentences(found, known)),
        to_do=_to_do(provider, part),
    )


def _state(provider: str, finding: Finding) -> State:
    if finding.code == "address_silent" and _was_reached(provider):
        return "warn"
    return state_of_finding(finding)


def _was_reached(provider: str) -> bool:
    """Returns whether the issuer reached us a short while ago."""
    newest = IssuerEvent.objects.aggregate(newest=Max("pk"))["newest"] or 0
    recent = IssuerEvent.objects.filter(pk__gt=newest - LOOKED_THROUGH, provider=provider)
    return recent.filter(received_at__gt=clock.now() - RECENTLY).exists()


def _sentences(found: list[Finding], known: Kept) -> Iterator[str]:
    if known.checked_at is None:
        yield _("It has not been checked yet.")
    else:
        yield from map(in_words, found)
        yield _("Checked %(age)s ago.") % {"age": display.age(known.checked_at)}
    if known.is_unanswered:
        words = _("The issuer could not be asked %(age)s ago: %(problem)s")
        yield words % {"age": display.age(known.problem_at), "problem": known.problem}


def _to_do(provider: str, part: str) -> str:
    if part == ADDRESS:
        return _(
            "See that the web server, its proxy or its tunnel runs. After a change of the address run manage.py "
            "connect_issuer %(provider)s --url with it."
        ) % {"provider": provider}
    return _(
        "Run manage.py connect_issuer %(provider)s, which puts it right; --dry-run says first what it would do."
    ) % {"provider": provider}
