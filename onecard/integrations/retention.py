"""How long events are kept, with the log of their deliveries."""

import datetime as dt
from typing import Final

from onecard.integrations.models import Event
from onecard.kit import clock

KEPT_FOR: Final = dt.timedelta(days=30)
BATCH: Final = 100


def forget_old() -> int:
    """Deletes events of over 30 days ago with their deliveries; returns how many. They are in the order of time."""
    limit, total = clock.now() - KEPT_FOR, 0
    while True:
        oldest = Event.objects.order_by("pk").values_list("pk", "created_at")[:BATCH]
        old = [pk for pk, created_at in oldest if created_at < limit]
        if not old:
            return total
        Event.objects.filter(pk__in=old).delete()
        total += len(old)
