"""What we ask of an issuer: whether it accepts our credentials, and how near its rate limit is."""

import datetime as dt
from collections.abc import Iterator
from typing import Final

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext_lazy

from audit.models import Entry
from issuing.issuers.guard.rate_budget import MOST_WAIT_S, Budget
from issuing.issuers.guard.redis_scripts import shared
from issuing.models import IssuerControl, Provider, SyncRun
from issuing.operations.control import AUTHENTICATION_FAILED, configured_providers
from issuing.states import Sync
from onecard.alerts.rule import Condition, Rule
from onecard.alerts.states import Severity
from onecard.kit import clock, display

# A call that would wait MOST_WAIT_S is refused: half of it leaves time to stop what asks so much.
TIGHT_S: Final = MOST_WAIT_S / 2
# While calls fail, an entry is written every ten minutes (issuing/issuers/guard/alerts.py).
REFUSED_WITHIN: Final = dt.timedelta(minutes=15)
# Without any call there is no entry either. The hourly comparison asks every issuer, and ends only when it answers.
BELIEVED_FOR: Final = dt.timedelta(hours=24)


def tight_budgets() -> Iterator[Condition]:
    """How long the next call to each issuer waits for its turn, in Redis; without Redis nothing is limited."""
    limits = {Provider.STRIPE: settings.STRIPE_CALLS_PER_SECOND, Provider.MARQETA: settings.MARQETA_CALLS_PER_SECOND}
    for provider in configured_providers():
        per_second = float(limits.get(Provider(provider), 0))
        backlog_s = Budget(provider, shared(), per_second).backlog_s() or 0.0
        if backlog_s > TIGHT_S:
            yield Condition(
                severity=Severity.WARNING,
                summary=f"{Provider(provider).label}: the next call waits {backlog_s:.1f} s for its turn within "
                f"{per_second:g} calls a second; from {MOST_WAIT_S:g} s on calls are refused.",
                key=provider,
                page=reverse("admin:issuing_issuercontrol_changelist"),
            )


def refused_credentials() -> Iterator[Condition]:
    """The latest audit entry about each issuer, and whether a comparison has ended since."""
    for control in IssuerControl.objects.all():
        about = Entry.objects.filter(subject_type="issuercontrol", subject_id=str(control.pk))
        last = about.filter(action=AUTHENTICATION_FAILED).order_by("-pk").first()
        if last is not None and _still_holds(control.provider, last.recorded_at):
            yield Condition(
                severity=Severity.CRITICAL,
                summary=f"{control} does not accept our credentials, {display.age(last.recorded_at)} ago the last "
                "time: no card can be made or changed until they work.",
                key=control.provider,
                page=reverse("admin:issuing_issuercontrol_changelist"),
            )


def _still_holds(provider: str, refused_at: dt.datetime) -> bool:
    age = clock.now() - refused_at
    ended = SyncRun.objects.filter(provider=provider, status=Sync.FINISHED, finished_at__gt=refused_at)
    return age < REFUSED_WITHIN or (age < BELIEVED_FOR and not ended.exists())


RATE_LIMIT: Final = Rule(
    kind="issuer_rate_limit",
    label=gettext_lazy("The rate limit of an issuer is near"),
    to_do=gettext_lazy("Let imports and comparisons wait, or have the issuer raise the limit and set it here."),
    measure=tight_budgets,
)
CREDENTIALS: Final = Rule(
    kind="issuer_credentials",
    label=gettext_lazy("An issuer turns our credentials away"),
    to_do=gettext_lazy("Put the right key into the environment and restart; what waits is sent then."),
    measure=refused_credentials,
)
