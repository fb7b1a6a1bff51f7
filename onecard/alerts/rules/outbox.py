"""Committed messages that the relay does not hand to the workers."""

import datetime as dt
from collections.abc import Iterator
from typing import Final

from django.db.models import Count, Min
from django.urls import reverse
from django.utils.translation import gettext_lazy

from onecard.alerts.rule import Condition, Rule, counted
from onecard.alerts.states import Severity
from onecard.kit import clock, display
from onecard.outbox.models import Message

# The relay takes a message within a second. A restart of relay and broker takes less than this.
LATE_AFTER: Final = dt.timedelta(minutes=2)


def waiting_messages() -> Iterator[Condition]:
    """The oldest unpublished message; the partial index outbox_unsent holds those only."""
    waiting = Message.objects.filter(published_at=None).aggregate(count=Count("pk"), since=Min("created_at"))
    if waiting["since"] is None or clock.now() - waiting["since"] <= LATE_AFTER:
        return
    yield Condition(
        severity=Severity.CRITICAL,
        summary=f"{counted(waiting['count'], 'message waits', 'messages wait')} in the outbox, the oldest for "
        f"{display.age(waiting['since'])}.",
        page=f"{reverse('admin:outbox_message_changelist')}?state=waiting",
    )


RULE: Final = Rule(
    kind="outbox_waits",
    label=gettext_lazy("The outbox is not emptied"),
    to_do=gettext_lazy(
        "Start the relay (manage.py relay), and see that the broker answers. Purchases go on; charges are late."
    ),
    measure=waiting_messages,
)
